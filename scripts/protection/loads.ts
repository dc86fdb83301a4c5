/** Loads that are more than a pool can do, and ways to meet them: those of `docs/protection.md`. */
import { type PoolConfig, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

export const workers = 16
export const serviceMillis = 50
/** What the workers can do in a second. */
export const possible = (workers * 1000) / serviceMillis

/** What a pool does with more than it can do. */
export interface Way {
  readonly name: string
  readonly strategy: PoolConfig.Strategy
  readonly capacity: number
}

export const ways: ReadonlyArray<Way> = [
  { name: "first in, first out", strategy: "suspend", capacity: 10_000 },
  { name: "dropping", strategy: "dropping", capacity: 10_000 },
  { name: "dropping, capacity 100", strategy: "dropping", capacity: 100 },
  { name: "sliding", strategy: "sliding", capacity: 10_000 },
  { name: "shedding", strategy: "shedding", capacity: 10_000 }
]

/** So many times what the workers can do. Each answer is worth something for a second. */
export const overload = (
  { capacity, strategy }: Way,
  times: number,
  service: "fixed" | "exponential",
  seed = 1,
  duration = 120
): Simulation.Options => ({
  policy: ScalingPolicy.fixed(workers),
  pool: { minWorkers: 0, maxWorkers: workers, capacity, strategy, timeout: "none", deadLetters: 0, decisions: 0 },
  arrivals: Arrivals.poisson(times * possible),
  service: service === "fixed" ? ServiceTimes.constant(serviceMillis) : ServiceTimes.exponential(serviceMillis),
  duration: duration * 1000,
  warmup: 20_000,
  worth: "1 second",
  seed
})
