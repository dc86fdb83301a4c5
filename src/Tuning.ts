/**
 * Finds the cheapest settings of a pool that keep what is wanted of it, by simulation: the real queue, pool and scaler on virtual time.
 * The same options give the same report, byte for byte. An export of its own, `effect-worker-pool/Tuning`.
 */
import { Effect, Result } from "effect"
import * as checks from "./internal/checks.ts"
import * as PoolConfig from "./PoolConfig.ts"
import { InvalidPoolConfig } from "./PoolError.ts"
import { type Demand, demandOf } from "./tuning/demand.ts"
import { byWorth, cheapest, drawsFor, finalists, judge, type Judged } from "./tuning/judge.ts"
import { DrawnLoad, type Load, type Span } from "./tuning/load.ts"
import { type Common, type Measured, Measurer, type Task } from "./tuning/measure.ts"
import { obstaclesOf } from "./tuning/obstacles.ts"
import { split, taskOf, whole } from "./tuning/parts.ts"
import { type Cost, type Interval, type Score, scoreOf } from "./tuning/scores.ts"
import { type Run, search, type Searched } from "./tuning/search.ts"
import { keyOf, type Policy, policyOf, policyText, poolOf, type Settings } from "./tuning/settings.ts"
import { type Ground, spaceOf } from "./tuning/space.ts"
import { InvalidTarget, isKept, parse, shown, type Target } from "./tuning/target.ts"

export { InvalidTarget, isKept, keyOf, Measurer, parse as parseTarget, policyOf, policyText, poolOf, shown }
export type { Common, Cost, Interval, Judged, Load, Measured, Policy, Run, Score, Settings, Span, Target, Task }

