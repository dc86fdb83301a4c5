/** The settings of the service: one table, from which come the flags, the environment and the keys of the file. */
import { isIP } from "node:net"
import { availableParallelism } from "node:os"
import { limitsOf } from "./limits.ts"
import { bytesOf, keyCapacityOr, millisOf, millisOr, numberOf, numberOr } from "./quantities.ts"

/** What a text may be, and how the help and an error tell it. */
export interface Kind<A> {
  readonly metavar: string
  readonly expected: string
  /** `undefined` for what does not fit. */
  readonly read: (text: string) => A | undefined
  /** In a file it is relative to the folder of that file. */
  readonly isPath?: boolean
  /** In a file it may be a list, which is read as its JSON. */
  readonly isList?: boolean
  /** What its flag means without a value. In a file it may be `true` or `false`. */
  readonly bare?: string
}

export type Source = "flag" | "environment" | "file"

export interface Setting<A> {
  readonly kind: Kind<A>
  readonly description: string
  /** As one would write it. Without one it may be left unset. */
  readonly default: string | undefined
  /** How the help and the documentation tell what holds when it is not set. */
  readonly defaultHelp: string
  readonly sources: ReadonlyArray<Source>
  /** What its flag is called, where that may be given several times, once for each of the list. */
  readonly flag?: string
}

const text = (metavar: string, expected: string, pattern = /./): Kind<string> => ({
  metavar,
  expected,
  read: (text) => (pattern.test(text) ? text : undefined)
})
const path = (metavar: string): Kind<string> => ({ ...text(metavar, "a path"), isPath: true })
const oneOf = <A extends string>(...choices: ReadonlyArray<A>): Kind<A> => ({
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
const whole = (least: number, most = Infinity): Kind<number> => ({
  metavar: "N",
  expected: most === Infinity ? `a whole number, at least ${least}` : `a whole number from ${least} to ${most}`,
  read: between(least, most, wholeOf)
})
/** In whole milliseconds, rounded up. A day is far below what a timer of Node can do. */
const time = (least: 0 | 1): Kind<number> => ({
  metavar: "DURATION",
  expected: `a duration ${least === 0 ? "from 0" : "above zero and up"} to 1d`,
  read: (text) => between(least, 86_400_000, (text) => Math.ceil(millisOf(text) ?? Number.NaN))(text)
})
const bytes: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 65536, 64KiB or 1MiB, from 1 to 256MiB",
  read: between(1, 256 * 1024 ** 2, bytesOf)
}
const kept: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 1048576 or 64MiB, at least 0",
  read: between(0, Infinity, bytesOf)
}
const host: Kind<string> = {
  metavar: "HOST",
  expected: "an IP address or the name of a host",
  read: (text) => (isIP(text) !== 0 || /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(text) ? text : undefined)
}
/** What follows is checked by the pool itself; what it would be told is the text, if that is no number or time. */
const poolTime = (expected: string): Kind<never> => ({ metavar: "DURATION", expected, read: millisOr })
const poolCapacity: Kind<never> = {
  metavar: "N",
  expected: 'a whole number, at least 1, or "unbounded"',
  read: (text) => (text === "unbounded" ? (text as never) : numberOr(text))
}
const keyCapacity: Kind<never> = {
  metavar: "N",
  expected: 'a whole number, at least 1, "dynamic" or "none"',
  read: keyCapacityOr
}
/** What is wrong with one is told by the library, field by field. */
const limits: Kind<ReturnType<typeof limitsOf>> = {
  metavar: "LIMIT",
  expected: "limits such as name=mailer,per=tag,concurrency=4,rate=10/1s,burst=5, with semicolons between",
  read: (text) => limitsOf(listOf(text)),
  isList: true
}
const listOf = (text: string): unknown => {
  try {
    return text.startsWith("[") ? JSON.parse(text) : text
  } catch {
    return text
  }
}
const policy = text("POLICY", "adaptive, gradient, fixed:N, queueLength:N, or several with commas between", /[^]*/)
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
export const isolation = oneOf("thread", "process")
/** A thread takes 40 MiB before its first attempt (`effect`, and what removes types): less than this could kill each at its start. */
export const threadMemory: Kind<number> = {
  metavar: "BYTES",
  expected: "a number of bytes such as 256MiB, at least 64MiB",
  read: between(64 * 1024 ** 2, Infinity, bytesOf)
}
/** Seen as it is by `Authorization: Bearer`, which has no spaces. */
const secret = text("TOKEN", "at least 16 visible ASCII characters, without spaces", /^[\x21-\x7e]{16,}$/)

