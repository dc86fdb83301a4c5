/** Policies made of policies. */
import { Duration } from "effect"
import * as checks from "../internal/checks.ts"
import { InvalidPoolConfig } from "../PoolError.ts"
import { atEarlyLook, atTick, type Proposal, type ScalingPolicy, type ScalingSignals } from "./policy.ts"

/** The least that any of them wants. The first wins a tie. */
export const min = (...policies: readonly [ScalingPolicy, ...ReadonlyArray<ScalingPolicy>]): ScalingPolicy =>
  choose("min", policies, (a, b) => a < b)

/** The most that any of them wants. The first wins a tie. */
export const max = (...policies: readonly [ScalingPolicy, ...ReadonlyArray<ScalingPolicy>]): ScalingPolicy =>
  choose("max", policies, (a, b) => a > b)

/** Within these bounds, which can only be narrower than the pool's own. Each at least 0; `maxWorkers` no less than `minWorkers`. */
export const clamp = (
  policy: ScalingPolicy,
  bounds: { readonly minWorkers?: number | undefined; readonly maxWorkers?: number | undefined }
): ScalingPolicy => {
  const { minWorkers = 0, maxWorkers = Infinity } = bounds
  return around(
    policy,
    (proposal) => within(proposal, minWorkers, maxWorkers),
    checks.wholeFrom(0)("minWorkers", minWorkers) ??
      (maxWorkers === Infinity ? undefined : checks.bounds(minWorkers, maxWorkers))
  )
}

/**
 * No more than `up` workers more, and `down` fewer, at a tick. Whole numbers, at least 1. Default: any number. What an early
 * look adds is the coming tick's step taken ahead.
 */
export const step = (
  policy: ScalingPolicy,
  limits: { readonly up?: number | undefined; readonly down?: number | undefined }
): ScalingPolicy => {
  const { down = Infinity, up = Infinity } = limits
  return around(
    policy,
    (proposal, { early = 0, target }) => {
      const most = Math.max(target, target - early + up)
      const workers = Math.min(Math.max(proposal.workers, target - down), most)
      return workers === proposal.workers ? proposal : held(proposal, workers, "step")
    },
    (up === Infinity ? undefined : checks.wholeFrom(1)("up", up)) ??
      (down === Infinity ? undefined : checks.wholeFrom(1)("down", down))
  )
}

/** Does not come down before `duration` has passed since the number of workers last rose, by whomever. At least zero. */
export const cooldown = (policy: ScalingPolicy, duration: Duration.Input): ScalingPolicy => {
  const millis = checks.millis("cooldown", duration, 0)
  interface State {
    readonly inner: unknown
    readonly target: number
    readonly asked: number
    readonly risenAt: number
  }
  return {
    ...policy,
    initial: undefined,
    decide: (signals, before: State | undefined): Proposal<State> => {
      const { atMillis: now, early = 0, target } = signals
      const { state: inner, ...proposal } = atTick(
        policy,
        signals,
        before === undefined ? policy.initial : before.inner
      )
      const isRaised = early > 0 || (before !== undefined && target > Math.max(before.target, before.asked))
      const rises = proposal.workers > target || isRaised
      const risenAt = rises ? now : (before?.risenAt ?? -Infinity)
      const cools = proposal.workers < target && now - risenAt < (millis as number)
      const answer = cools ? held(proposal, target, "cooldown") : proposal
      return { ...answer, state: { inner, target, asked: answer.workers, risenAt } }
    },
    early:
      policy.early === "none"
        ? "none"
        : (
            signals,
            before: State = { inner: policy.initial, target: Infinity, asked: Infinity, risenAt: -Infinity }
          ) => {
            const proposal = atEarlyLook(policy, signals, before.inner)
            return { ...proposal, state: { ...before, inner: proposal.state } }
          },
    invalid: policy.invalid ?? (millis instanceof InvalidPoolConfig ? millis : undefined)
  }
}

/** A proposal whose number was changed: it remembers what was wanted first. */
const held = <P extends Omit<Proposal<unknown>, "state">>(
  proposal: P,
  workers: number,
  heldBack: NonNullable<P["heldBack"]>
): P => ({ ...proposal, workers, wanted: proposal.wanted ?? proposal.workers, heldBack })

/** @internal */
export const within = <P extends Omit<Proposal<unknown>, "state">>(proposal: P, least: number, most: number): P =>
  proposal.workers < least
    ? held(proposal, least, "minWorkers")
    : proposal.workers > most
      ? held(proposal, most, "maxWorkers")
      : proposal

/** @internal The same policy with its answers changed; it keeps no state of its own. */
export const around = (
  policy: ScalingPolicy,
  change: (proposal: Proposal<unknown>, signals: ScalingSignals) => Proposal<unknown>,
  invalid: InvalidPoolConfig | undefined
): ScalingPolicy => ({
  ...policy,
  decide: (signals, state) => change(atTick(policy, signals, state), signals),
  early: policy.early === "none" ? "none" : (signals, state) => change(atEarlyLook(policy, signals, state), signals),
  invalid: policy.invalid ?? invalid
})

const choose = (
  name: string,
  policies: ReadonlyArray<ScalingPolicy>,
  isBetter: (workers: number, than: number) => boolean
): ScalingPolicy<ReadonlyArray<unknown>> => {
  const best = (proposals: ReadonlyArray<Proposal<unknown>>): Proposal<ReadonlyArray<unknown>> => {
    let chosen = 0
    for (let n = 1; n < proposals.length; n++) {
      if (isBetter(proposals[n]!.workers, proposals[chosen]!.workers)) chosen = n
    }
    const others = policies.flatMap((policy, n) =>
      n === chosen ? [] : [`${policy.name} says ${proposals[n]!.workers}`]
    )
    return {
      ...proposals[chosen]!,
      reason: [`${policies[chosen]!.name}: ${proposals[chosen]!.reason}`, ...others].join("; "),
      state: proposals.map(({ state }) => state)
    }
  }
  return {
    name: `${name}(${policies.map((policy) => policy.name).join(", ")})`,
    initial: policies.map(({ initial }) => initial),
    decide: (signals, states) => best(policies.map((policy, n) => atTick(policy, signals, states[n]))),
    early: policies.every(({ early }) => early === "none")
      ? "none"
      : (signals, states) => best(policies.map((policy, n) => atEarlyLook(policy, signals, states[n]))),
    invalid: policies.find((policy) => policy.invalid !== undefined)?.invalid
  }
}
