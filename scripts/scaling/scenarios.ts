/** The loads that the documentation and the tests show. */
import { type PoolConfig, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

export interface Scenario extends Omit<Simulation.Options, "policy" | "seed"> {
  readonly title: string
  readonly pool: Omit<PoolConfig.Options, "name">
}

const pool = { minWorkers: 1, maxWorkers: 300, capacity: 10_000, scalingInterval: "1 second" } as const
const warmup = "20 seconds"

/** Ten times the load from one moment to the next. */
export const step: Scenario = {
  title: "Ten times the load at once: 100/s, from 30 s on 1,000/s, 100 ms each",
  pool,
  arrivals: Arrivals.step(100, 1000, 30_000),
  service: ServiceTimes.constant(100),
  duration: "150 seconds"
}

/** `adaptive` was made with these two in sight. */
export const tuned = {
  spike: {
    title: "A spike: 100/s, for a minute 1,000/s, 100 ms each on average",
    pool,
    warmup,
    arrivals: Arrivals.spike(100, 1000, 300_000, 60_000),
    service: ServiceTimes.exponential(100),
    duration: "10 minutes"
  },
  daily: {
    title: "A day in ten minutes: 100/s to 1,000/s and back, 100 ms each on average",
    pool,
    warmup,
    arrivals: Arrivals.daily(100, 1000),
    service: ServiceTimes.exponential(100),
    duration: "10 minutes"
  }
} satisfies Record<string, Scenario>

/** A Poisson stream whose rate is this curve, made once from a seed of its own. */
const drawn = (name: string, seed: number, seconds: number, rateAt: (second: number) => number) => {
  let state = seed
  // A linear congruential generator (Numerical Recipes): a trace must be the same wherever it is made.
  const uniform = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
  const arrivals: Array<Simulation.Arrivals.Arrival> = []
  const highest = Math.max(...Array.from({ length: seconds }, (_, second) => rateAt(second)))
  for (let at = 0; ;) {
    at += -Math.log(1 - uniform()) / highest
    if (at >= seconds) return { name, seconds, rateAt, arrivals: Arrivals.trace(name, arrivals) }
    if (uniform() * highest < rateAt(Math.floor(at))) {
      arrivals.push({ atMillis: at * 1000, type: uniform() < 0.2 ? "Report" : "Page" })
    }
  }
}

const evening = drawn("evening", 21, 900, (s) => 120 + 480 * clamped((s - 150) / 300) - 400 * clamped((s - 600) / 60))
const bursts = drawn("bursts", 22, 900, (s) => (s % 300 >= 150 && s % 300 < 210 ? 600 : 250))
const waves = drawn("waves", 23, 900, (s) => 400 - 250 * Math.cos((2 * Math.PI * s) / 450))

function clamped(share: number) {
  return Math.min(1, Math.max(0, share))
}

const mixed = ServiceTimes.trace("mixed", [
  ...[40, 62, 55, 80, 47, 120, 52, 66, 90, 58].map((millis) => ({ type: "Page", millis })),
  ...[210, 480, 330, 260, 900, 300].map((millis) => ({ type: "Report", millis }))
])

const unseen = (title: string, { arrivals, seconds }: ReturnType<typeof drawn>, service = mixed): Scenario => ({
  title,
  pool,
  warmup,
  arrivals,
  service,
  duration: seconds * 1000
})

/** Never used to tune `adaptive`. Two types of request, of about 67 and 413 ms. */
export const holdout = {
  evening: unseen("An evening: 120/s, in five minutes up to 600/s, and down to 200/s in one", evening),
  bursts: unseen("Three bursts of a minute: 600/s on 250/s", bursts),
  waves: unseen(
    "Two waves: 150/s to 650/s, service times log-normal of 150 ms",
    waves,
    ServiceTimes.lognormal(150, 0.8)
  )
} satisfies Record<string, Scenario>

/** What the handlers call takes twice its time with 50 at once, and does no more than 250/s whatever is asked of it. */
export const slowDownstream: Scenario = {
  title: "A burst of 400/s for 3 s on 100/s, on a downstream that does 250/s at best",
  pool: { ...pool, capacity: 1000 },
  warmup,
  arrivals: Arrivals.spike(100, 400, 60_000, 3_000),
  service: ServiceTimes.constant(100),
  downstream: { capacity: 50, exponent: 2 },
  duration: "5 minutes"
}

export const article = ScalingPolicy.queueLength({ threshold: 100 })
export const guarded = ScalingPolicy.min(ScalingPolicy.adaptive(), ScalingPolicy.gradient())
