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
  readonly options: PoolConfig.Options
}

export const ways = [
  { name: "first in, first out", options: { strategy: "suspend" } },
  { name: "the same, `expiresIn` 1 s", options: { strategy: "suspend", expiresIn: "1 second" } },
  { name: "dropping, `capacity` 10,000", options: { strategy: "dropping" } },
  { name: "dropping, `capacity` 100", options: { strategy: "dropping", capacity: 100 } },
  { name: "sliding, `capacity` 10,000", options: { strategy: "sliding" } },
  { name: "shedding", options: { strategy: "shedding" } }
] as const satisfies ReadonlyArray<Way>

/** The time of each request: fixed, or exponential of that mean. */
export const services = {
  fixed: ServiceTimes.constant(serviceMillis),
  exponential: ServiceTimes.exponential(serviceMillis),
  slow: ServiceTimes.constant(4 * serviceMillis)
}

const common = ({ options }: Way): Pick<Simulation.Options, "policy" | "pool" | "worth"> => ({
  policy: ScalingPolicy.fixed(workers),
  pool: { minWorkers: 0, maxWorkers: workers, timeout: "none", deadLetters: 0, decisions: 0, ...options },
  worth: "1 second"
})

/** So many times what the workers can do. Each answer is worth something for a second. */
export const overload = (
  way: Way,
  times: number,
  service: keyof typeof services = "fixed",
  seed = 1,
  duration = 120
): Simulation.Options => ({
  ...common(way),
  arrivals: Arrivals.poisson((times * workers * 1000) / services[service].meanMillis),
  service: services[service],
  duration: duration * 1000,
  warmup: 20_000,
  seed
})

/** Four fifths of what the workers can do, but for a minute from half a minute on: then twice that. */
export const minute = (way: Way): Simulation.Options => ({
  ...common(way),
  arrivals: Arrivals.spike(0.8 * possible, 2 * possible, 30_000, 60_000),
  service: services.exponential,
  duration: 420_000
})
