/** What the flags of `run` ask for, checked: by the pool's own rules where an option is the pool's. */
import { Effect, Result } from "effect"
import { type Discipline, type ElasticPool, PoolConfig } from "../../index.ts"
import type * as Recording from "../../Recording.ts"
import { BadUsage } from "../errors.ts"
import type { Environment } from "../settings/environment.ts"
import { boundsFor, parsePolicy } from "../settings/policyFlag.ts"
import * as Kinds from "../settings/kinds.ts"
import { type StoreSettings, storeOf } from "../settings/store.ts"
import { variableOf } from "../settings/table.ts"
import { type Threads, threadsOf } from "../settings/threads.ts"
import { recordOf } from "../settings/record.ts"
import { flagError, limitError, limitsFrom, retryOf } from "../settings/poolOptions.ts"
import { limitsOf } from "../settings/limits.ts"
import { keyCapacityOr, millisOr, numberOr } from "../settings/quantities.ts"

/** As the command line gives them; `undefined` is not set. */
export interface Flags {
  readonly minWorkers: number | undefined
  readonly maxWorkers: number | undefined
  readonly capacity: string | undefined
  readonly strategy: PoolConfig.Strategy | undefined
  readonly limit: string | undefined
  readonly priority: number | undefined
  readonly aging: string | undefined
  readonly keyCapacity: string | undefined
  readonly forgetKeys: number | undefined
  readonly order: Discipline.Order | undefined
  readonly policy: string
  readonly scalingInterval: string | undefined
  readonly timeout: string | undefined
  readonly retries: number
  readonly drainDeadline: string | undefined
  readonly maxFailures: string
  readonly threads: string | undefined
  readonly isolate: string | undefined
  readonly threadMemory: string | undefined
  readonly store: string | undefined
  readonly job: string | undefined
  readonly noWorkers: boolean
  readonly noMigrate: boolean
  readonly lookAhead: string | undefined
  readonly maxHeld: string | undefined
  readonly deliveries: string | undefined
  readonly keepOutcomes: string | undefined
  readonly record: string | undefined
  readonly recordMaxBytes: string | undefined
  readonly recordKeys: string | undefined
}

