/** What the flags of `tune` ask for: a load and a pool as `simulate` has them, and what is wanted of it. */
import { Effect } from "effect"
import { type Limit, RetryPolicy } from "../../index.ts"
import type * as Simulation from "../../Simulation.ts"
import * as Tuning from "../../Tuning.ts"
import { BadUsage } from "../errors.ts"
import { listOf } from "../settings/kinds.ts"
import { limitsFrom } from "../settings/poolOptions.ts"
import { numberOf } from "../settings/quantities.ts"
import { find, type Found } from "../settings/sources.ts"
import { readSource } from "../simulate/recordings.ts"
import * as Simulate from "../simulate/settings.ts"

/** As the command line gives them; `undefined` is not set. */
export interface Flags extends Omit<Simulate.Flags, "policy" | "waitTarget" | "warmup" | "worth"> {
  readonly policy: string | undefined
  /** A file of settings of `serve`: what is not set by a flag is as it says. */
  readonly config: string | undefined
  readonly target: ReadonlyArray<string>
  readonly cost: Tuning.Cost
  readonly budget: string
  readonly mostWorkers: number | undefined
}

export interface Plan {
  readonly options: Tuning.Options
  /** For people. */
  readonly load: Simulate.Plan["load"]
  readonly notes: ReadonlyArray<string>
  /** How the pool is run today, as far as it was said: by the names of a file of settings. */
  readonly today: Readonly<Record<string, unknown>>
}

export const make = (flags: Flags): Effect.Effect<Plan, BadUsage> =>
  Effect.gen(function* () {
    const found = flags.config === undefined ? undefined : yield* find({ config: flags.config }, {})
    const { flags: whole, limits, today } = yield* complete(flags, found)
    for (const target of flags.target) yield* readable(target)
    const budget = numberOf(flags.budget)
    if (budget === undefined || !Number.isSafeInteger(budget) || budget < 1000) {
      return yield* new BadUsage({
        reason: `Expected --budget to be a whole number of requests, at least 1000, got "${flags.budget}"`
      })
    }
    if (flags.mostWorkers !== undefined && flags.mostWorkers < 1) {
      return yield* new BadUsage({ reason: `Expected --most-workers to be at least 1, got ${flags.mostWorkers}` })
    }
    const { recording, scale } = flags
    const isAlone = recording !== undefined && flags.arrivals.length === 0
    // It is read once for all the ways to take it.
    const source = isAlone ? yield* readSource(recording, whole) : undefined
    const { load, notes, runs } = yield* Simulate.make(whole, source)
    const { duration, policy, pool } = runs[0]!.options
    const taken = (change: Partial<Simulate.Flags>) =>
      recording === undefined
        ? Effect.undefined
        : Effect.map(Simulate.make({ ...whole, ...change }, source), ({ runs }) => loadOf(runs[0]!.options))
    return {
      options: {
        load: loadOf(runs[0]!.options),
        redrawn: yield* taken(flags.service.length === 0 ? { service: ["redrawn"] } : {}),
        doubled: yield* taken({ scale: String(2 * Number(scale ?? 1)) }),
        isRecorded: flags.arrivals.every((text) => text.startsWith("csv:")),
        duration,
        policy,
        pool: limits === undefined ? pool : { ...pool, limits },
        targets: flags.target,
        cost: flags.cost,
        budget,
        mostWorkers: flags.mostWorkers,
        seed: flags.seed
      },
      load: load.filter(([name]) => name !== "wait target"),
      notes,
      today: recording === undefined ? today : { ...recordedOf(pool ?? {}), ...today, policy: runs[0]!.policy }
    }
  })

const loadOf = ({ arrivals, downstream, failures, service }: Simulation.Options): Tuning.Load => ({
  arrivals,
  service,
  failures,
  downstream
})

/** The settings of today as the recording has them: what a file of settings may hold. */
const recordedOf = (pool: NonNullable<Simulation.Options["pool"]>): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(
    (
      [
        "minWorkers",
        "maxWorkers",
        "capacity",
        "strategy",
        "scalingInterval",
        "timeout",
        "expiresIn",
        "aging",
        "order",
        "keyCapacity"
      ] as const
    ).flatMap((name) => (typeof pool[name] === "number" || typeof pool[name] === "string" ? [[name, pool[name]]] : []))
  ),
  ...(RetryPolicy.isRetryPolicy(pool.retry) ? { retries: pool.retry.times } : {})
})

/** What the search refuses, by the name of its flag. */
export const refused = (error: Tuning.InvalidTarget | Parameters<typeof Simulate.refused>[0]): BadUsage => {
  if (error instanceof Tuning.InvalidTarget) return new BadUsage({ reason: `--target: ${error.message}` })
  if (error.field === "targets") {
    return new BadUsage({ reason: `Expected --target to be ${error.expected}, got ${error.actual}` })
  }
  return Simulate.refused(error)
}

const readable = (target: string) =>
  Effect.mapError(Effect.fromResult(Tuning.parseTarget(target)), (error) => refused(error))

interface Complete {
  readonly flags: Simulate.Flags
  /** Those of the file: a flag takes texts alone. */
  readonly limits: ReadonlyArray<Limit.Limit> | undefined
  readonly today: Plan["today"]
}

/** Names of `simulate`'s flags, and of the settings that they are. */
const names = {
  minWorkers: "minWorkers",
  maxWorkers: "maxWorkers",
  capacity: "capacity",
  strategy: "strategy",
  sheddingTarget: "sheddingTarget",
  sheddingInterval: "sheddingInterval",
  retryBudget: "retryBudget",
  tick: "scalingInterval",
  timeout: "timeout",
  expiresIn: "expiresIn",
  retries: "retries",
  aging: "aging",
  order: "order",
  keyCapacity: "keyCapacity"
} as const

const complete = (flags: Flags, found: Found | undefined): Effect.Effect<Complete, BadUsage> =>
  Effect.gen(function* () {
    const inFile = (name: keyof Found["origins"]) =>
      found?.origins[name].from === "file" ? found.origins[name].text : undefined
    const today: Record<string, unknown> = {}
    const of = (flag: keyof typeof names): never => {
      const name = names[flag]
      const value = flags[flag] ?? inFile(name)
      if (value !== undefined) today[name] = numberOf(String(value)) ?? value
      return (typeof flags[flag] === "number" || value === undefined ? value : asFlag(flag, String(value))) as never
    }
    const all = Object.fromEntries(Object.keys(names).map((flag) => [flag, of(flag as keyof typeof names)]))
    const policy = flags.policy ?? inFile("policy")
    const ofFile = flags.limit.length > 0 ? undefined : found?.values.limits
    const limits = yield* Effect.fromResult(limitsFrom(ofFile, found?.origins.limits.label ?? ""))
    const text = inFile("limits")
    if (flags.limit.length > 0) today["limits"] = flags.limit
    else if (text !== undefined) today["limits"] = listOf(text)
    const { config: _, target: _1, cost: _2, budget: _3, mostWorkers: _4, ...others } = flags
    return {
      flags: {
        ...others,
        ...all,
        policy: policy === undefined ? [] : [policy],
        waitTarget: "100ms",
        warmup: "0",
        worth: undefined,
        leavesReality: true
      } as Simulate.Flags,
      limits,
      today: { policy: policy ?? "adaptive", ...today }
    }
  })

const asFlag = (flag: keyof typeof names, text: string): string | number =>
  flag === "minWorkers" || flag === "maxWorkers" || flag === "retries" ? Number(text) : text
