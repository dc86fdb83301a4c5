/**
 * Stops the attempts of a request tag, or of a key, while what they call fails: in the words of Effect's own
 * `CircuitBreaker`, but as a gate before the start. What waits for an open one waits in the queue, without a worker.
 */
import { type Duration, type Exit, Predicate } from "effect"
import * as checks from "./internal/checks.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"

const TypeId = "~effect-worker-pool/CircuitBreaker"

/** Where a breaker is: everything passes, nothing does, or only probes. */
export type State = "Closed" | "Open" | "HalfOpen"

/** What an attempt says of the health of what it calls. Of an `"Ignored"` one nothing is learnt. */
export type Classification = "Success" | "Failure" | "Ignored"

/** When a closed breaker opens. Effect's own are of the same shape, and do as well. */
export type TripPolicy =
  | { readonly _tag: "Consecutive"; readonly failures: number }
  | { readonly _tag: "Rate"; readonly threshold: number; readonly minimumCalls: number; readonly size: number }

/** After so many failures in a row, in the order in which attempts end. A whole number, at least 1. */
export const consecutive = (failures: number): TripPolicy => ({ _tag: "Consecutive", failures })

/** When of the last attempts at least that share has failed. */
export const rate = (
  options: {
    /** The share, above 0 and at most 1. Default 0.5. */
    readonly threshold?: number | undefined
    /** How many of the last attempts count. A whole number, at least 1. Default 100. */
    readonly size?: number | undefined
    /** How many must have ended for it to open. From 1 to `size`. Default `size`. */
    readonly minimumCalls?: number | undefined
  } = {}
): TripPolicy => {
  const { size = 100, threshold = 0.5 } = options
  // What is not known of it is told by whoever checks the whole.
  return { ...options, _tag: "Rate", threshold, size, minimumCalls: options.minimumCalls ?? size }
}

/** What the caller writes. */
export interface Options {
  /** When it opens. Default `consecutive(5)`. */
  readonly tripPolicy?: TripPolicy | undefined
  /** How long it is open before probes are let through. Above zero. Default 30 s. */
  readonly openDuration?: Duration.Input | undefined
  /** What has a breaker of its own: each tag, or each key within a tag, where requests without a key share that of `""`. Default `"tag"`. */
  readonly per?: "tag" | "key" | undefined
  /** How many attempts may probe at once while it is half-open; so many must succeed for it to close. At least 1. Default 1. */
  readonly probes?: number | undefined
  /**
   * `"wait"` (default): requests wait in the queue until it lets them through. `"fail"`: calls are refused with `CircuitOpen`, and
   * what waits ends with it.
   */
  readonly whenOpen?: "wait" | "fail" | undefined
  /**
   * What the exit of an attempt says. Default: a value is a success; a failure, a defect or a timeout is a failure; an
   * interruption, and a failure that asks to come back later (see `NotBefore`), is ignored. Where it throws, or answers anything else (a
   * `return` that is not there, a promise): `"Ignored"`, and a warning tells it, once for each tag. It is not asked about interruptions.
   */
  readonly classify?: ((exit: Exit.Exit<unknown, unknown>) => Classification) | undefined
  /**
   * The same of errors alone: which of the errors that a handler fails with, or a function of `createPool` throws, are failures of what it calls. Any
   * other is an answer, and a success. Defects and timeouts are failures, and what asks to come back later is ignored, without asking. Where it
   * throws, or answers neither true nor false, as with `classify`. Default: all. Not beside `classify`.
   */
  readonly failures?: ((error: unknown) => boolean) | undefined
}

/** A breaker, made by `make`: the options with their defaults. */
export interface CircuitBreaker {
  /** Marks it as one. */
  readonly [TypeId]: typeof TypeId
  /** When it opens. */
  readonly tripPolicy: TripPolicy
  /** How long it stays open, in milliseconds. */
  readonly openMillis: number
  /** What has one of its own. */
  readonly per: "tag" | "key"
  /** How many probes there are. */
  readonly probes: number
  /** What becomes of requests meanwhile. */
  readonly whenOpen: "wait" | "fail"
  /** What an exit says; `undefined`: what it says by default. */
  readonly classify: ((exit: Exit.Exit<unknown, unknown>) => Classification) | undefined
  /** Which errors are failures; `undefined`: all. */
  readonly failures: ((error: unknown) => boolean) | undefined
  /** What is wrong with its options. The pool that is given such a breaker fails with it. */
  readonly invalid: InvalidPoolConfig | undefined
}

