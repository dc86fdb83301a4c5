/** What a Scaler did at one look, and why. */
import { DateTime } from "effect"
import type { HeldBack, ScalingSignals } from "./policies/policy.ts"

/** `"shortage"`: between two ticks, since a request had found no idle worker. */
export type Cause = "tick" | "shortage"

/** One look at the load, and what came of it. Numbers are numbers of workers. */
export interface ScalingDecision {
  /** What asked for it. */
  readonly cause: Cause
  /** The name of the policy that was in force. */
  readonly policy: string
  /** The number of workers asked for before this look. */
  readonly before: number
  /** The number of workers asked for after this look. Equal to `before` when nothing changed. */
  readonly after: number
  /** What the load alone would ask for, before the policy's own brakes and the bounds. */
  readonly wanted: number
  /** What the policy proposed, before the bounds. */
  readonly proposed: number
  /** Why the policy wants that many: the rest of a sentence that begins with "because". */
  readonly reason: string
  /** Why `after` is not `wanted`, if it is not. */
  readonly heldBack: HeldBack | undefined
  /** What the policy saw. */
  readonly signals: ScalingSignals
}

/** The decision as a sentence for somebody who was just woken up. */
export const explain = (self: ScalingDecision): string => {
  const { after, before, cause, heldBack, policy, reason, signals, wanted } = self
  const at = DateTime.formatIso(DateTime.makeUnsafe(signals.epochMillis)).slice(11, 19)
  const change =
    after === before
      ? `kept ${count(before)}`
      : after > before
        ? `went up from ${before} to ${count(after)}`
        : `came down from ${before} to ${count(after)}`
  const early = cause === "shortage" ? " without waiting for the tick" : ""
  const why = `${policy} wants ${wanted} because ${reason}`
  const brake = heldBack === undefined ? "" : `. Not ${wanted}, because ${brakes(self)[heldBack]}`
  return `At ${at} UTC pool "${signals.pool}" ${change}${early}: ${why}${brake}.`
}

/** @internal */
export const count = (workers: number) => (workers === 1 ? "1 worker" : `${workers} workers`)

const brakes = ({ after }: ScalingDecision): Readonly<Record<HeldBack, string>> => ({
  minWorkers: `${after} is the least that the bounds allow`,
  maxWorkers: `${after} is the most that the bounds allow`,
  manual: "somebody holds the number of workers by hand (Scaler.release lets go)",
  paused: "the pool is paused and stays as it is until it is resumed",
  limited: "what waits, waits at a limit, a breaker or a pause, and no worker could start it",
  cooldown: "it rose a short while ago and waits before it comes down",
  deadBand: "the difference is too small to change for",
  step: "it changes by no more than so many at a time",
  uncertain: "the load has changed a short while ago and is not known well yet"
})
