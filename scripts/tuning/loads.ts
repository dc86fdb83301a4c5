/** The loads that the search is measured by: those of `docs/scaling.md`, and an hour of 100 requests per second. */
import * as Simulation from "../../src/Simulation.ts"
import type * as Tuning from "../../src/Tuning.ts"
import { holdout, type Scenario, step, tuned } from "../scaling/scenarios.ts"

const { Arrivals, ServiceTimes } = Simulation

export const targets = ["p99(wait) <= 200ms", "refused <= 0.1%"]

/** A trace is there once, as a recording is. */
const of = ({ arrivals, duration, pool, service }: Scenario, isRecorded: boolean): Tuning.Options => ({
  load: { arrivals, service },
  duration,
  pool,
  isRecorded,
  targets
})

export const loads: Readonly<Record<string, Tuning.Options>> = {
  step: of(step, false),
  spike: of(tuned.spike, false),
  daily: of(tuned.daily, false),
  evening: of(holdout.evening, true),
  bursts: of(holdout.bursts, true),
  waves: of(holdout.waves, true),
  hour: {
    load: { arrivals: Arrivals.poisson(100), service: ServiceTimes.exponential(100) },
    duration: "1 hour",
    targets
  }
}