const fields = new Set(["tripPolicy", "openDuration", "per", "probes", "whenOpen", "classify", "failures"])
const rateFields = new Set(["threshold", "size", "minimumCalls"])

/** A breaker of these options. It never throws: what is wrong with them is in `invalid`. */
export const make = (options: Options = {}): CircuitBreaker => {
  const {
    classify,
    failures,
    openDuration = "30 seconds",
    per = "tag",
    probes = 1,
    tripPolicy = consecutive(5),
    whenOpen = "wait"
  }: Options = options ?? {}
  const openMillis = checks.millis("breaker.openDuration", openDuration)
  const invalid =
    checks.fieldsOf("breaker", options, fields, "an option of a breaker") ??
    invalidTrip(tripPolicy) ??
    (typeof openMillis === "number" ? undefined : openMillis) ??
    checks.oneOf("tag", "key")("breaker.per", per) ??
    checks.wholeFrom(1)("breaker.probes", probes) ??
    checks.oneOf("wait", "fail")("breaker.whenOpen", whenOpen) ??
    (classify === undefined || typeof classify === "function"
      ? undefined
      : checks.wrong("breaker.classify", "a function of an exit", classify)) ??
    (failures === undefined || typeof failures === "function"
      ? undefined
      : checks.wrong("breaker.failures", "a function of an error", failures)) ??
    (failures === undefined || classify === undefined
      ? undefined
      : checks.wrong("breaker.failures", "unset beside `classify`", "a function"))
  return {
    [TypeId]: TypeId,
    tripPolicy,
    openMillis: openMillis as number,
    per,
    probes,
    whenOpen,
    classify,
    failures,
    invalid
  }
}

/** Whether a value was made by `make`. */
export const isCircuitBreaker = (u: unknown): u is CircuitBreaker => Predicate.hasProperty(u, TypeId)

/** What is wrong with it. @internal */
export const invalid = (field: string, breaker: unknown): InvalidPoolConfig | undefined =>
  isCircuitBreaker(breaker)
    ? breaker.invalid && at(field, breaker.invalid)
    : checks.wrong(field, `a CircuitBreaker, or "none"`, breaker)

/** What is wrong with that of a policy. @internal */
export const invalidOf = (field: string, policy: { readonly breaker?: unknown }): InvalidPoolConfig | undefined =>
  policy.breaker === undefined || policy.breaker === "none" ? undefined : invalid(field, policy.breaker)

/** Its own options do not know whose it is. */
const at = (field: string, invalid: InvalidPoolConfig): InvalidPoolConfig =>
  checks.wrongAs(field + invalid.field.slice("breaker".length), invalid)

const invalidTrip = (trip: TripPolicy): InvalidPoolConfig | undefined => {
  const field = "breaker.tripPolicy"
  if (trip?._tag === "Consecutive") return checks.wholeFrom(1)(`${field}.failures`, trip.failures)
  if (trip?._tag !== "Rate") return checks.wrong(field, "`consecutive(...)` or `rate(...)`", trip)
  const { _tag, ...options } = trip
  return (
    checks.unknownField(options, rateFields, "an option of `rate`", `${field}.`) ??
    checks.wholeFrom(1)(`${field}.size`, trip.size) ??
    (trip.threshold > 0
      ? checks.within(0, 1)(`${field}.threshold`, trip.threshold)
      : checks.above(0)(`${field}.threshold`, trip.threshold)) ??
    checks.wholeFrom(1)(`${field}.minimumCalls`, trip.minimumCalls) ??
    (trip.minimumCalls <= trip.size
      ? undefined
      : checks.wrong(`${field}.minimumCalls`, `at most size (${trip.size})`, trip.minimumCalls))
  )
}