/** Not one that has a meaning of its own here, or that Node may give as a list. */
const reserved = new Set(["authorization", "cookie", "set-cookie", "host", "origin", "priority", "prefer"])
const keyFrom: Kind<"query" | "token" | { readonly header: string }> = {
  metavar: "SOURCE",
  expected: '"query", "token" or "header:NAME" such as header:X-Tenant',
  read: (text) => {
    if (text === "query" || text === "token") return text
    const header = /^header:([\w!#$%&'*+.^`|~-]+)$/.exec(text)?.[1]
    return header === undefined || reserved.has(header.toLowerCase()) ? undefined : { header }
  }
}

const everywhere: ReadonlyArray<Source> = ["flag", "environment", "file"]

const withDefault = <A>(kind: Kind<A>, value: string, description: string): Setting<A> => ({
  kind,
  description,
  default: value,
  defaultHelp: value,
  sources: everywhere
})

const optional = <A>(
  kind: Kind<A>,
  defaultHelp: string,
  description: string,
  sources = everywhere
): Setting<A | undefined> => ({ kind, description, default: undefined, defaultHelp, sources })

export const settings = {
  config: optional(path("FILE"), "none", "A .json, .yaml, .yml or .toml file of settings", ["flag", "environment"]),
  handlers: optional(path("MODULE"), "required", "A module that exports `group` and `layer`"),
  host: withDefault(host, "127.0.0.1", "The address to listen on; other machines reach it only with a token"),
  port: withDefault(whole(0, 65_535), "8080", "The port to listen on; 0 takes any that is free"),
  name: withDefault(text("NAME", "a text that is not empty"), "serve", "Names the pool in metrics, logs and reports"),
  minWorkers: withDefault(whole(0), "1", "Workers kept even when idle"),
  maxWorkers: optional(
    whole(1),
    "64, with threads as many as there are, or more if minWorkers or fixed:N is",
    "The most workers"
  ),
  threads: optional(
    threads,
    "none",
    "Run each attempt on a thread of its own, at most so many at once; auto, or the flag alone: as many as there are cores"
  ),
  isolate: optional(
    isolation,
    "thread",
    "With threads: each may be a process of its own, which can be ended whatever it does, and takes nobody with it"
  ),
  threadMemory: optional(
    threadMemory,
    "none",
    "With threads: one whose values take more is killed, and its attempt fails"
  ),
  capacity: withDefault(poolCapacity, "10000", "The most requests that wait"),
  strategy: withDefault(
    oneOf("suspend", "dropping", "sliding"),
    "dropping",
    "A full queue lets callers wait, refuses them, or evicts the oldest"
  ),
  policy: withDefault(policy, "adaptive", "What decides how many workers there are"),
  limits: {
    ...optional(limits, "none", "How much may run at once, and how often something may start; one for each `--limit`"),
    flag: "limit"
  },
  priority: optional(whole(-10, 10), "0", "Of requests that come without one; higher first"),
  aging: optional(
    poolTime('a duration above zero, or "none"'),
    "30s",
    "How much earlier a request would have to come for one step of priority"
  ),
  keyCapacity: optional(
    keyCapacity,
    "dynamic",
    "The most requests of one key that wait; dynamic: as many as there are places left"
  ),
  forgetKeys: optional(whole(0), "10000", "Keys that are remembered after their last request"),
  order: optional(
    oneOf("fifo", "lifo"),
    "fifo",
    "Whether the oldest or the newest of one key and priority comes first"
  ),
  scalingInterval: withDefault(poolTime("a duration above zero"), "1s", "Time between two looks at the load"),
  timeout: withDefault(poolTime('a duration above zero, or "none"'), "30s", "For one attempt"),
  expiresIn: withDefault(poolTime('a duration above zero, or "none"'), "none", "For a request, in every phase"),
  retries: withDefault(whole(0), "0", "Attempts after a first that failed or timed out, with backoff"),
  interruptGrace: withDefault(
    poolTime("a duration above zero"),
    "1s",
    "What an interrupted attempt has before it counts as stuck"
  ),
  drainDeadline: withDefault(
    poolTime("a duration, at least zero"),
    "30s",
    "What accepted requests have after a signal"
  ),
  shutdownDelay: withDefault(
    time(0),
    "0",
    "How long it still takes requests after a signal, while it is not ready: until nobody routes to it"
  ),
  drainGrace: withDefault(
    poolTime("a duration above zero"),
    "1s",
    "What those that run then have to end once interrupted"
  ),
  maxStuckWorkers: withDefault(whole(0), "0", "Stuck workers that are replaced"),
  deadLetters: withDefault(whole(0), "1000", "Requests that failed or timed out and are kept to be retried"),
  decisions: withDefault(whole(0), "100", "Scaling decisions that are kept"),
  token: {
    ...optional(secret, "none", "What a client must show. In no flag, since all can read those, and in no file"),
    sources: ["environment"]
  },
  tokenFile: optional(path("FILE"), "none", "A file that holds the token; space around it is left out"),
  tokensFile: optional(
    path("FILE"),
    "none",
    "A .json, .yaml, .yml or .toml file with a token for each tenant, by its name, which is the key of its requests"
  ),
  keyFrom: optional(
    keyFrom,
    "token with tokensFile, else query",
    "Where the key of a request comes from: `?key=`, the token of a tenant, or a header that a proxy sets"
  ),
  maxBody: withDefault(bytes, "1MiB", "The most bytes of the body of one HTTP request"),
  maxConnections: withDefault(whole(1), "1024", "The most connections at once"),
  requestTimeout: withDefault(time(1), "30s", "For a client to send a whole HTTP request"),
  headersTimeout: optional(time(1), "10s, or requestTimeout if that is less", "For a client to send the headers"),
  maxWait: withDefault(time(0), "60s", "The most that `Prefer: wait` is granted"),
  keepEnds: withDefault(whole(0), "10000", "Requests that ended and can still be asked for"),
  keepBytes: withDefault(
    kept,
    "64MiB",
    "The most bytes of results and errors that are kept, and again of dead letters"
  ),
  keepFor: withDefault(time(0), "10m", "How long they can"),
  logFormat: withDefault(oneOf("auto", "pretty", "json"), "auto", "How logs are written; auto is pretty on a terminal")
} satisfies Record<string, Setting<unknown>>

export type Settings = typeof settings
export type Name = keyof Settings
export type Values = { readonly [K in Name]: Settings[K] extends Setting<infer A> ? A : never }

export const names = Object.keys(settings) as ReadonlyArray<Name>
export const settingOf = (name: Name): Setting<unknown> => settings[name]
export const has = (name: Name, source: Source): boolean => settingOf(name).sources.includes(source)

/** `minWorkers` is `--min-workers`, and `WORKER_POOL_MIN_WORKERS`. */
export const flagOf = (name: Name): string => `--${settingOf(name).flag ?? kebab(name)}`
export const variableOf = (name: Name): string => `WORKER_POOL_${kebab(name).replaceAll("-", "_").toUpperCase()}`
export const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
