/** Who runs next: those of a pool's options, checked. */
import { type Duration, Result } from "effect"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import * as checks from "./internal/checks.ts"
import * as Limit from "./Limit.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"

/** Whether the oldest or the newest request comes first, where nothing else decides. */
export type Order = "fifo" | "lifo"

/** When a request of a pool whose strategy is `"shedding"` has waited for too long. */
export interface Shedding {
  /** The longest wait while the pool is overloaded. Above zero. Default 100 ms. */
  readonly target?: Duration.Input | undefined
  /** For how long something must have waited for the pool to count as overloaded. Above zero. Default: ten times `target`. */
  readonly interval?: Duration.Input | undefined
}

/** What the caller writes. A field that is `undefined` is not set. */
export interface Options {
  /**
   * Whose request it is, where neither call nor annotation says: workers are shared fairly among keys, by the time that
   * their attempts take. `undefined`: nobody's; all of those share one key, `""`. Where it throws the call fails with
   * `InvalidRequestOption`. Default: none.
   */
  readonly key?: ((tag: string, payload: any) => string | undefined) | undefined
  /**
   * The share of a key, against those of others: from 0.000001 to 1,000,000. Asked when a key appears. Default: 1 for each, also where it
   * throws, or answers anything else.
   */
  readonly weight?: ((key: string) => number) | undefined
  /**
   * What one step of priority is worth: a request of priority p stands as if it had come `p * aging` earlier. `"none"`: higher
   * always comes first, within a key, and the lower may never come. Above zero. Default 30 s.
   */
  readonly aging?: Duration.Input | "none" | undefined
  /** What a start must pass, all of them in one step. Each has a name of its own. Default: none. */
  readonly limits?: ReadonlyArray<Limit.Limit> | undefined
  /**
   * How many requests of one key may wait, or be between two attempts; the strategy holds for a key that has its share as it does for a
   * full queue. `"dynamic"`: as many as there are places free, so that one key alone gets half of the capacity (Choudhury and
   * Hahne, 1998). It holds for pools that have keys. A number is at least 1. Default `"dynamic"`.
   */
  readonly keyCapacity?: number | "dynamic" | "none" | undefined
  /** Keys that are remembered after their last request, so that they do not come back without what they have had. At least 0. Default 10,000. */
  readonly forgetKeys?: number | undefined
  /** `"lifo"`: the newest first, of those of one key and one priority. Default `"fifo"`: the oldest. */
  readonly order?: Order | undefined
  /**
   * With the strategy `"shedding"`: while something has waited for all of `interval`, the newest comes first and whoever has waited for
   * longer than `target` ends evicted, with `RequestShed` (adaptive last-in-first-out and CoDel: Maurer, 2015). With another strategy it is
   * refused.
   */
  readonly shedding?: Shedding | undefined
}

/** Who runs next, complete and checked. */
export interface Discipline {
  /** Whether any of it was set: where not, first in is first out until a request has a key or a priority. */
  readonly isSet: boolean
  /** Whose a request is, where neither call nor annotation says. */
  readonly key: ((tag: string, payload: any) => string | undefined) | undefined
  /** The share of a key; `undefined`: 1 for each. */
  readonly weight: ((key: string) => number) | undefined
  /** `Infinity` for `"none"`. */
  readonly agingMillis: number
  /** What a start must pass. */
  readonly limits: ReadonlyArray<Limit.Limit>
  /** What stops the attempts of this tag, asked once for each. Not there where there is no breaker at all. */
  readonly breakerOf?: ((tag: string) => CircuitBreaker | undefined) | undefined
  /** How many places a key may have. */
  readonly keyCapacity: number | "dynamic" | "none"
  /** How many keys are remembered that have had more than others. */
  readonly forgetKeys: number
  /** Which one of equals is the next. */
  readonly order: Order
  /** When waiting is of no use any more. The strategy of the pool says whether that counts. */
  readonly shedding: { readonly targetMillis: number; readonly intervalMillis: number }
}

/** Checks the options and fills in the defaults. @internal */
export const make = (options: Options): Result.Result<Discipline, InvalidPoolConfig> => {
  const {
    aging = "30 seconds",
    forgetKeys = 10_000,
    key,
    keyCapacity = "dynamic",
    limits = [],
    order = "fifo",
    shedding = {},
    weight
  } = options
  const targetMillis = checks.millis("shedding.target", shedding?.target ?? "100 millis")
  const intervalMillis = checks.millis("shedding.interval", shedding?.interval ?? 10 * Number(targetMillis))
  const agingMillis = aging === "none" ? Infinity : checks.millis("aging", aging)
  const isFunction = (field: string, value: unknown) =>
    value === undefined || typeof value === "function" ? undefined : checks.wrong(field, "a function", value)
  const invalid =
    isFunction("key", key) ??
    isFunction("weight", weight) ??
    (typeof agingMillis === "number" ? undefined : agingMillis) ??
    (Array.isArray(limits) && limits.every(Limit.isLimit)
      ? undefined
      : checks.wrong("limits", "a list of `Limit`s", limits)) ??
    limits.find(({ invalid }) => invalid !== undefined)?.invalid ??
    sameName(limits) ??
    (keyCapacity === "dynamic" || keyCapacity === "none"
      ? undefined
      : checks.wholeFrom(1)("keyCapacity", keyCapacity)) ??
    checks.wholeFrom(0)("forgetKeys", forgetKeys) ??
    checks.oneOf("fifo", "lifo")("order", order) ??
    (typeof shedding === "object" && shedding !== null
      ? undefined
      : checks.wrong("shedding", "an object with `target` and `interval`", shedding)) ??
    [targetMillis, intervalMillis].find((time) => typeof time !== "number")
  if (invalid !== undefined) return Result.fail(invalid)
  const isSet =
    limits.length > 0 || [key, weight, options.aging, options.keyCapacity].some((value) => value !== undefined)
  return Result.succeed({
    isSet: isSet || order !== "fifo",
    key,
    weight,
    agingMillis: agingMillis as number,
    limits,
    keyCapacity,
    forgetKeys,
    order,
    shedding: { targetMillis: targetMillis as number, intervalMillis: intervalMillis as number }
  })
}

const sameName = (limits: ReadonlyArray<Limit.Limit>): InvalidPoolConfig | undefined => {
  const names = limits.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  return twice === undefined ? undefined : checks.wrong("limits.name", "another one for each limit", twice)
}
