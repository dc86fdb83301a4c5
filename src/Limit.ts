/** How much may run at once, and how often something may start: what a start must pass, whoever is free. */
import { type Duration, Predicate } from "effect"
import type { Places } from "./Capacity.ts"
import * as checks from "./internal/checks.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"

const TypeId = "~effect-worker-pool/Limit"

/**
 * What is counted together: the whole pool, each request tag, each key, or each value that the function answers
 * (`undefined`: this request is not limited). The function is called once a request, when it comes; where it throws, or
 * answers anything but a text, the call fails with `InvalidRequestOption`.
 */
export type Per = "pool" | "tag" | "key" | ((tag: string, payload: any) => string | undefined)

/** At most so many starts in a period, evenly refilled. */
export interface Rate {
  /** Starts in a period. A whole number, at least 1. */
  readonly limit: number
  /** Above zero. */
  readonly period: Duration.Input
  /**
   * The most that may start at once after a rest. A whole number, at least 1. Default: `limit`. What waits is let go on whole
   * milliseconds: with a burst of 1, 700 in a second are 500.
   */
  readonly burst?: number | undefined
}

/** A checked rate. */
export interface ResolvedRate {
  /** Starts in a period. */
  readonly limit: number
  /** The period, in milliseconds. */
  readonly periodMillis: number
  /** The most that may start at once. */
  readonly burst: number
}

/** Who allows starts, some at a time, and counts those of others too. @internal */
export interface Lessor {
  /** The most that are asked for at once. */
  readonly lease: number
  /** How long that many last at the full rate, in milliseconds. */
  readonly leaseMillis: number
  /** What is shared, for those who look. */
  readonly rate: ResolvedRate
  /**
   * Asks, for what is counted together under this name, for as many as `tokens` says when the question is sent: none may be needed any
   * more. It answers later, never at once: how many more there are or, of none, after how many milliseconds to ask again.
   */
  readonly ask: (
    of: string | undefined,
    tokens: () => number,
    answer: (leased: number, againMillis: number) => void
  ) => void
}

/** A limit, made by `make`, `serial` or `SharedLimit.make`: the options with their defaults. */
export interface Limit {
  /** Marks it as one. */
  readonly [TypeId]: typeof TypeId
  /** Names it in `setLimit`, snapshots, metrics and events. */
  readonly name: string
  /** What is counted together. */
  readonly per: Per
  /** The most that may run at once. `Infinity`: any number. */
  readonly concurrency: number
  /** How often one may start. `undefined`: at any time. */
  readonly rate: ResolvedRate | undefined
  /** The tags of the requests to which it applies. `undefined`: all. */
  readonly tags: ReadonlySet<string> | undefined
  /** Until when a request counts as one that runs. */
  readonly until: "attempt" | "request"
  /** Who says, in place of `concurrency`, how much may run at once. `undefined`: nobody does. */
  readonly places: Places | undefined
  /** Who allows starts, in place of `rate`. `undefined`: nobody has to. */
  readonly lessor: Lessor | undefined
  /** What is wrong with its options. The pool that is given such a limit fails with it. */
  readonly invalid: InvalidPoolConfig | undefined
}

/** What the caller writes: at least one of `concurrency` and `rate`. */
export interface Options {
  /** Not empty, and another one for each limit of a pool. */
  readonly name: string
  /** What is counted together. Default `"pool"`. */
  readonly per?: Per | undefined
  /** The most that may run at once. A whole number, at least 1. Default: any number. */
  readonly concurrency?: number | undefined
  /**
   * How often one may start: starts, not ends, retries among them. By the generic cell rate algorithm (ITU-T I.371): in any
   * window of time t no more than `burst + t * limit / period` start, without the steps of a fixed window.
   */
  readonly rate?: Rate | undefined
  /** The tags of the requests to which it applies. Default: all. */
  readonly tags?: ReadonlyArray<string> | undefined
  /**
   * `"attempt"` (default): a place is given back when an attempt has really ended, its finalizers included. `"request"`: it
   * is kept between two attempts of a request, until this has ended.
   */
  readonly until?: "attempt" | "request" | undefined
}

/** A limit of these options. It never throws: what is wrong with them is in `invalid`. */
export const make = (options: Options): Limit => made(options, false)