/** What to tune, for which load and to which targets. */
export interface Options extends Common {
  /** Such as `p99(wait) <= 200ms`: see `parseTarget`. At least one. */
  readonly targets: ReadonlyArray<string | Target>
  /** What is to be as little as it can: workers over time, or the most at once. Default `"worker-seconds"`. */
  readonly cost?: Cost | undefined
  /** Whether the load is a recording: then the unseen part is a part of its time, and else another draw. Default `false`. */
  readonly isRecorded?: boolean | undefined
  /** No more workers are recommended. A whole number, at least 1. Default: as many as the load could ever keep busy. */
  readonly mostWorkers?: number | undefined
  /** Seeds all random numbers. Default `1`. */
  readonly seed?: string | number | undefined
  /** About so many requests are simulated, in all. At least 1,000. Default 9,000,000. */
  readonly budget?: number | undefined
  /** Runs the simulations, for whoever has threads. Default: one after the other, here. */
  readonly run?: Run<InvalidPoolConfig> | undefined
  /** Hears how much of the budget is spent, from 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
}

/** What a search came to. */
export interface Report {
  /** Those that were asked for, and how many may be lost, if nobody said. */
  readonly targets: ReadonlyArray<Target>
  readonly cost: Cost
  /** The cheapest that keep every target on the unseen part. `undefined`: none do. */
  readonly chosen: Judged | undefined
  readonly today: Judged
  /** All others that were judged on the unseen part, the best first. Where none was chosen, the first is what comes nearest. */
  readonly others: ReadonlyArray<Judged>
  /** Why none was chosen. */
  readonly obstacles: ReadonlyArray<string>
  readonly seen: ReadonlyArray<Span>
  readonly unseen: ReadonlyArray<Span>
  readonly isRecorded: boolean
  /** How often the unseen part was drawn. */
  readonly draws: number
  readonly durationMillis: number
  readonly demand: Pick<Demand, "requests" | "perSecond" | "busyMean" | "busyMost">
  /** What the last rung of the search was: what each costs, and by how much it keeps the targets. */
  readonly tried: ReadonlyArray<{ readonly settings: Settings; readonly score: Score }>
  readonly choices: number
  readonly stopped: Searched["stopped"]
  /** Requests that were simulated. */
  readonly simulated: number
}

/** At least so many are judged on the unseen part, beside those of today. */
const judgedAtOnce = 3
/** Of the budget, what the search has; the rest is for the unseen part. */
const searchShare = 0.45
/** So many may be lost when nobody said. */
const lostByDefault = 0.001

/**
 * Searches, judges and recommends. Fails with `InvalidTarget` for a target that is none, and with `InvalidPoolConfig` for other options that
 * are wrong. Interrupting it ends the simulation that runs.
 */
export const run = (options: Options): Effect.Effect<Report, InvalidPoolConfig | InvalidTarget> =>
  Effect.gen(function* () {
    const { cost, durationMillis, isRecorded, seed, budget, targets, today, mostWorkers } = yield* checked(options)
    const measurer = new Measurer(options, durationMillis, targets)
    const runTasks: Run<InvalidPoolConfig> =
      options.run ?? ((tasks) => Effect.forEach(tasks, (task) => measurer.run(task)))
    let simulated = 0
    const counted: Run<InvalidPoolConfig> = (tasks) =>
      Effect.map(runTasks(tasks), (all) => {
        simulated += all.reduce((sum, { requests }) => sum + requests, 0)
        options.onProgress?.(Math.min(1, simulated / budget))
        return all
      })
    const { seen, unseen } = split(durationMillis, isRecorded)
    const searchSeed = `${seed}/seen`
    const demand = demandOf(new DrawnLoad(options.load, durationMillis), searchSeed, durationMillis, targets)
    yield* notEmpty(demand, targets)
    const isSlowedDown = options.load.downstream?.capacity !== undefined
    const hasTurns = (options.pool?.limits ?? []).length > 0
    const ground: Ground = { demand, targets, today, mostWorkers, isSlowedDown, hasTurns }
    const space = spaceOf(ground)
    const found = yield* search({
      ground,
      space,
      seen,
      seed: searchSeed,
      cost,
      budget: searchShare * budget,
      run: counted
    })
    const [first = [], second = []] = finalists(found.tried, judgedAtOnce)
    const draws = drawsFor(budget - simulated, first.length + 1, unseen, demand)
    const judging = { demand, targets, unseen, cost, seed: String(seed), draws, isRecorded, run: counted }
    const [current, ...judged] = yield* judge(["today", ...first], judging)
    // What is there already and is no dearer needs no change.
    let all = [current!, ...judged]
    if (cheapest(all) === undefined) all = [...all, ...(yield* judge(second, judging))]
    const chosen = cheapest(all)
    const obstacles = chosen === undefined ? yield* whyNot(ground, space.widest, seen, searchSeed, counted) : []
    options.onProgress?.(1)
    return {
      targets,
      cost,
      chosen,
      today: current!,
      others: byWorth(all.filter((one) => one !== chosen && one !== current)),
      obstacles,
      seen,
      unseen,
      isRecorded,
      draws,
      durationMillis,
      demand: {
        requests: demand.requests,
        perSecond: demand.perSecond,
        busyMean: demand.busyMean,
        busyMost: demand.busyMost
      },
      tried: found.tried.map(({ score, settings }) => ({ settings, score })),
      choices: found.choices,
      stopped: found.stopped,
      simulated
    }
  })

const whyNot = (
  ground: Ground,
  widest: Settings,
  seen: ReadonlyArray<Span>,
  seed: string,
  run: Run<InvalidPoolConfig>
): Effect.Effect<ReadonlyArray<string>, InvalidPoolConfig> => {
  const parts = whole(seen)
  const tasks = parts.map((part) => taskOf(part, widest, seed))
  return Effect.map(run(tasks), (all) =>
    obstaclesOf(
      ground,
      scoreOf(
        all.map((measured) => ({ measured, weight: 1 })),
        ground.targets,
        "peak"
      )
    )
  )
}

const checked = Effect.fnUntraced(function* (options: Options) {
  const {
    cost = "worker-seconds",
    isRecorded = false,
    load,
    mostWorkers,
    pool = {},
    seed = 1,
    budget = 9_000_000
  } = options
  if (options.targets.length === 0) return yield* checks.wrong("targets", "at least one", "none")
  const asked = yield* Effect.forEach(options.targets, (target) =>
    typeof target === "string" ? Effect.fromResult(parse(target)) : Effect.succeed(target)
  )
  const durationMillis = checks.millis("duration", options.duration)
  if (typeof durationMillis !== "number") return yield* durationMillis
  const config = PoolConfig.make({ strategy: "dropping", ...pool, name: "tuning" })
  if (Result.isFailure(config)) return yield* config.failure
  const invalid =
    load.arrivals.invalid ??
    load.service.invalid ??
    checks.oneOf("worker-seconds", "peak")("cost", cost) ??
    checks.wholeFrom(1000)("budget", budget) ??
    (mostWorkers === undefined ? undefined : checks.wholeFrom(1)("mostWorkers", mostWorkers))
  if (invalid !== undefined) return yield* invalid
  const { capacity, maxWorkers, minWorkers, scalingIntervalMillis } = config.success
  const today = {
    minWorkers,
    maxWorkers,
    capacity: capacity === Infinity ? ("unbounded" as const) : capacity,
    scalingIntervalMillis
  }
  return { cost, durationMillis, isRecorded, seed, budget, targets: withLost(asked), today, mostWorkers }
})

/** The cheapest pool of all refuses everything: as many may be lost as a target lets be refused, and else one in a thousand. */
const withLost = (asked: ReadonlyArray<Target>): ReadonlyArray<Target> => {
  const isBounded = asked.some(
    ({ key, measure, priority, type }) =>
      measure.kind === "share" &&
      (measure.of === "lost" || measure.of === "good") &&
      key === undefined &&
      priority === undefined &&
      type === undefined
  )
  if (isBounded) return asked
  const refused = asked.flatMap(({ bound, measure }) =>
    measure.kind === "share" && measure.of === "refused" ? [bound] : []
  )
  const bound = Math.max(...refused, refused.length === 0 ? lostByDefault : 0)
  const lost: Target = {
    text: `lost <= ${Number((100 * bound).toPrecision(6))}%`,
    measure: { kind: "share", of: "lost" },
    operator: "<=",
    bound
  }
  return [...asked, lost]
}

/** A target that speaks of nobody is kept by anything. */
const notEmpty = (demand: Demand, targets: ReadonlyArray<Target>): Effect.Effect<void, InvalidPoolConfig> => {
  if (demand.requests === 0)
    return Effect.fail(checks.wrong("arrivals", "at least one request in the duration", "none"))
  const vain = targets.find((target) => demand.serviceOf(target).count === 0)
  return vain === undefined
    ? Effect.void
    : Effect.fail(checks.wrong("targets", `one of requests that the load has: ${vain.text}`, "none of them"))
}
