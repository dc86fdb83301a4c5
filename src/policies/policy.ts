/** What a rule for the number of workers is: the counts that it sees, and what it answers. */
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { PoolSnapshot } from "../PoolSnapshot.ts"

/**
 * What a policy sees at a tick: the counts of the pool, and the time. It says *why* there is a backlog: a `paused` pool
 * starts nothing, and `delayed` requests wait for their retry and not for a worker; neither is a reason to grow.
 */
export interface ScalingSignals extends PoolSnapshot {
  /** The time of day, in milliseconds since 1970 (UTC). */
  readonly epochMillis: number
  /** The time between two ticks, in milliseconds. */
  readonly intervalMillis: number
}

/** What kept the number of workers from what was wanted. */
export type HeldBack =
  /** The pool's bounds, or those of `clamp` and `schedule`. */
  | "minWorkers"
  | "maxWorkers"
  /** `Scaler.hold`. */
  | "manual"
  | "paused"
  /** Too soon after the last rise to come down. */
  | "cooldown"
  /** Too little to change for it. */
  | "deadBand"
  /** No more than so many workers at a tick. */
  | "step"
  /** Comes down, but not so far: the load has changed a short while ago, and is not known well yet. */
  | "uncertain"

/** What a policy wants, and why. The pool rounds the number up and clamps it to its bounds. */
export interface Proposal<S> {
  readonly workers: number
  /** What the load alone would ask for, before the policy's own brakes. Default: `workers`. */
  readonly wanted?: number | undefined
  /** Why `workers` is not `wanted`, if it is not. */
  readonly heldBack?: HeldBack | undefined
  /** A clause that can follow "because". */
  readonly reason: string
  readonly state: S
}

/**
 * A fold over signals: `decide` gets the counts of this tick and the state that it returned at the last one. It must be
 * pure, so that a recorded load gives the same decisions again.
 */
export interface ScalingPolicy<S = any> {
  readonly name: string
  readonly initial: S
  /** The number of workers before the first tick. Default: the pool's `minWorkers`. */
  readonly startsWith?: number | undefined
  readonly decide: (signals: ScalingSignals, state: S) => Proposal<S>
  /** What is wrong with its options. The layer that is given such a policy fails with it. */
  readonly invalid?: InvalidPoolConfig | undefined
}

/** A policy of your own from one function, which answers a number of workers, or that and why. */
export const make = (
  name: string,
  wanted: (signals: ScalingSignals) => number | { readonly workers: number; readonly reason: string }
): ScalingPolicy<void> => ({
  name,
  initial: undefined,
  decide: (signals) => {
    const answer = wanted(signals)
    return typeof answer === "number"
      ? { workers: answer, reason: `${name} says so`, state: undefined }
      : { ...answer, state: undefined }
  }
})
