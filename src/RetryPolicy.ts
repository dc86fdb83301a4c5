/** When a failed attempt is followed by another one, and after how long. Plain data; a `Schedule` is accepted too. */
import { type Duration, Predicate } from "effect"
import * as checks from "./internal/checks.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"

const TypeId = "~effect-worker-pool/RetryPolicy"

/** A retry rule, made by `make`: the options with their defaults, durations in milliseconds. */
export interface RetryPolicy {
  /** Marks it as one: see `isRetryPolicy`. */
  readonly [TypeId]: typeof TypeId
  /** Attempts after the first one. */
  readonly times: number
  /** The delay before the first retry, before jitter. */
  readonly baseMillis: number
  /** What each further delay is multiplied with. */
  readonly factor: number
  /** The longest delay. */
  readonly capMillis: number
  /** Whether each delay is drawn from zero to its full length. */
  readonly jitter: "full" | "none"
  /** Takes the delay from the error. */
  readonly delay: Delay | undefined
  /** Which of the handler's own failures are retried. */
  readonly failures: boolean | ((error: unknown) => boolean)
  /** Whether an attempt that timed out is retried. */
  readonly timeouts: boolean
  /** Whether defects are retried. */
  readonly defects: boolean
  /** What is wrong with its options. The layer, or the call, that is given such a policy fails with it. */
  readonly invalid: InvalidPoolConfig | undefined
}

/**
 * The delay that an error asks for; `undefined`: the policy's own. `attempt` is the number of the one that failed, from 1.
 * The error is the handler's own, a `RequestTimeout`, or a defect.
 */
export type Delay = (error: unknown, attempt: number) => Duration.Input | undefined

/** What the caller writes. A wrong field is told by the layer, or the call, that is given the policy. */
export interface Options {
  /** Attempts after the first one. A whole number, at least 0. */
  readonly times: number
  /** The delay before the first retry, before jitter. Default 100 ms; zero retries at once. */
  readonly base?: Duration.Input | undefined
  /** What each further delay is multiplied with. At least 1. Default 2. */
  readonly factor?: number | undefined
  /** The longest delay. Default 30 s. */
  readonly cap?: Duration.Input | undefined
  /**
   * `"full"` (default) draws each delay evenly from zero to its full length, so that clients that failed together do
   * not come back together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
   */
  readonly jitter?: "full" | "none" | undefined
  /**
   * Takes the delay from the error, for example from what a service says in its `Retry-After`. No jitter is applied to
   * it; it is at most `cap`. Where the function answers `undefined` or no finite duration from zero on, or throws, the
   * policy's own delay is taken. Whether there is another attempt at all is not its business: see `failures`.
   */
  readonly delay?: Delay | undefined
  /** Whether the handler's own failures are retried: all, none, or those that the function says. Default `true`. */
  readonly failures?: boolean | ((error: unknown) => boolean) | undefined
  /** Whether an attempt that timed out is retried. Default `true`. */
  readonly timeouts?: boolean | undefined
  /** Whether defects are retried. Default `false`: a bug seldom goes away by itself. */
  readonly defects?: boolean | undefined
}

/** A retry rule of these options. It never throws: what is wrong with them is in `invalid`. */
export const make = (options: Options): RetryPolicy => {
  const { delay, times, factor = 2, jitter = "full", failures = true, timeouts = true, defects = false } = options
  const base = checks.millis("retry.base", options.base ?? "100 millis", 0)
  const cap = checks.millis("retry.cap", options.cap ?? "30 seconds", 0)
  return {
    [TypeId]: TypeId,
    times,
    baseMillis: typeof base === "number" ? base : 0,
    factor,
    capMillis: typeof cap === "number" ? cap : 0,
    jitter,
    delay,
    failures,
    timeouts,
    defects,
    invalid:
      checks.wholeFrom(0)("retry.times", times) ??
      (typeof base === "number" ? undefined : base) ??
      checks.within(1, Infinity)("retry.factor", factor) ??
      (typeof cap === "number" ? undefined : cap) ??
      checks.oneOf("full", "none")("retry.jitter", jitter) ??
      (delay === undefined || typeof delay === "function"
        ? undefined
        : checks.wrong("retry.delay", "a function of the error and the attempt", delay))
  }
}

/** Whether a value was made by `make`. */
export const isRetryPolicy = (u: unknown): u is RetryPolicy => Predicate.hasProperty(u, TypeId)

/**
 * Milliseconds before the attempt that follows attempt number `attempt` (from 1): what `delay` says of `error`, and else
 * `base * factor ^ (attempt - 1)`, times `random` (from 0 to 1) under full jitter. Whole milliseconds, at most `cap`.
 */
export const delayMillis = (self: RetryPolicy, attempt: number, random: number, error?: unknown): number => {
  const asked = self.delay === undefined ? undefined : askedMillis(self.delay, error, attempt)
  if (asked !== undefined) return Math.min(self.capMillis, asked)
  // Zero times a power that has overflowed would be no number.
  if (self.baseMillis === 0) return 0
  const full = Math.min(self.capMillis, self.baseMillis * self.factor ** (attempt - 1))
  return Math.round(self.jitter === "full" ? full * random : full)
}

const askedMillis = (delay: Delay, error: unknown, attempt: number): number | undefined => {
  try {
    return checks.wholeMillis(delay(error, attempt))
  } catch {
    return undefined
  }
}
