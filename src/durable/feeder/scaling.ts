/** What waits in the store counts for the number of workers, each process's share of it. */
import { Effect } from "effect"
import type { Scaler, ScalingPolicy } from "../../index.ts"

/** A policy that sees, beside what waits in this process, so many more. */
export const withShare = (policy: ScalingPolicy.ScalingPolicy, share: () => number): ScalingPolicy.ScalingPolicy => {
  const seen = <S extends ScalingPolicy.ScalingSignals>(signals: S): S => {
    const more = share()
    return more === 0 ? signals : { ...signals, waiting: signals.waiting + more }
  }
  const { decide, early } = policy
  return {
    ...policy,
    decide: (signals, state) => decide(seen(signals), state),
    early: typeof early === "function" ? (signals, state) => early(seen(signals), state) : early
  }
}

/** A scaler whose later policies see it too. */
export const sharing = (scaler: Scaler.Scaler["Service"], share: () => number): Scaler.Scaler["Service"] => ({
  ...scaler,
  setPolicy: (policy) => Effect.suspend(() => scaler.setPolicy(withShare(policy, share)))
})