export interface Settings {
  /** Whether, and how, the handlers run on threads. */
  readonly threads: Threads | undefined
  /** Whether, and where, the lines are stored; and what they are called there, if that was said. */
  readonly store: (StoreSettings & { readonly job: string | undefined }) | undefined
  /** Whether, and where, the run is recorded. */
  readonly record: Recording.Options | undefined
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

export const make = (flags: Flags, environment: Environment = process.env): Effect.Effect<Settings, BadUsage> =>
  Effect.gen(function* () {
    const store = yield* parseStore(flags, environment)
    const record = yield* parseRecord(flags, store?.works !== false)
    const maxFailures = yield* parseMaxFailures(flags.maxFailures)
    const named = yield* parsePolicy(flags.policy)
    const onThreads = yield* parseThreads(flags)
    const maxWorkers = yield* boundsFor(named, flags, onThreads?.max)
    const { aging, capacity, forgetKeys, order, priority } = flags
    const limits = yield* Effect.fromResult(
      limitsFrom(flags.limit === undefined ? undefined : limitsOf(flags.limit), "--limit")
    )
    const pool: ElasticPool.Options = {
      name: "run",
      minWorkers: flags.minWorkers,
      maxWorkers,
      capacity: capacity === "unbounded" ? capacity : numberOr(capacity),
      strategy: flags.strategy,
      limits,
      priority,
      aging: millisOr(aging),
      keyCapacity: keyCapacityOf(flags),
      forgetKeys,
      order,
      timeout: millisOr(flags.timeout),
      retry: retryOf(flags.retries),
      scalingInterval: millisOr(flags.scalingInterval),
      drainDeadline: millisOr(flags.drainDeadline),
      deadLetters: 0,
      decisions: 0,
      scaling: named.policy
    }
    const checked = PoolConfig.make(pool)
    if (Result.isFailure(checked)) {
      const { failure } = checked
      return yield* failure.field.startsWith("limits") ? limitError(failure, "--limit") : flagError(failure)
    }
    const config = checked.success
    const outstanding = store === undefined ? outstandingOf(config, named.threshold ?? 0) : mostStored
    return { threads: onThreads, store, record, pool, config, maxFailures, outstanding }
  })

/** No line is refused or evicted by the queue that it is fed to: not for its key either, unless that is asked for. */
const keyCapacityOf = ({ keyCapacity, strategy = "suspend" }: Flags): ElasticPool.Options["keyCapacity"] => {
  if (keyCapacity === undefined) return strategy === "suspend" ? undefined : "none"
  return keyCapacityOr(keyCapacity)
}

/**
 * Enough that each policy sees a backlog when all workers are busy: the longer it is, the sooner the adaptive one is at
 * the workers that it takes. No more than that, since all of it is in memory. Under a strategy that refuses or evicts it
 * never goes over the capacity.
 */
const outstandingOf = ({ capacity, maxWorkers, strategy }: Settings["config"], threshold: number): number =>
  Math.min(16 * maxWorkers + 2 * threshold + 64, strategy === "suspend" ? capacity + maxWorkers : capacity)

/** So many lines are in a store at most, and have not ended: each that is waited for takes memory here. */
const mostStored = 10_000

const parseStore = (flags: Flags, environment: Environment): Effect.Effect<Settings["store"], BadUsage> =>
  Effect.gen(function* () {
    // The one variable that is read: it is where a password belongs.
    const fromFlag = flags.store !== undefined
    const variable = variableOf("store")
    const address = yield* Effect.fromResult(
      Kinds.read(fromFlag ? "--store" : variable, Kinds.store, flags.store ?? environment[variable])
    )
    const values = {
      store: address,
      noWorkers: flags.noWorkers,
      noMigrate: flags.noMigrate,
      lookAhead: yield* Effect.fromResult(Kinds.read("--look-ahead", Kinds.lookAhead, flags.lookAhead)),
      maxHeld: yield* Effect.fromResult(Kinds.read("--max-held", Kinds.maxHeld, flags.maxHeld)),
      deliveries: yield* Effect.fromResult(Kinds.read("--deliveries", Kinds.deliveries, flags.deliveries)),
      keepOutcomes: yield* Effect.fromResult(Kinds.read("--keep-outcomes", Kinds.keepOutcomes, flags.keepOutcomes))
    }
    const store = yield* Effect.fromResult(storeOf(values, flagLabels))
    const { job } = flags
    if (job === undefined) return store === undefined ? undefined : { ...store, job }
    if (store === undefined)
      return yield* new BadUsage({ reason: "Expected --job to come with --store, which it is about" })
    if (job.trim() === "") return yield* new BadUsage({ reason: `Expected --job to be a name, got "${job}"` })
    return { ...store, job }
  })

const flagLabels = {
  store: "--store",
  noWorkers: "--no-workers",
  noMigrate: "--no-migrate",
  lookAhead: "--look-ahead",
  maxHeld: "--max-held",
  deliveries: "--deliveries",
  keepOutcomes: "--keep-outcomes"
}

const parseThreads = (flags: Flags): Effect.Effect<Threads | undefined, BadUsage> =>
  Effect.gen(function* () {
    const values = {
      threads: yield* Effect.fromResult(Kinds.read("--threads", Kinds.threads, flags.threads)),
      isolate: yield* Effect.fromResult(Kinds.read("--isolate", Kinds.isolation, flags.isolate)),
      threadMemory: yield* Effect.fromResult(Kinds.read("--thread-memory", Kinds.threadMemory, flags.threadMemory))
    }
    const labels = { threads: "--threads", isolate: "--isolate", threadMemory: "--thread-memory" }
    return yield* Effect.fromResult(threadsOf(values, labels))
  })

const parseRecord = (flags: Flags, works: boolean): Effect.Effect<Recording.Options | undefined, BadUsage> =>
  Effect.gen(function* () {
    const labels = {
      noWorkers: "--no-workers",
      record: "--record",
      recordMaxBytes: "--record-max-bytes",
      recordKeys: "--record-keys"
    }
    const values = {
      record: yield* Effect.fromResult(Kinds.read(labels.record, Kinds.path("FILE"), flags.record)),
      recordMaxBytes: yield* Effect.fromResult(Kinds.read(labels.recordMaxBytes, Kinds.recorded, flags.recordMaxBytes)),
      recordKeys: yield* Effect.fromResult(Kinds.read(labels.recordKeys, Kinds.recordKeys, flags.recordKeys))
    }
    return yield* Effect.fromResult(recordOf(values, labels, flags.policy, works))
  })

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
