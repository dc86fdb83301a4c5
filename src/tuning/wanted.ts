/** What somebody asks of a search, checked. */
import { Effect, Result } from "effect"
import * as checks from "../internal/checks.ts"
import * as PoolConfig from "../PoolConfig.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { Demand } from "./demand.ts"
import type { Common } from "./measure.ts"
import type { Cost } from "./scores.ts"
import { parse, type Target } from "./target.ts"

/** So many may be lost when nobody said. */
const lostByDefault = 0.001

/** What a search is for. */
export interface Wanted extends Common {
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
  /** About so many requests are simulated, in all. At least 1,000. Default 6,000,000. */
  readonly budget?: number | undefined
}

export const checked = Effect.fnUntraced(function* (options: Wanted) {
  const {
    cost = "worker-seconds",
    isRecorded = false,
    load,
    mostWorkers,
    pool = {},
    seed = 1,
    budget = 6_000_000
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
  // What is said of some requests says nothing of the others.
  const ofAll = asked.filter(
    ({ key, priority, type }) => key === undefined && priority === undefined && type === undefined
  )
  const isBounded = ofAll.some(
    ({ measure }) => measure.kind === "share" && (measure.of === "lost" || measure.of === "good")
  )
  if (isBounded) return asked
  const refused = ofAll.flatMap(({ bound, measure }) =>
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
export const notEmpty = (demand: Demand, targets: ReadonlyArray<Target>): Effect.Effect<void, InvalidPoolConfig> => {
  if (demand.requests === 0)
    return Effect.fail(checks.wrong("arrivals", "at least one request in the duration", "none"))
  const vain = targets.find((target) => demand.serviceOf(target).count === 0)
  return vain === undefined
    ? Effect.void
    : Effect.fail(checks.wrong("targets", `one of requests that the load has: ${vain.text}`, "none of them"))
}
