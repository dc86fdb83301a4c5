/** What the settings of advice ask for, together; and how the pool is set that is to be advised. */
import { Effect } from "effect"
import { BadUsage } from "../errors.ts"
import { listOf } from "../settings/kinds.ts"
import { millisOf, numberOf } from "../settings/quantities.ts"
import type { Found } from "../settings/sources.ts"
import type { Name } from "../settings/table.ts"
import type { Unchanging } from "./task.ts"

export interface AdviceSettings {
  /** `undefined`: that of the policy's wait target. */
  readonly targets: ReadonlyArray<string> | undefined
  /** How much of a load it has to know. */
  readonly afterMillis: number
  /** No more workers can run at once. */
  readonly mostWorkers: number | undefined
  readonly unchanging: Unchanging
}

/** `undefined`: nobody is advised. `threads`: no more can run at once. */
export const adviceOf = (
  { origins, values }: Found,
  threads: number | undefined
): Effect.Effect<AdviceSettings | undefined, BadUsage> => {
  const { advice, adviceAfter, adviceTarget } = values
  if (advice === true) {
    if (values.noWorkers === true) {
      const reason = `Expected ${origins.advice.label} to come without ${origins.noWorkers.label}: those who work on the requests know their load`
      return new BadUsage({ reason })
    }
    return Effect.succeed({
      targets: adviceTarget,
      afterMillis: adviceAfter ?? defaultAfterMillis,
      mostWorkers: threads,
      unchanging: unchangingOf({ origins, values })
    })
  }
  const given =
    adviceTarget !== undefined ? origins.adviceTarget : adviceAfter !== undefined ? origins.adviceAfter : undefined
  if (given === undefined) return Effect.undefined
  return new BadUsage({ reason: `Expected ${given.label} to come with ${origins.advice.label}, which it is about` })
}

/** Of a shorter one the part that is not seen by the search would be a few seconds. */
const defaultAfterMillis = 300_000

const unchangingOf = ({ origins, values }: Found): Unchanging => {
  const { aging, capacity, expiresIn, keyCapacity, maxScheduled, order, priority, retries, retryBudget } = values
  const { scalingInterval, sheddingInterval, sheddingTarget, store, strategy, timeout } = values
  return {
    pool: {
      aging,
      capacity,
      expiresIn,
      keyCapacity,
      maxScheduled,
      order,
      priority,
      scalingInterval,
      strategy,
      timeout
    },
    retries,
    retryBudget,
    // A store takes what it is given, whatever the strategy.
    ...(store === undefined || store === "none" ? { sheddingInterval, sheddingTarget } : {}),
    limits: origins.limits.text,
    file: fileOf(origins)
  }
}

/** Those that a file of the recommended settings is to repeat, if they were set. */
const repeated = [
  "capacity",
  "strategy",
  "sheddingTarget",
  "sheddingInterval",
  "retryBudget",
  "scalingInterval",
  "timeout",
  "expiresIn",
  "retries",
  "aging",
  "order",
  "keyCapacity",
  "limits"
] as const satisfies ReadonlyArray<Name>

const fileOf = (origins: Found["origins"]): Unchanging["file"] =>
  Object.fromEntries(
    repeated.flatMap((name) => {
      const { from, text } = origins[name]
      if (from === "default" || text === undefined) return []
      return [[name, name === "limits" ? listOf(text) : (numberOf(text) ?? text)] as const]
    })
  )

/** One in a hundred may wait longer than `adaptive` wants it to. */
export const defaultTarget = (policy: string): string => {
  const text = /(?:^|,)\s*adaptive[^,]*:waitTarget=([^:,]+)/.exec(policy)?.[1]
  return `p99(wait) <= ${(text === undefined ? undefined : millisOf(text)) ?? 100}ms`
}
