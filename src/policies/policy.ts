/** What a rule for the number of workers is: the counts that it sees, and what it answers. */
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { PoolSnapshot } from "../PoolSnapshot.ts"

/**
 * What a policy sees at a tick: the counts of the pool, and the time. It says *why* there is a backlog: a `paused` pool
 * starts nothing, `delayed` requests wait for their time, or their retry, and not for a worker, and of those that wait `heldBack` could not
 * start, were there any number of workers; none of it is a reason to grow. What was `shed` is: there were too few workers for it.
 */
export interface ScalingSignals extends PoolSnapshot {
  /** The time of day, in milliseconds since 1970 (UTC). */
  readonly epochMillis: number
  /** The time between two ticks, in milliseconds. */
  readonly intervalMillis: number
  /** Workers that early looks have added since the last tick. Default 0. */
  readonly early?: number | undefined
}

/** What kept the number of workers from what was wanted. */
export type HeldBack =
  /** The pool's bounds, or those of `clamp` and `schedule`. */
  | "minWorkers"
  | "maxWorkers"
  /** `Scaler.hold`. */
  | "manual"
  /** The pool is paused and stays as it is. */
  | "paused"
  /** More wait, but at closed gates: no worker could start them. */
  | "limited"
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
  /** The number of workers to ask for. */
  readonly workers: number
  /** What the load alone would ask for, before the policy's own brakes. Default: `workers`. */
  readonly wanted?: number | undefined
  /** Why `workers` is not `wanted`, if it is not. */
  readonly heldBack?: HeldBack | undefined
  /** A clause that can follow "because". */
  readonly reason: string
  /** What `decide` gets at the next look. */
  readonly state: S
}

/**
 * A fold over signals: `decide` gets the counts of this tick and the state that it returned at the last one. It must be
 * pure, so that a recorded load gives the same decisions again.
 */
export interface ScalingPolicy<S = any> {
  /** Stands in decisions, metrics and logs. */
  readonly name: string
  /** The state before the first tick. */
  readonly initial: S
  /** The number of workers before the first tick. Default: the pool's `minWorkers`. */
  readonly startsWith?: number | undefined
  /** What it wants at a tick. A policy that throws leaves the number of workers as it is. */
  readonly decide: (signals: ScalingSignals, state: S) => Proposal<S>
  /**
   * What it wants between two ticks, when a request waits and no worker is idle. Only a rise is heard. The state is what
   * the last look has returned, tick or early, and the next one goes on from what this function returns. The time since the
   * last tick may be 50 ms: too short to measure much. `"none"`: it waits for the tick. Default: what it would decide at the
   * next tick if that came now; with the `target` of the last one, also then, so that "one more" is one more in an interval.
   */
  readonly early?: "none" | ((signals: ScalingSignals, state: S) => Proposal<S>) | undefined
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

/** What a policy wants at a tick. One that says nothing of early looks takes nothing back of what they have added. @internal */
export const atTick = <S>(policy: ScalingPolicy<S>, signals: ScalingSignals, state: S): Proposal<S> => {
  const { early = 0, target } = signals
  if (policy.early !== undefined || early <= 0) return policy.decide(signals, state)
  const proposal = policy.decide(withoutEarly(signals), state)
  return proposal.workers < target
    ? { ...proposal, workers: target, wanted: proposal.wanted ?? proposal.workers, heldBack: "cooldown" }
    : proposal
}

/** What it wants at an early look. One that waits for the tick stands by the number that there is. @internal */
export const atEarlyLook = <S>(policy: ScalingPolicy<S>, signals: ScalingSignals, state: S): Proposal<S> =>
  policy.early === "none"
    ? { workers: signals.target, reason: "it waits for the tick", state }
    : policy.early === undefined
      ? { ...policy.decide(withoutEarly(signals), state), state }
      : policy.early(signals, state)

/** A rule such as "one more" is to add one in an interval, and not one at each look. */
const withoutEarly = (signals: ScalingSignals): ScalingSignals => ({
  ...signals,
  target: Math.max(0, signals.target - (signals.early ?? 0))
})
