/** Pure rules for how many workers a pool should have. A policy sees counts, never a request, and knows no service. */
import * as checks from "./internal/checks.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"

/** What a policy wants, and why. The pool clamps the number to its bounds. */
export interface Proposal<S> {
  readonly workers: number
  readonly reason: string
  readonly state: S
}

/**
 * A fold over snapshots: `decide` gets the counts of this tick and the state that it returned at the last one. It must
 * be pure, so that a recorded load gives the same decisions again.
 */
export interface ScalingPolicy<S = any> {
  readonly name: string
  readonly initial: S
  readonly decide: (snapshot: PoolSnapshot, state: S) => Proposal<S>
  /** What is wrong with its options. The layer that is given such a policy fails with it. */
  readonly invalid?: InvalidPoolConfig | undefined
}

/** One tick of a Scaler. */
export interface ScalingDecision {
  readonly policy: string
  readonly before: number
  /** The number of workers asked for after this tick. Equal to `before` when nothing changed. */
  readonly after: number
  /** What the policy wanted, before the bounds. */
  readonly proposed: number
  readonly reason: string
  /** Why `after` is not `proposed`, if it is not. */
  readonly heldBack: "minWorkers" | "maxWorkers" | "manual" | undefined
  readonly signals: PoolSnapshot
}

export interface QueueLengthOptions {
  /** Workers are added while more requests than this wait. A whole number, at least 1. */
  readonly threshold: number
  /** Workers are removed while fewer than `lowWater * threshold` wait. From 0 to 1. Default `0.75`. */
  readonly lowWater?: number | undefined
  /** Workers added or removed at a tick. A whole number, at least 1. Default `1`. */
  readonly step?: number | undefined
}

/**
 * The article's rule: `step` workers more while more than `threshold` requests wait, `step` fewer while fewer than
 * `lowWater * threshold` do, and between the two nothing, so that it does not flip to and fro.
 */
export const queueLength = (options: QueueLengthOptions): ScalingPolicy<void> => {
  const { threshold, lowWater = 0.75, step = 1 } = options
  const low = lowWater * threshold
  return {
    name: "queueLength",
    initial: undefined,
    decide: ({ target, waiting }) =>
      waiting > threshold
        ? { workers: target + step, reason: `${waiting} wait, more than ${threshold}`, state: undefined }
        : waiting < low
          ? { workers: target - step, reason: `${waiting} wait, fewer than ${low}`, state: undefined }
          : { workers: target, reason: `${waiting} wait, from ${low} to ${threshold}`, state: undefined },
    invalid:
      checks.wholeFrom(1)("threshold", threshold) ??
      checks.within(0, 1)("lowWater", lowWater) ??
      checks.wholeFrom(1)("step", step)
  }
}

/** Always `workers`, clamped to the bounds. */
export const fixed = (workers: number): ScalingPolicy<void> => ({
  name: "fixed",
  initial: undefined,
  decide: () => ({ workers, reason: `fixed at ${workers}`, state: undefined }),
  invalid: checks.wholeFrom(0)("workers", workers)
})
