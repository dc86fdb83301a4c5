/** The two simplest rules: the article's, and none. */
import * as checks from "../internal/checks.ts"
import { withHeld } from "./figures.ts"
import type { ScalingPolicy } from "./policy.ts"

/** The options of `queueLength`. */
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
 * `lowWater * threshold` do, and between the two nothing, so that it does not flip to and fro. Those that are held back do not
 * count. A paused pool stays as it is.
 * It is a rule for ticks: there are no early looks with it.
 */
export const queueLength = (options: QueueLengthOptions): ScalingPolicy<void> => {
  const { threshold, lowWater = 0.75, step = 1 } = options
  const low = lowWater * threshold
  return {
    name: "queueLength",
    initial: undefined,
    decide: ({ heldBack, paused, target, waiting }) => {
      const free = waiting - heldBack
      const [wanted, reason] =
        free > threshold
          ? [target + step, `${free} wait, more than ${threshold}`]
          : free < low
            ? [target - step, `${free} wait, fewer than ${low}`]
            : [target, `${free} wait, from ${low} to ${threshold}`]
      if (paused) return { workers: target, wanted, heldBack: "paused", reason, state: undefined }
      return waiting > threshold && free <= threshold
        ? {
            workers: wanted,
            wanted: target + step,
            heldBack: "limited",
            reason: withHeld(reason, heldBack),
            state: undefined
          }
        : { workers: wanted, reason, state: undefined }
    },
    early: "none",
    invalid:
      checks.wholeFrom(1)("threshold", threshold) ??
      checks.within(0, 1)("lowWater", lowWater) ??
      checks.wholeFrom(1)("step", step)
  }
}

/** Always `workers`, from the start on, clamped to the bounds. */
export const fixed = (workers: number): ScalingPolicy<void> => {
  const decide = () => ({ workers, reason: `it is fixed at ${workers}`, state: undefined })
  return {
    name: "fixed",
    initial: undefined,
    startsWith: workers,
    decide,
    early: decide,
    invalid: checks.wholeFrom(0)("workers", workers)
  }
}
