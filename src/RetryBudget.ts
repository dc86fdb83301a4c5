/**
 * What retries may add to the load. Each first attempt pays in a part of a retry; each retry, when it is decided and not
 * when it starts, takes out a whole one. With nothing in it a request ends with the failure that it has, and what is called
 * gets no more than a little above what callers have asked for, however many of them fail.
 */
import { type Duration, Predicate } from "effect"
import * as checks from "./internal/checks.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"

const TypeId = "~effect-worker-pool/RetryBudget"

/** What the caller writes. */
export interface Options {
  /** What a first attempt pays in. From 0 to 10. Default 0.2: one retry for five first attempts. */
  readonly ratio?: number | undefined
  /** Retries a second that need no first attempts. At least 0. Default 10. */
  readonly minPerSecond?: number | undefined
  /** For how long what was paid in can be taken out. Above zero. Default 10 s. */
  readonly window?: Duration.Input | undefined
  /** What has a budget of its own: each tag, or the pool. Default `"tag"`. */
  readonly per?: "tag" | "pool" | undefined
}

/** A budget, made by `make`: the options with their defaults. */
export interface RetryBudget {
  /** Marks it as one. */
  readonly [TypeId]: typeof TypeId
  /** What a first attempt pays in. */
  readonly ratio: number
  /** Retries a second that need none. */
  readonly minPerSecond: number
  /** For how long what was paid in counts, in milliseconds. */
  readonly windowMillis: number
  /** What has one of its own. */
  readonly per: "tag" | "pool"
  /** What is wrong with its options. The pool that is given such a budget fails with it. */
  readonly invalid: InvalidPoolConfig | undefined
}

const fields = new Set(["ratio", "minPerSecond", "window", "per"])

/** A budget of these options. It never throws: what is wrong with them is in `invalid`. */
export const make = (options: Options = {}): RetryBudget => {
  const { minPerSecond = 10, per = "tag", ratio = 0.2, window = "10 seconds" }: Options = options ?? {}
  const windowMillis = checks.millis("retryBudget.window", window)
  const invalid =
    checks.fieldsOf("retryBudget", options, fields, "an option of a budget") ??
    checks.within(0, 10)("retryBudget.ratio", ratio) ??
    checks.finite("retryBudget.minPerSecond", minPerSecond) ??
    (typeof windowMillis === "number" ? undefined : windowMillis) ??
    checks.oneOf("tag", "pool")("retryBudget.per", per)
  return { [TypeId]: TypeId, ratio, minPerSecond, windowMillis: windowMillis as number, per, invalid }
}

/** Whether a value was made by `make`. */
export const isRetryBudget = (u: unknown): u is RetryBudget => Predicate.hasProperty(u, TypeId)

/** What is wrong with it. @internal */
export const invalid = (field: string, budget: unknown): InvalidPoolConfig | undefined =>
  isRetryBudget(budget) ? budget.invalid : checks.wrong(field, `a RetryBudget, or "none"`, budget)
