/** The loads of the documentation: what `adaptive`, `queueLength` and `gradient` make of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import {
  article,
  guarded,
  holdout,
  type Scenario,
  slowDownstream,
  step,
  tuned
} from "../../scripts/scaling/scenarios.ts"

const { Arrivals, ServiceTimes } = Simulation
const under = (policy: ScalingPolicy.ScalingPolicy, scenario: Scenario) => Simulation.run({ ...scenario, policy })

describe("ten times the load at once", () => {
  it.live("adaptive has the capacity within 0.3 s, and hardly a backlog", () =>
    Effect.gen(function* () {
      const { refused, timeToCapacity, windows } = yield* under(ScalingPolicy.adaptive(), step)
      assert.isBelow(timeToCapacity!, 300)
      // "No backlog": no more than wait at any time in a queue that keeps the target, 100 ms of 1,000/s.
      for (const { backlog, waitMean } of windows.slice(30)) {
        assert.isBelow(backlog, 100)
        assert.isBelow(waitMean, 100)
      }
      assert.strictEqual(refused, 0)
    })
  )

  it.live("the article's rule adds a worker a second, and refuses a quarter of what comes", () =>
    Effect.gen(function* () {
      const { arrived, refused, timeToCapacity } = yield* under(article, step)
      assert.isAbove(timeToCapacity!, 80_000)
      assert.isAbove(refused / arrived, 0.2)
    })
  )
})

describe("adaptive", () => {
  /** How often the mean of the load turns, where the policy turns no more often. */
  const turns: Readonly<Record<string, number>> = { spike: 1, daily: 1, bursts: 5, waves: 3 }

  for (const [name, scenario] of Object.entries({ ...tuned, ...holdout })) {
    it.live(
      `${name}: no more than 1.3 times the least worker-seconds, and the wait target in 99 % of the seconds`,
      () =>
        Effect.gen(function* () {
          const figures = yield* under(ScalingPolicy.adaptive(), scenario)
          assert.isAtMost(figures.workerSeconds / figures.leastWorkerSeconds, 1.3)
          assert.isAtLeast(figures.windowsWithinTarget, 0.99)
          assert.strictEqual(figures.completed, figures.arrived)
          if (turns[name] !== undefined) assert.isAtMost(figures.reversals, turns[name])
        })
    )
  }
})

describe("handlers that nothing slows down", () => {
  const healthy = [
    [5, ServiceTimes.exponential(5000)],
    [50, ServiceTimes.exponential(500)],
    [2, ServiceTimes.constant(20_000)],
    [200, ServiceTimes.lognormal(100, 1.5)]
  ] as const

  for (const [rate, service] of healthy) {
    it.live(`${rate}/s, ${service.name}: gradient does not starve them`, () =>
      Effect.gen(function* () {
        const figures = yield* under(guarded, {
          title: "healthy",
          pool: { maxWorkers: 300, timeout: "none" },
          arrivals: Arrivals.poisson(rate),
          service,
          duration: "10 minutes",
          warmup: "2 minutes"
        })
        assert.strictEqual(figures.refused, 0)
        assert.isBelow(figures.wait.p99, 300)
      })
    )
  }
})

describe("a downstream that gets slower the more call it", () => {
  it.live("adaptive alone sends it ever more and never recovers; with gradient as a ceiling it does, in seconds", () =>
    Effect.gen(function* () {
      const burstAt = 60_000
      const mean = (from: number) => (figures: Simulation.Figures) =>
        figures.windows
          .filter(({ fromMillis }) => fromMillis >= from)
          .reduce((sum, { waitMean }, _, { length }) => sum + waitMean / length, 0)
      const collapsed = yield* under(ScalingPolicy.adaptive(), slowDownstream)
      const recovered = yield* under(guarded, slowDownstream)
      assert.isAbove(collapsed.total.p50, 10_000)
      assert.isAbove(collapsed.refused, 1000)
      assert.isAbove(mean(burstAt + 100_000)(collapsed), 1000)
      assert.strictEqual(recovered.refused, 0)
      assert.isBelow(recovered.total.p50, 200)
      assert.isBelow(mean(burstAt + 12_000)(recovered), 10)
      const afterwards = yield* under(guarded, { ...slowDownstream, warmup: burstAt + 12_000 })
      assert.isBelow(afterwards.total.p99, 200)
    })
  )
})
