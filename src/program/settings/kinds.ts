/** What the text of a setting may be, and how it is read: of a flag, the environment or a file. */
import { Result } from "effect"
import { isIP } from "node:net"
import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import { parse } from "../../tuning/target.ts"
import { BadUsage } from "../errors.ts"
import { limitsOf } from "./limits.ts"
import { bytesOf, keyCapacityOr, millisOf, millisOr, numberOf, numberOr } from "./quantities.ts"
import { shownStore, type StoreAddress, storeAddressOf, storeForm } from "./storeAddress.ts"

/** What a text may be, and how the help and an error tell it. */
export interface Kind<A> {
  readonly metavar: string
  readonly expected: string
  /** `undefined` for what does not fit. Paths are relative to the folder, if it stands in a file of that. */
  readonly read: (text: string, folder?: string) => A | undefined
  /** In a file it may be a list, which is read as its JSON. */
  readonly isList?: boolean
  /** What its flag means without a value. In a file it may be `true` or `false`. */
  readonly bare?: string
  /** What of it may be told to people. Default: all. */
  readonly shown?: (text: string) => string
}

export const text = (metavar: string, expected: string, pattern = /./): Kind<string> => ({
  metavar,
  expected,
  read: (text) => (pattern.test(text) ? text : undefined)
})
export const path = (metavar: string): Kind<string> => ({
  metavar,
  expected: "a path",
  read: (path, folder) => (path === "" ? undefined : folder === undefined ? path : resolve(folder, path))
})
export const oneOf = <A extends string>(...choices: ReadonlyArray<A>): Kind<A> => ({
  metavar: choices.join("|"),
  expected: `one of ${choices.join(", ")}`,
  read: (text) => choices.find((choice) => choice === text)
})
const between = <A extends number>(least: number, most: number, of: (text: string) => A | undefined) => {
  return (text: string) => {
    const value = of(text)
    return value !== undefined && value >= least && value <= most ? value : undefined
  }
}
const wholeOf = (text: string) => {
  const number = numberOf(text)
  return Number.isSafeInteger(number) ? number : undefined
}
export const whole = (least: number, most = Infinity): Kind<number> => ({
  metavar: "N",
  expected: most === Infinity ? `a whole number, at least ${least}` : `a whole number from ${least} to ${most}`,
  read: between(least, most, wholeOf)
})
/** In whole milliseconds, rounded up. A day is far below what a timer of Node can do. */
export const time = (least: 0 | 1): Kind<number> => ({
  metavar: "DURATION",
  expected: `a duration ${least === 0 ? "from 0" : "above zero and up"} to 1d`,
  read: (text) => between(least, 86_400_000, (text) => Math.ceil(millisOf(text) ?? Number.NaN))(text)
})
export const bytes: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 65536, 64KiB or 1MiB, from 1 to 256MiB",
  read: between(1, 256 * 1024 ** 2, bytesOf)
}
export const kept: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 1048576 or 64MiB, at least 0",
  read: between(0, Infinity, bytesOf)
}
export const recorded: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 64MiB or 1GiB, at least 64KiB",
  read: between(64 * 1024, Infinity, bytesOf)
}
export const host: Kind<string> = {
  metavar: "HOST",
  expected: "an IP address or the name of a host",
  read: (text) => (isIP(text) !== 0 || /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(text) ? text : undefined)
}
/** What follows is checked by the pool itself; what it would be told is the text, if that is no number or time. */
export const poolTime = (expected: string): Kind<never> => ({ metavar: "DURATION", expected, read: millisOr })
export const poolCapacity: Kind<never> = {
  metavar: "N",
  expected: 'a whole number, at least 1, or "unbounded"',
  read: (text) => (text === "unbounded" ? (text as never) : numberOr(text))
}
export const keyCapacity: Kind<never> = {
  metavar: "N",
  expected: 'a whole number, at least 1, "dynamic" or "none"',
  read: keyCapacityOr
}
export const retryBudget: Kind<number | "none"> = {
  metavar: "RATIO",
  expected: 'a number from 0 to 10, or "none"',
  read: (text) => (text === "none" ? text : between(0, 10, numberOf)(text))
}
/** What is wrong with one is told by the library, field by field. */
export const limits: Kind<ReturnType<typeof limitsOf>> = {
  metavar: "LIMIT",
  expected: "limits such as name=mailer,per=tag,concurrency=4,rate=10/1s,burst=5, with semicolons between",
  read: (text) => limitsOf(listOf(text)),
  isList: true
}
/** What a setting of several holds: a list that was written as JSON, or the text. */
export const listOf = (text: string): unknown => {
  try {
    return text.startsWith("[") ? JSON.parse(text) : text
  } catch {
    return text
  }
}
export const targets: Kind<ReadonlyArray<string>> = {
  metavar: "TARGET",
  expected: 'targets such as "p99(wait) <= 200ms" or "refused <= 0.1%", with semicolons between',
  read: (text) => {
    const list = listOf(text)
    const all = typeof list === "string" ? list.split(";").map((target) => target.trim()) : list
    const isTarget = (target: unknown) => typeof target === "string" && Result.isSuccess(parse(target))
    return Array.isArray(all) && all.length > 0 && all.every(isTarget) ? all : undefined
  },
  isList: true
}
export const policy = text(
  "POLICY",
  "adaptive, gradient, fixed:N, queueLength:N, or several with commas between",
  /[^]*/
)
/** So many, or as many as there are cores to use. */
export const processes: Kind<number> = {
  metavar: "N",
  expected: 'a whole number from 1 to 256, or "auto"',
  read: (text) => (text === "auto" ? availableParallelism() : whole(1, 256).read(text))
}
/** As many as there are cores to use, or so many, or, for `"none"`, not on threads at all. */
export const threads: Kind<number | "none"> = {
  metavar: "N",
  expected: 'a whole number, at least 1, "auto" or "none"',
  read: (text) => {
    if (text === "auto" || text === "true") return availableParallelism()
    return text === "none" || text === "false" ? "none" : whole(1).read(text)
  },
  bare: "auto"
}
export const recordKeys = oneOf("hashed", "plain")
export const isolation = oneOf("thread", "process")
/** A thread takes 40 MiB before its first attempt (`effect`, and what removes types): less than this could kill each at its start. */
export const threadMemory: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 256MiB, at least 64MiB",
  read: between(64 * 1024 ** 2, Infinity, bytesOf)
}
/** A flag that needs no value. */
export const yes: Kind<boolean> = {
  metavar: "true|false",
  expected: "true or false",
  read: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  bare: "true"
}
export const store: Kind<StoreAddress | "none"> = {
  metavar: "STORE",
  expected: storeForm,
  read: storeAddressOf,
  shown: shownStore
}
export const lookAhead: Kind<number> = time(0)
export const maxHeld = whole(1)
export const deliveries = whole(1, 100)
export const keepOutcomes: Kind<number> = {
  metavar: "DURATION",
  expected: "a duration of at least a minute",
  read: between(60_000, Infinity, (text) => Math.ceil(millisOf(text) ?? Number.NaN))
}
/** Seen as it is by `Authorization: Bearer`, which has no spaces. */
export const secret = text("TOKEN", "at least 16 visible ASCII characters, without spaces", /^[\x21-\x7e]{16,}$/)

/** Not one that has a meaning of its own here, or that Node may give as a list. */
const reserved = new Set(["authorization", "cookie", "set-cookie", "host", "origin", "priority", "prefer"])
export const keyFrom: Kind<"query" | "token" | { readonly header: string }> = {
  metavar: "SOURCE",
  expected: '"query", "token" or "header:NAME" such as header:X-Tenant',
  read: (text) => {
    if (text === "query" || text === "token") return text
    const header = /^header:([\w!#$%&'*+.^`|~-]+)$/.exec(text)?.[1]
    return header === undefined || reserved.has(header.toLowerCase()) ? undefined : { header }
  }
}

/** A flag, as `serve` reads the setting of that name. */
export const read = <A>(
  flag: string,
  { expected, read, shown }: Kind<A>,
  text: string | undefined
): Result.Result<A | undefined, BadUsage> => {
  const value = text === undefined ? undefined : read(text)
  if (text === undefined || value !== undefined) return Result.succeed(value)
  return Result.fail(new BadUsage({ reason: `Expected ${flag} to be ${expected}, got "${shown?.(text) ?? text}"` }))
}
