/** What the settings of a pool ask for, checked by the pool's own rules, whichever command runs it. */
import { Effect, Result } from "effect"
import { type ElasticPool, PoolConfig } from "../../index.ts"
import type * as Recording from "../../Recording.ts"
import { BadUsage } from "../errors.ts"
import { boundsFor, type NamedPolicy, parsePolicy } from "./policyFlag.ts"
import { recordOf } from "./record.ts"
import { limitError, limitsFrom, retryBudgetOf, retryOf, sheddingOf } from "./poolOptions.ts"
import { expected, type Found } from "./sources.ts"
import { type StoreSettings, storeOf } from "./store.ts"
import type { Name } from "./table.ts"
import { type Threads, threadsOf } from "./threads.ts"

export interface PoolSettings {
  /** Whether, and how, handlers run on threads. */
  readonly threads: Threads | undefined
  /** Whether, and where, requests are stored. */
  readonly store: StoreSettings | undefined
  /** Whether, and where, it is recorded. */
  readonly record: Recording.Options | undefined
  readonly pool: ElasticPool.Options
  readonly policy: NamedPolicy
  /** The pool's options as it will read them. */
  readonly config: PoolConfig.PoolConfig["Service"]
}

export const poolSettingsOf = ({ origins, values }: Found): Effect.Effect<PoolSettings, BadUsage> =>
  Effect.gen(function* () {
    const policy = yield* parsePolicy(values.policy).pipe(Effect.mapError(relabel(origins)))
    const labels = labelsOf(origins)
    const threads = yield* Effect.fromResult(threadsOf(values, labels))
    const store = yield* Effect.fromResult(storeOf(values, labels))
    const record = yield* Effect.fromResult(recordOf(values, labels, policy.text, store?.works !== false))
    const maxWorkers = yield* boundsFor(policy, values, threads?.max).pipe(Effect.mapError(relabel(origins)))
    const { capacity, deadLetters, decisions, drainDeadline, drainGrace, expiresIn, interruptGrace } = values
    const { maxStuckWorkers, minWorkers, name, scalingInterval, strategy, timeout } = values
    const { aging, forgetKeys, keyCapacity, order, priority } = values
    const { maxScheduled, retryBudget, sheddingInterval, sheddingTarget } = values
    const limits = yield* Effect.fromResult(limitsFrom(values.limits, labels.limits))
    const pool: ElasticPool.Options = {
      name,
      minWorkers,
      maxWorkers,
      capacity,
      strategy,
      timeout,
      expiresIn,
      maxScheduled,
      // A store takes what it is given, whatever the strategy.
      shedding: store === undefined ? sheddingOf(sheddingTarget, sheddingInterval) : undefined,
      retry: retryOf(values.retries),
      retryBudget: retryBudgetOf(retryBudget),
      scalingInterval,
      interruptGrace,
      drainDeadline,
      drainGrace,
      maxStuckWorkers,
      deadLetters,
      decisions,
      limits,
      priority,
      aging,
      keyCapacity,
      forgetKeys,
      order,
      scaling: policy.policy
    }
    const config = PoolConfig.make(pool)
    if (Result.isFailure(config)) {
      const { actual, field, expected: what } = config.failure
      if (field.startsWith("limits")) return yield* limitError(config.failure, labels.limits)
      return yield* expected(origins[names[field] ?? (field as Name)], what, actual)
    }
    return { threads, store, record, pool, policy, config: config.success }
  })

/** Settings that are called differently from the option that they are. */
const names: Readonly<Record<string, Name>> = {
  "retry.times": "retries",
  "shedding.target": "sheddingTarget",
  "shedding.interval": "sheddingInterval"
}

const labelsOf = (origins: Found["origins"]) =>
  Object.fromEntries(Object.entries(origins).map(([name, { label }]) => [name, label])) as Readonly<
    Record<Name, string>
  >

/** What is said of the flags of the policy and its bounds, said of where they came from. */
const relabel = (origins: Found["origins"]) => (error: BadUsage) => {
  const reason = error.reason
    .replace(/^Expected --policy/, () => `Expected ${origins.policy.label}`)
    .replace(/ --min-workers(?= \()/, () => ` ${origins.minWorkers.label}`)
    .replace(/ --max-workers(?= \()/, () => ` ${origins.maxWorkers.label}`)
  return new BadUsage({ reason })
}
