/** The first line of a recording, and of each part of one. */
import { DateTime } from "effect"
import type { Order } from "../Discipline.ts"
import type { PoolConfig } from "../PoolConfig.ts"
import * as RetryPolicy from "../RetryPolicy.ts"

/** The version of the format. Readers take no other. */
export const version = 1

/** What the pool was set to when the recording began. Of `capacity` and of times: not there, none. */
export interface Settings {
  readonly name: string
  readonly minWorkers: number
  readonly maxWorkers: number
  readonly capacity?: number | undefined
  readonly strategy: PoolConfig["Service"]["strategy"]
  readonly timeoutMillis?: number | undefined
  readonly expiresInMillis?: number | undefined
  readonly scalingIntervalMillis: number
  /** How often one that failed is tried again. */
  readonly retries?: number | undefined
  /** When the scaler first looked at the load, in milliseconds since the start of the recording. */
  readonly firstTickMillis?: number | undefined
  /** The scaling policy, by its name. */
  readonly policy?: string | undefined
  /** Those of who runs next: not there, as by default. */
  readonly agingMillis?: number | "none" | undefined
  readonly order?: Order | undefined
  readonly keyCapacity?: number | "none" | undefined
  /** With the strategy `"shedding"`. */
  readonly shedding?: { readonly targetMillis: number; readonly intervalMillis: number } | undefined
  /** What else it was set to, by name alone: a replay has to be told of it. */
  readonly besides?: ReadonlyArray<Beside> | undefined
}

/** What a header names and does not have. */
export type Beside = "limits" | "weights" | "breaker" | "retryBudget"
export const besides: ReadonlyArray<Beside> = ["limits", "weights", "breaker", "retryBudget"]

/** The first line of a recording. */
export interface Header {
  /** Of the secret that keys are hashed with: the same in all parts of one recording, and in no other one. */
  readonly salt: string
  /** From 1, in the order in which the parts were written. */
  readonly part: number
  /** The wall clock at the start of the recording, in milliseconds since 1970: all its instants count from there. */
  readonly startedAtMillis: number
  readonly keys: "hashed" | "plain"
  readonly pool: Settings
}

/** How each header begins. */
export const beginning = '{"recording":"effect-worker-pool",'

export const headerText = ({ keys, part, pool, salt, startedAtMillis }: Header): string => {
  const startedAt = DateTime.formatIso(DateTime.makeUnsafe(startedAtMillis))
  return `${beginning}${JSON.stringify({ version, part, startedAt, keys, salt, pool }).slice(1)}\n`
}

export const settingsOf = (
  config: PoolConfig["Service"],
  policy: string | undefined,
  firstTickMillis: number | undefined
): Settings => {
  const { expiresInMillis, retry, timeoutMillis } = config.policy
  return {
    name: config.name,
    minWorkers: config.minWorkers,
    maxWorkers: config.maxWorkers,
    ...unlessInfinite("capacity", config.capacity),
    strategy: config.strategy,
    ...unlessInfinite("timeoutMillis", timeoutMillis),
    ...unlessInfinite("expiresInMillis", expiresInMillis),
    scalingIntervalMillis: config.scalingIntervalMillis,
    ...(RetryPolicy.isRetryPolicy(retry) ? { retries: retry.times } : {}),
    ...(firstTickMillis === undefined ? {} : { firstTickMillis: Math.round(1000 * firstTickMillis) / 1000 }),
    ...(policy === undefined ? {} : { policy }),
    ...orderOf(config)
  }
}

const defaultAgingMillis = 30_000

const orderOf = ({ breaker, discipline, retryBudget, strategy }: PoolConfig["Service"]): Partial<Settings> => {
  const { agingMillis, keyCapacity, limits, order, shedding, weight } = discipline
  const had = { limits: limits.length > 0, weights: weight, breaker, retryBudget }
  const named = besides.filter((name) => had[name] !== undefined && had[name] !== false)
  return {
    ...(agingMillis === defaultAgingMillis ? {} : { agingMillis: agingMillis === Infinity ? "none" : agingMillis }),
    ...(order === "fifo" ? {} : { order }),
    ...(keyCapacity === "dynamic" ? {} : { keyCapacity }),
    ...(strategy === "shedding" ? { shedding } : {}),
    ...(named.length === 0 ? {} : { besides: named })
  }
}

const unlessInfinite = <K extends string>(name: K, value: number) => (value === Infinity ? {} : { [name]: value })