/** `isFree`: it may bound nothing. */
const made = (options: Options, isFree: boolean): Limit => {
  const { concurrency = Infinity, name, per = "pool", rate, tags, until = "attempt" }: Partial<Options> = options ?? {}
  const where = `limits.${typeof name === "string" && name !== "" ? name : "?"}`
  const checked = rate === undefined ? undefined : resolveRate(`${where}.rate`, rate)
  const invalid =
    (typeof options === "object" && options !== null ? undefined : checks.wrong("limits", "an object", options)) ??
    checks.text("limits.name", name) ??
    (typeof per === "function" || per === "pool" || per === "tag" || per === "key"
      ? undefined
      : checks.wrong(`${where}.per`, '"pool" or "tag" or "key", or a function of tag and payload', per)) ??
    (concurrency === Infinity ? undefined : checks.wholeFrom(1)(`${where}.concurrency`, concurrency)) ??
    (checked !== undefined && "_tag" in checked ? checked : undefined) ??
    (concurrency === Infinity && rate === undefined && !isFree
      ? checks.wrong(where, "a limit with `concurrency` or `rate`, or both", "neither")
      : undefined) ??
    (tags === undefined || (Array.isArray(tags) && tags.every((tag) => typeof tag === "string"))
      ? undefined
      : checks.wrong(`${where}.tags`, "a list of request tags", tags)) ??
    checks.oneOf("attempt", "request")(`${where}.until`, until)
  return {
    [TypeId]: TypeId,
    name: name as string,
    per,
    concurrency,
    rate: checked as ResolvedRate | undefined,
    tags: Array.isArray(tags) ? new Set(tags) : undefined,
    until,
    places: undefined,
    lessor: undefined,
    invalid
  }
}

/**
 * One at a time, in the order in which they came, retries and their delays included: `Limit.serial("key")`, or one for each
 * entity, `Limit.serial((tag, { entity }) => entity)`. `name` is `"serial"` by default.
 */
export const serial = (
  per: Per,
  options: { readonly name?: string; readonly tags?: ReadonlyArray<string> } = {}
): Limit => make({ name: options.name ?? "serial", per, concurrency: 1, until: "request", tags: options.tags })

/** So many of these tags run at once as there are places. More tags may come. @internal */
export const ofPlaces = (places: Places, tags: ReadonlySet<string>): Limit => ({
  ...made({ name: places.name }, true),
  tags,
  places
})

/** Starts are those that somebody else allows; `invalid`: what is wrong with what he was told. @internal */
export const leased = (
  options: Pick<Options, "name" | "per" | "tags">,
  lessor: Lessor,
  invalid: InvalidPoolConfig | undefined
): Limit => {
  const limit = made(options, true)
  return { ...limit, lessor, invalid: limit.invalid ?? invalid }
}

/** The name of the breaker of a tag among the limits of its pool. @internal */
export const breakerName = (tag: string): string => `breaker:${tag}`

/** Bounds no number: what stops the attempts of a tag, or of each of its keys, is the breaker itself. @internal */
export const ofBreaker = (tag: string, per: "tag" | "key"): Limit =>
  made({ name: breakerName(tag), per, tags: [tag] }, true)

/** Whether a value was made by `make`, `serial` or `SharedLimit.make`. */
export const isLimit = (u: unknown): u is Limit => Predicate.hasProperty(u, TypeId)

/** What `setLimit` may change. What is not set stays; `"none"` takes that half of the limit away, and with both it bounds nothing. */
export interface Change {
  /** The most that may run at once. */
  readonly concurrency?: number | "none" | undefined
  /** How often one may start. */
  readonly rate?: Rate | "none" | undefined
}

/** The limit after the change, or what is wrong with the change. @internal */
export const change = (self: Limit, { concurrency, rate }: Change): Limit =>
  made(
    {
      name: self.name,
      per: self.per,
      until: self.until,
      tags: self.tags === undefined ? undefined : [...self.tags],
      concurrency: concurrency === undefined ? self.concurrency : concurrency === "none" ? undefined : concurrency,
      rate:
        rate === "none"
          ? undefined
          : (rate ?? (self.rate && { limit: self.rate.limit, period: self.rate.periodMillis, burst: self.rate.burst }))
    },
    true
  )

const resolveRate = (field: string, rate: Rate): ResolvedRate | InvalidPoolConfig => {
  if (typeof rate !== "object" || rate === null) return checks.wrong(field, "an object with `limit` and `period`", rate)
  const { burst = rate.limit, limit } = rate
  const periodMillis = checks.millis(`${field}.period`, rate.period)
  const invalid =
    checks.wholeFrom(1)(`${field}.limit`, limit) ??
    (typeof periodMillis === "number" ? undefined : periodMillis) ??
    checks.wholeFrom(1)(`${field}.burst`, burst)
  return invalid ?? { limit, periodMillis: periodMillis as number, burst }
}
