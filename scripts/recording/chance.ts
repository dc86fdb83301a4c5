/**
 * How much of what a policy comes to is chance: the same load again and again, a steady one with a burst, looked at some milliseconds
 * earlier or later.
 *
 * `npm run recording:chance [seconds] [policy]`: 120 s and `adaptive`. Three loads, in each the looks at three moments of the second, and
 * around each of these from 10 ms earlier to 10 ms later.
 */
import { Effect } from "effect"
import { parsePolicy } from "../../src/program/settings/policyFlag.ts"
import * as Simulation from "../../src/Simulation.ts"

const seconds = Number(process.argv[2] ?? 120)
const { policy } = Effect.runSync(parsePolicy(process.argv[3] ?? "adaptive"))
const arrivals = Simulation.Arrivals.spike(40, 300, seconds * 500, Math.max(3000, seconds * 50))
const service = Simulation.ServiceTimes.exponential(150)
const range = (values: ReadonlyArray<number>) =>
  `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`

for (const seed of [1, 2, 3]) {
  for (const moment of [300, 600, 900]) {
    const all: Array<Simulation.Figures> = []
    for (let shift = -10; shift <= 10; shift++) {
      const firstTick = moment + shift
      const load = { arrivals, service, seed, policy, firstTick, duration: seconds * 1000 }
      all.push(await Effect.runPromise(Simulation.run({ ...load, pool: { maxWorkers: 60, capacity: "unbounded" } })))
    }
    const means = all.map(({ wait }) => wait.mean)
    const p99s = all.map(({ wait }) => wait.p99)
    const costs = all.map(({ workerSeconds }) => workerSeconds)
    console.log(
      `load ${seed}, looks at ${moment} ms: mean ${range(means)} ms, p99 ${range(p99s)} ms, ${range(costs)} worker-seconds`
    )
  }
}
