/** The loads that `docs/queueing.md` shows. */
import { Limit, type PoolConfig, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

const pool = { minWorkers: 0, maxWorkers: 64, capacity: "unbounded", timeout: "none", deadLetters: 0 } as const

/** 64 workers of 50 ms do 1,280 requests per second; 99 tenants ask for 30 % of that, and before them one for a great deal. */
const hogLoad = (keys: boolean, backlog: number): Simulation.Arrivals.Arrivals =>
  Arrivals.merge(
    Arrivals.labelled(Arrivals.burst(backlog), { key: keys ? "hog" : undefined, type: "Hog" }),
    Arrivals.labelled(Arrivals.poisson(384), {
      key: keys ? Array.from({ length: 99 }, (_, n) => ({ value: `light-${n + 1}` })) : undefined,
      type: "Light"
    })
  )

/** The backlog alone is work for 156 seconds. */
export const hog = (keys: boolean, backlog = 200_000): Simulation.Options => ({
  policy: ScalingPolicy.fixed(64),
  pool,
  arrivals: hogLoad(keys, backlog),
  service: ServiceTimes.exponential(50),
  duration: "2 minutes"
})

/** Four workers of 50 ms do 80 per second; 84 per second come that matter, and 16 that do not. */
export const priorities = (aging: PoolConfig.Options["aging"]): Simulation.Options => ({
  policy: ScalingPolicy.fixed(4),
  pool: { ...pool, aging },
  arrivals: Arrivals.merge(
    Arrivals.labelled(Arrivals.poisson(84), { priority: 1 }),
    Arrivals.labelled(Arrivals.poisson(16), { priority: 0 })
  ),
  service: ServiceTimes.exponential(50),
  duration: "2 minutes"
})

/** Ten per second, five at once after a rest, under 64 workers. */
export const rate: Simulation.Options = {
  policy: ScalingPolicy.fixed(64),
  pool: {
    ...pool,
    limits: [Limit.make({ name: "downstream", rate: { limit: 10, period: "1 second", burst: 5 } })]
  },
  arrivals: Arrivals.merge(Arrivals.burst(60, 1000), Arrivals.burst(60, 12_000)),
  service: ServiceTimes.exponential(50),
  duration: "20 seconds"
}

/**
 * 100 tenants that always want more, 70 times a second each: five for each of twenty types, of which the attempts of one take 10 ms on
 * average, and those of another 1 s.
 */
const kinds = Array.from({ length: 20 }, (_, n) => ({ type: `T${n + 1}`, meanMillis: 10 * 100 ** (n / 19) }))
export const backlogged = (keys: boolean): Simulation.Options => {
  const [first, ...others] = kinds.map(({ type }) => {
    const tenants = Array.from({ length: 5 }, (_, n) => ({ value: `${type}-${n + 1}` }))
    return Arrivals.labelled(Arrivals.poisson(350), { type, key: keys ? tenants : undefined })
  })
  return {
    policy: ScalingPolicy.fixed(64),
    pool,
    arrivals: Arrivals.merge(first!, ...others),
    service: ServiceTimes.byType(
      Object.fromEntries(kinds.map(({ meanMillis, type }) => [type, ServiceTimes.exponential(meanMillis)])),
      ServiceTimes.exponential(100)
    ),
    duration: "20 seconds"
  }
}

/** Three that always want more, with weights of 1, 2 and 4. */
export const weights: Simulation.Options = {
  policy: ScalingPolicy.fixed(64),
  pool: { ...pool, weight: (key) => Number(key) },
  arrivals: Arrivals.merge(
    Arrivals.labelled(Arrivals.burst(60_000), { key: "1" }),
    Arrivals.labelled(Arrivals.burst(60_000), { key: "2" }),
    Arrivals.labelled(Arrivals.burst(60_000), { key: "4" })
  ),
  service: ServiceTimes.exponential(50),
  duration: "1 minute"
}
