/** Settings of a pool that can be written down: what a search tries, and what a file of settings holds. */
import * as Limit from "../Limit.ts"
import type * as PoolConfig from "../PoolConfig.ts"
import * as ScalingPolicy from "../ScalingPolicy.ts"

/** A policy by its numbers; times in milliseconds. */
export type Policy =
  | { readonly kind: "fixed"; readonly workers: number }
  | {
      readonly kind: "adaptive"
      readonly waitTargetMillis: number
      readonly cooldownMillis: number
      /** With `gradient` as its ceiling. */
      readonly isGuarded: boolean
    }
  | { readonly kind: "queueLength"; readonly threshold: number; readonly step: number }

/** What is tuned; all else is as it is today. */
export interface Settings {
  readonly policy: Policy
  readonly minWorkers: number
  readonly maxWorkers: number
  readonly capacity: number | "unbounded"
  readonly scalingIntervalMillis: number
  /** The most attempts of one key at once. Not there: any number. */
  readonly keyConcurrency?: number | undefined
  /** What a step of priority is worth, in milliseconds. Not there: as it is today. */
  readonly agingMillis?: number | undefined
}

/** The policy itself. */
export const policyOf = (policy: Policy): ScalingPolicy.ScalingPolicy => {
  if (policy.kind === "fixed") return ScalingPolicy.fixed(policy.workers)
  if (policy.kind === "queueLength") {
    return ScalingPolicy.queueLength({ threshold: policy.threshold, step: policy.step })
  }
  const adaptive = ScalingPolicy.adaptive({ waitTarget: policy.waitTargetMillis, cooldown: policy.cooldownMillis })
  return policy.isGuarded ? ScalingPolicy.min(adaptive, ScalingPolicy.gradient()) : adaptive
}

/** The options of a pool that has these settings, and all others of today. */
export const poolOf = (
  settings: Settings,
  today: Omit<PoolConfig.Options, "name">
): Omit<PoolConfig.Options, "name"> => ({
  ...today,
  minWorkers: settings.minWorkers,
  maxWorkers: settings.maxWorkers,
  capacity: settings.capacity,
  scalingInterval: settings.scalingIntervalMillis,
  ...(settings.agingMillis === undefined ? {} : { aging: settings.agingMillis }),
  ...(settings.keyConcurrency === undefined
    ? {}
    : { limits: [...(today.limits ?? []), keyLimit(settings.keyConcurrency)] })
})

/** As on the command line and in a file: `adaptive:waitTarget=200ms:cooldown=2s`. */
export const policyText = (policy: Policy): string => {
  if (policy.kind === "fixed") return `fixed:${policy.workers}`
  if (policy.kind === "queueLength") {
    return `queueLength:${policy.threshold}${policy.step === 1 ? "" : `:step=${policy.step}`}`
  }
  const { cooldownMillis, isGuarded, waitTargetMillis } = policy
  const adaptive = `adaptive:waitTarget=${waitTargetMillis}ms:cooldown=${cooldownMillis}ms`
  return isGuarded ? `${adaptive},gradient` : adaptive
}

/** One text for one choice of settings. */
export const keyOf = (settings: Settings): string => {
  const { agingMillis, capacity, keyConcurrency, maxWorkers, minWorkers, policy, scalingIntervalMillis } = settings
  const bounds = policy.kind === "fixed" ? "" : ` ${minWorkers}-${maxWorkers} each ${scalingIntervalMillis}ms`
  const optional = [
    keyConcurrency === undefined ? "" : ` key ${keyConcurrency}`,
    agingMillis === undefined ? "" : ` aging ${agingMillis}ms`
  ]
  return `${policyText(policy)}${bounds} capacity ${capacity}${optional.join("")}`
}

/** The name of the limit of `keyConcurrency`. */
export const keyLimitName = "tuned-per-key"

const keyLimit = (concurrency: number): Limit.Limit => Limit.make({ name: keyLimitName, per: "key", concurrency })

/** In how many things these are not as they are today; a policy by its defaults counts for one. */
export const changesOf = (settings: Settings, today: Omit<Settings, "policy">): number => {
  const { policy, ...others } = settings
  const isAsToday = (name: keyof typeof others) => others[name] === today[name]
  const changed = (Object.keys(others) as ReadonlyArray<keyof typeof others>).filter((name) => !isAsToday(name))
  return changed.length + (policy.kind === "adaptive" && policy.cooldownMillis !== defaultCooldownMillis ? 2 : 1)
}

/** That of `adaptive`. */
export const defaultCooldownMillis = 5000
