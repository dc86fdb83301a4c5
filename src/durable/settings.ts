/** What the options of a durable pool say, checked. */
import { type Duration, Result } from "effect"
import { type ElasticPool, PoolConfig, type PoolError } from "../index.ts"
import * as checks from "../internal/checks.ts"

/** Of a pool that asks. */
export interface ClientOptions {
  /** Names the pool in metrics, logs, errors and reports. Default `"default"`. */
  readonly name?: string | undefined
  /**
   * How long a call waits for a store that is away, before it fails with `StoreUnavailable`. Whether its request was stored is then
   * not known; to ask again with the same id is harmless. Default 30 s.
   */
  readonly storeTimeout?: Duration.Input | undefined
  /**
   * How long ends are kept, and with them the ids that are not stored again. Default 7 days, at least a minute. All processes of a
   * store should say the same.
   */
  readonly keepOutcomes?: Duration.Input | undefined
  /**
   * How often a request may be delivered: when as many processes have ended while they had it, it ends with `DeliveriesExhausted`.
   * From 1 to 100. Default 5. All processes of a store should say the same.
   */
  readonly deliveries?: number | undefined
  /**
   * How often it looks, where it has heard nothing: for the ends that somebody waits for, and, where it works, for work. Notices are
   * quicker, and may be lost. Above zero. Default 2 s.
   */
  readonly pollInterval?: Duration.Input | undefined
}

/**
 * Of a pool that works on what is stored. It has no `capacity`, no `keyCapacity` and no `strategy`: the store takes what it is given. Its `expiresIn`,
 * `priority` and `key` hold for what is asked here, wherever that runs; its `timeout`, `retry`, `limits`, `weight` and `aging` for what
 * runs here, whoever has asked.
 */
export interface Options
  extends Omit<ElasticPool.Options, "capacity" | "keyCapacity" | "strategy" | "shedding" | "idPrefix">, ClientOptions {
  /**
   * How far ahead it claims: beyond one request for each worker as many as they begin within so long, or within twice the time that a
   * claim takes if that is more, and at least half as many as there are workers. At least zero. Default 100 ms.
   */
  readonly lookAhead?: Duration.Input | undefined
  /**
   * The most requests that it has claimed at a time, those included whose end is not yet recorded: so many ends it keeps while the
   * store is away. At least 1. Default 1,000.
   */
  readonly maxHeld?: number | undefined
  /** A retry that is further off goes back to the store, and may become another process's. At least zero. Default 10 s. */
  readonly keepRetryLocal?: Duration.Input | undefined
}

/** Complete and checked, times in milliseconds. */
export interface Settings {
  readonly name: string
  readonly storeTimeoutMillis: number
  readonly keepOutcomesMillis: number
  readonly deliveries: number
  readonly pollMillis: number
  readonly lookAheadMillis: number
  readonly maxHeld: number
  readonly keepRetryLocalMillis: number
  readonly config: PoolConfig.PoolConfig["Service"]
}

/** The first option that is wrong is the failure. */
export const make = (options: Options): Result.Result<Settings, PoolError.InvalidPoolConfig> => {
  const { deliveries = 5, maxHeld = 1_000 } = options
  const times = {
    storeTimeoutMillis: checks.millis("storeTimeout", options.storeTimeout ?? "30 seconds"),
    keepOutcomesMillis: atLeastAMinute(checks.millis("keepOutcomes", options.keepOutcomes ?? "7 days")),
    pollMillis: checks.millis("pollInterval", options.pollInterval ?? "2 seconds"),
    lookAheadMillis: checks.millis("lookAhead", options.lookAhead ?? "100 millis", 0),
    keepRetryLocalMillis: checks.millis("keepRetryLocal", options.keepRetryLocal ?? "10 seconds", 0)
  }
  const invalid =
    Object.values(times).find((time) => typeof time !== "number") ??
    (Number.isInteger(deliveries) && deliveries >= 1 && deliveries <= 100
      ? undefined
      : checks.wrong("deliveries", "a whole number from 1 to 100", deliveries)) ??
    checks.wholeFrom(1)("maxHeld", maxHeld)
  if (invalid !== undefined) return Result.fail(invalid as PoolError.InvalidPoolConfig)
  return Result.map(PoolConfig.make(inner(options)), (config) => ({
    ...(times as Record<keyof typeof times, number>),
    name: config.name,
    deliveries,
    maxHeld,
    config
  }))
}

/** The options of the pool within: the store is the queue, and it holds no more than was claimed. */
export const inner = (options: Options): ElasticPool.Options => ({
  ...options,
  capacity: "unbounded",
  // What was claimed must not wait here for a key's room: what comes behind it would wait, too.
  keyCapacity: "none",
  strategy: "suspend",
  shedding: undefined
})

const atLeastAMinute = (millis: number | PoolError.InvalidPoolConfig) =>
  typeof millis !== "number" || millis >= 60_000
    ? millis
    : checks.wrong("keepOutcomes", "a duration of at least a minute", `${millis} ms`)
