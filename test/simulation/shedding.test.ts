/** A pool that sheds under loads of which what is possible is known: what is of use of them, and how it grows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { PoolConfig } from "../../src/index.ts"
import { ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

/** 16 workers of 50 ms do 320 a second. */
const sixteen = (
  times: number,
  strategy: PoolConfig.Strategy,
  labels: Parameters<typeof Arrivals.labelled>[1] = {},
  service = ServiceTimes.exponential(50),
  duration = 30_000
) =>
  Simulation.run({
    policy: ScalingPolicy.fixed(16),
    pool: { minWorkers: 0, maxWorkers: 16, strategy, timeout: "none" },
    arrivals: Arrivals.labelled(Arrivals.poisson(times * 320), labels),
    service,
    duration,
    warmup: 10_000,
    worth: "1 second"
  })

const thousand = { key: Array.from({ length: 1000 }, (_, n) => ({ value: `${n}` })) }
const urgent = { priority: [{ value: 0, weight: 3 }, { value: 1 }] }

describe("a pool that sheds", () => {
  it.live.each<[string, Parameters<typeof Arrivals.labelled>[1], Simulation.ServiceTimes.ServiceTimes]>([
    ["equals of one length", {}, ServiceTimes.constant(50)],
    ["equals", {}, ServiceTimes.exponential(50)],
    ["a thousand keys", thousand, ServiceTimes.exponential(50)],
    ["two priorities", urgent, ServiceTimes.exponential(50)]
  ])("answers what is possible of twice as much in time, and hardly sheds below that: %s", ([, labels, service]) =>
    Effect.gen(function* () {
      const { goodPerSecond, wasted } = yield* sixteen(2, "shedding", labels, service)
      assert.isAtLeast(goodPerSecond!, 0.95 * 320)
      assert.strictEqual(wasted, 0)
      const { arrived, shed } = yield* sixteen(0.9, "shedding", labels, service, 70_000)
      assert.isAtMost(shed / arrived, 0.01)
    })
  )

  it.live("does what one that is first in, first out does not", () =>
    Effect.gen(function* () {
      const { goodPerSecond, wasted } = yield* sixteen(2, "suspend")
      assert.deepStrictEqual([goodPerSecond, wasted], [0, 1])
    })
  )

  it.live("grows as one does that is first in, first out: what it gives up wanted workers", () =>
    Effect.gen(function* () {
      const workers = (strategy: PoolConfig.Strategy) =>
        Effect.map(
          Simulation.run({
            pool: { maxWorkers: 256, strategy },
            arrivals: Arrivals.step(20, 1000, 10_000),
            service: ServiceTimes.exponential(50),
            duration: 20_000
          }),
          ({ shed, windows }) => ({ shed, workers: windows.slice(12, 20).map(({ workers }) => Math.round(workers)) })
        )
      const [fifo, shedding] = [yield* workers("suspend"), yield* workers("shedding")]
      assert.isAbove(shedding.shed, 50)
      assert.isAtLeast(Math.min(...fifo.workers), 50)
      for (const [second, count] of shedding.workers.entries()) assert.isAtLeast(count, fifo.workers[second]! - 1)
    })
  )
})
