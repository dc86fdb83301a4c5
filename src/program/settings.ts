/** What the flags ask for, checked: by the pool's own rules where an option is the pool's. */
import { Effect, Result } from "effect"
import { type ElasticPool, PoolConfig, type PoolError, RetryPolicy, ScalingPolicy } from "../index.ts"
import { BadUsage } from "./errors.ts"

/** As the command line gives them; `undefined` is not set. */
export interface Flags {
  readonly minWorkers: number | undefined
  readonly maxWorkers: number | undefined
  readonly capacity: string | undefined
  readonly strategy: PoolConfig.Strategy | undefined
  readonly threshold: number
  readonly scalingInterval: string | undefined
  readonly timeout: string | undefined
  readonly retries: number
  readonly drainDeadline: string | undefined
  readonly maxFailures: string
}

export interface Settings {
  readonly pool: ElasticPool.Options
  readonly config: PoolConfig.PoolConfig["Service"]
  readonly maxFailures: MaxFailures
  /** How many lines are read ahead of the slowest request. */
  readonly outstanding: number
}

/** How many lines may end badly: so many, or so many in a hundred. */
export interface MaxFailures {
  readonly text: string
  readonly allows: (bad: number, lines: number) => boolean
}

export const make = (flags: Flags): Effect.Effect<Settings, BadUsage> =>
  Effect.gen(function* () {
    const maxFailures = yield* parseMaxFailures(flags.maxFailures)
    const scaling = ScalingPolicy.queueLength({ threshold: flags.threshold })
    if (scaling.invalid !== undefined) return yield* flagError(scaling.invalid)
    const { capacity } = flags
    const pool: ElasticPool.Options = {
      name: "run",
      minWorkers: flags.minWorkers,
      maxWorkers: flags.maxWorkers,
      capacity: capacity === "unbounded" ? capacity : (numberOr(capacity) as number | undefined),
      strategy: flags.strategy,
      timeout: numberOr(flags.timeout) as ElasticPool.Options["timeout"],
      retry: flags.retries === 0 ? "none" : RetryPolicy.make({ times: flags.retries }),
      scalingInterval: numberOr(flags.scalingInterval) as ElasticPool.Options["scalingInterval"],
      drainDeadline: numberOr(flags.drainDeadline) as ElasticPool.Options["drainDeadline"],
      deadLetters: 0,
      decisions: 0,
      scaling
    }
    const checked = PoolConfig.make(pool)
    if (Result.isFailure(checked)) return yield* flagError(checked.failure)
    const config = checked.success
    return { pool, config, maxFailures, outstanding: outstandingOf(config, flags.threshold) }
  })

/**
 * Enough to keep each worker busy and to let the threshold be crossed, and no more: a line that was begun when the
 * process is killed runs again. Under a strategy that refuses or evicts it never goes over the capacity.
 */
const outstandingOf = ({ capacity, maxWorkers, strategy }: Settings["config"], threshold: number): number =>
  Math.min(2 * (maxWorkers + threshold) + 64, strategy === "suspend" ? capacity + maxWorkers : capacity)

/** A number without a unit is meant as one; anything else is left to the pool to judge. */
const numberOr = (text: string | undefined): number | string | undefined =>
  text !== undefined && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text

const flagNames: Record<string, string> = { "retry.times": "retries" }

const flagError = ({ actual, expected, field }: PoolError.InvalidPoolConfig) => {
  const toFlag = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return new BadUsage({ reason: `Expected --${flagNames[field] ?? toFlag(field)} to be ${expected}, got ${actual}` })
}

const parseMaxFailures = (text: string): Effect.Effect<MaxFailures, BadUsage> => {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)
  const number = percent === null && /^\d+$/.test(text) ? Number(text) : Number(percent?.[1] ?? Number.NaN)
  if (percent === null ? Number.isSafeInteger(number) : number <= 100) {
    const allows = (bad: number, lines: number) => bad <= (percent === null ? number : (number / 100) * lines)
    return Effect.succeed({ text, allows })
  }
  return new BadUsage({
    reason: `Expected --max-failures to be a whole number of lines, or a percentage from 0% to 100%, got "${text}"`
  })
}
