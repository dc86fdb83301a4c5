/** The simulator: the same for the same seed, and figures that say what they mean. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Metric } from "effect"
import { RetryPolicy, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { erlangC } from "../../src/policies/staffing.ts"

const { Arrivals, ServiceTimes } = Simulation

const small: Simulation.Options = {
  arrivals: Arrivals.poisson(50),
  service: ServiceTimes.exponential(100),
  duration: "60 seconds",
  pool: { maxWorkers: 20 }
}

describe("Simulation.run", () => {
  it.live(
    "the same seed gives the same report, byte for byte, whatever the host's pace; another seed another one",
    () =>
      Effect.gen(function* () {
        const options: Simulation.Options = {
          ...small,
          failures: 0.2,
          pool: { maxWorkers: 20, retry: retryTwice, timeout: 400, capacity: 40 }
        }
        const text = (seed: number | string) =>
          Effect.map(Simulation.run({ ...options, seed }), (figures) => JSON.stringify(figures))
        const [first, second, other] = yield* Effect.all([text(1), text(1), text(2)], { concurrency: 3 })
        assert.strictEqual(first, second)
        assert.notStrictEqual(first, other)
      })
  )

  it.effect("no time passes outside: it runs to its end under a clock that nobody moves", () =>
    Effect.gen(function* () {
      const { arrived, completed } = yield* Simulation.run(small)
      assert.isAbove(arrived, 2500)
      assert.strictEqual(completed, arrived)
    })
  )

  it.live("policies see the same requests: one more draw for one of them moves no other", () =>
    Effect.gen(function* () {
      const requests = (policy: ScalingPolicy.ScalingPolicy, failures: number) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          yield* Simulation.run({
            ...small,
            policy,
            failures,
            pool: { retry: retryTwice },
            onEnd: ({ atMillis, index, serviceMillis }) => (seen[index] = `${atMillis} ${serviceMillis}`)
          })
          return seen
        })
      assert.deepStrictEqual(yield* requests(ScalingPolicy.fixed(6), 0), yield* requests(ScalingPolicy.adaptive(), 0.5))
    })
  )

  it.live("every request is accounted for, whatever ends it", () =>
    Effect.gen(function* () {
      const ends = new Set<string>()
      let count = 0
      const figures = yield* Simulation.run({
        ...small,
        arrivals: Arrivals.poisson(200),
        policy: ScalingPolicy.fixed(5),
        failures: 0.1,
        pool: { capacity: 30, timeout: 300, expiresIn: 500 },
        onEnd: ({ end }) => {
          ends.add(end)
          count++
        }
      })
      assert.deepStrictEqual([...ends].toSorted(), ["completed", "expired", "failed", "refused", "timedOut"])
      const { arrived, completed, evicted, expired, failed, interrupted, refused, timedOut } = figures
      assert.strictEqual(count, arrived)
      assert.strictEqual(completed + failed + refused + expired + timedOut + evicted + interrupted, arrived)
      assert.closeTo(failed / (completed + failed), 0.1, 0.02)
    })
  )

  it.live(
    "workers that nobody scales cost their number times the time; the least is the sum of the service times",
    () =>
      Effect.gen(function* () {
        const figures = yield* Simulation.run({
          arrivals: Arrivals.constant(10),
          service: ServiceTimes.constant(250),
          policy: ScalingPolicy.fixed(4),
          duration: "100 seconds",
          warmup: "20 seconds"
        })
        assert.deepInclude(figures, {
          arrived: 801,
          completed: 801,
          leastWorkerSeconds: 801 * 0.25,
          // The last request arrives at the end and ends a quarter of a second later.
          workerSeconds: 4 * 80.25,
          reversals: 0,
          timeToCapacity: null,
          windowsWithinTarget: 1,
          peakBacklog: 0
        })
        assert.deepStrictEqual(figures.wait, { mean: 0, p50: 0, p95: 0, p99: 0 })
        assert.deepStrictEqual(figures.total, { mean: 250, p50: 250, p95: 250, p99: 250 })
        assert.deepInclude(figures.windows[30], {
          fromMillis: 30_000,
          arrived: 10,
          workers: 4,
          backlog: 0,
          waitMean: 0
        })
      })
  )

  it.live("the time to capacity counts from the step, and there is none without enough workers", () =>
    Effect.gen(function* () {
      const { timeToCapacity } = yield* Simulation.run({
        ...small,
        arrivals: Arrivals.step(10, 100, 20_500),
        policy: wishes((at) => (at < 23_000 ? 2 : 10))
      })
      assert.strictEqual(timeToCapacity, 2500)
      const never = yield* Simulation.run({
        ...small,
        arrivals: Arrivals.step(10, 100, 20_500),
        policy: ScalingPolicy.fixed(9)
      })
      assert.strictEqual(never.timeToCapacity, null)
    })
  )

  it.live("reversals are changes of direction, seen once a tick and after the warm-up", () =>
    Effect.gen(function* () {
      const zigzag = wishes((at) => [2, 4, 4, 3, 3, 6, 7, 2][(at / 1000 - 1) % 8]!)
      const idle: Simulation.Options = {
        ...small,
        arrivals: Arrivals.trace("one", []),
        policy: zigzag,
        duration: "8500 millis"
      }
      assert.strictEqual((yield* Simulation.run(idle)).reversals, 3)
      assert.strictEqual((yield* Simulation.run({ ...idle, warmup: "4 seconds" })).reversals, 2)
    })
  )

  it.live("a recording keeps its instants, its types, and each type its own service times in order", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      yield* Simulation.run({
        arrivals: Arrivals.trace("recorded", [
          { atMillis: 30, type: "B" },
          { atMillis: 10, type: "A" },
          { atMillis: 20, type: "A" },
          { atMillis: 5000, type: "A" }
        ]),
        service: ServiceTimes.trace("recorded", [
          { type: "A", millis: 1 },
          { type: "B", millis: 7 },
          { type: "A", millis: 2 }
        ]),
        duration: "1 second",
        onEnd: ({ atMillis, endedAt, type }) => void seen.push(`${type} ${atMillis} ${endedAt}`)
      })
      assert.deepStrictEqual(seen, ["A 10 11", "A 20 22", "B 30 37"])
    })
  )

  it.live("each attempt has its own luck, the wait ends with the first, and retries count from the warm-up on", () =>
    Effect.gen(function* () {
      const waits: Array<number> = []
      const options: Simulation.Options = {
        arrivals: Arrivals.constant(100),
        service: ServiceTimes.constant(20),
        policy: ScalingPolicy.fixed(20),
        failures: 0.5,
        pool: { retry: retryTwice },
        duration: "60 seconds",
        onEnd: ({ atMillis, startedAt }) => void waits.push(startedAt! - atMillis)
      }
      const { arrived, failed, retries } = yield* Simulation.run(options)
      assert.closeTo(failed / arrived, 1 / 8, 0.02)
      assert.closeTo(retries / arrived, 1 / 2 + 1 / 4, 0.04)
      assert.strictEqual(Math.max(...waits), 0)
      const warm = yield* Simulation.run({ ...options, warmup: "30 seconds" })
      assert.closeTo(warm.retries / warm.arrived, 3 / 4, 0.06)
    })
  )

  it.live("what happens in the warm-up is in no figure, and the last part of a second has a window too", () =>
    Effect.gen(function* () {
      const figures = yield* Simulation.run({
        ...small,
        arrivals: Arrivals.spike(0, 500, 0, 1000),
        policy: ScalingPolicy.fixed(2),
        duration: "60500 millis",
        warmup: "50 seconds"
      })
      assert.deepInclude(figures, { arrived: 0, peakBacklog: 0, windowsWithinTarget: 1 })
      assert.strictEqual(figures.windows.length, 61)
      assert.isAbove(figures.windows[0]!.backlog, 100)
    })
  )

  it.live("decisions are those that changed something", () =>
    Effect.gen(function* () {
      const { decisions } = yield* Simulation.run({ ...small, policy: wishes((at) => (at < 30_000 ? 3 : 5)) })
      assert.deepStrictEqual(
        decisions.map(({ after, atMillis, before }) => [atMillis, before, after]),
        [
          [1000, 1, 3],
          [30_000, 3, 5]
        ]
      )
    })
  )

  it.live("early looks are at their instants, and say so", () =>
    Effect.gen(function* () {
      const { decisions, wait } = yield* Simulation.run({
        arrivals: Arrivals.trace(
          "at once",
          Array.from({ length: 8 }, () => ({ atMillis: 3333, type: "Work" }))
        ),
        service: ServiceTimes.constant(1000),
        duration: "5 seconds"
      })
      assert.deepStrictEqual(
        decisions.map(({ after, atMillis, before, cause }) => [atMillis, cause, before, after]),
        [
          [3333, "shortage", 1, 2],
          [3383, "shortage", 2, 4],
          [3433, "shortage", 4, 8]
        ]
      )
      assert.strictEqual(wait.p99, 100)
    })
  )

  it.live("the seed is that of the pool's own chances too", () =>
    Effect.gen(function* () {
      const ends = (seed: number) =>
        Effect.gen(function* () {
          const seen: Array<number> = []
          yield* Simulation.run({
            arrivals: Arrivals.constant(10),
            service: ServiceTimes.constant(20),
            failures: 1,
            pool: { retry: retryTwice },
            duration: "5 seconds",
            seed,
            onEnd: ({ endedAt, index }) => (seen[index] = endedAt)
          })
          return seen
        })
      assert.deepStrictEqual(yield* ends(1), yield* ends(1))
      assert.notDeepEqual(yield* ends(1), yield* ends(2))
    })
  )

  it.live("a downstream slows its callers by how many they are", () =>
    Effect.gen(function* () {
      const ran = (workers: number) =>
        Effect.map(
          Simulation.run({
            arrivals: Arrivals.constant(1000),
            service: ServiceTimes.constant(100),
            policy: ScalingPolicy.fixed(workers),
            downstream: { capacity: 10, exponent: 2 },
            pool: { capacity: 100 },
            duration: "20 seconds",
            warmup: "10 seconds"
          }),
          ({ total, wait }) => Math.round(total.p50 - wait.p50)
        )
      assert.deepStrictEqual([yield* ran(1), yield* ran(10), yield* ran(20)], [101, 200, 500])
    })
  )

  it.live("a rate of zero is a load without requests", () =>
    Effect.gen(function* () {
      for (const arrivals of [Arrivals.poisson(0), Arrivals.constant(0)]) {
        const figures = yield* Simulation.run({ ...small, arrivals })
        assert.deepInclude(figures, { arrived: 0, windowsWithinTarget: 1, leastWorkerSeconds: 0 })
      }
    })
  )

  it.live("time stops with the arrivals, however far apart the ticks are", () =>
    Effect.gen(function* () {
      const pool = { minWorkers: 2, maxWorkers: 2, scalingInterval: "1 hour" } as const
      const { workerSeconds } = yield* Simulation.run({ ...small, pool, arrivals: Arrivals.poisson(0) })
      assert.strictEqual(workerSeconds, 120)
    })
  )

  it.live("a second in which nobody gets a worker is not one in which the target is kept", () =>
    Effect.gen(function* () {
      const { windowsWithinTarget } = yield* Simulation.run({
        arrivals: Arrivals.constant(1),
        service: ServiceTimes.constant(10_000),
        policy: ScalingPolicy.fixed(1),
        pool: { maxWorkers: 1 },
        duration: "100 seconds"
      })
      assert.isBelow(windowsWithinTarget, 0.05)
    })
  )

  it.live("a policy that throws is a defect of the simulation, and not of a pool that goes on", () =>
    Effect.gen(function* () {
      const policy = ScalingPolicy.make("broken", () => {
        throw new Error("broken policy")
      })
      const broken = { ...ScalingPolicy.fixed(1), early: policy.decide }
      for (const each of [policy, broken]) {
        const exit = yield* Effect.exit(Simulation.run({ ...small, policy: each }))
        assert.include(String(exit), "broken policy")
      }
    })
  )

  it.live("its pool is in nobody's metrics, and interrupting it ends it", () =>
    Effect.gen(function* () {
      const series = Effect.map(Metric.snapshot, (all) => all.filter(({ id }) => id.startsWith("worker_pool")).length)
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Simulation.run({
          ...small,
          duration: "10 hours",
          onProgress: () => Deferred.doneUnsafe(begun, Effect.void)
        })
      )
      yield* Deferred.await(begun)
      assert.strictEqual(yield* series, 0)
      yield* Fiber.interrupt(fiber)
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.live("progress goes up, to the end", () =>
    Effect.gen(function* () {
      const shares: Array<number> = []
      yield* Simulation.run({ ...small, duration: "20 minutes", onProgress: (share) => void shares.push(share) })
      assert.isAbove(shares.length, 1)
      assert.deepStrictEqual(
        shares,
        shares.toSorted((a, b) => a - b)
      )
      assert.isAtMost(shares.at(-1)!, 1)
    })
  )

  it.effect.each<[string, Partial<Simulation.Options>, string]>([
    ["no duration", { duration: 0 }, "duration"],
    ["a warm-up that never ends", { warmup: "60 seconds" }, "warmup"],
    ["more failures than attempts", { failures: 1.1 }, "failures"],
    ["a downstream that takes nothing", { downstream: { capacity: 0 } }, "downstream.capacity"],
    ["a pool that cannot be", { pool: { maxWorkers: 0 } }, "maxWorkers"],
    ["a policy that cannot be", { policy: ScalingPolicy.fixed(-1) }, "workers"],
    ["a rate below zero", { arrivals: Arrivals.poisson(-1) }, "rate"],
    ["a rate that is none", { arrivals: Arrivals.constant(Number.NaN) }, "rate"],
    ["a step to infinity", { arrivals: Arrivals.step(1, Infinity, 0) }, "after"],
    ["a ramp that begins nowhere", { arrivals: Arrivals.ramp(1, 2, Number.NaN, 5) }, "startMillis"],
    ["a spike that lasts less than nothing", { arrivals: Arrivals.spike(1, 2, 3, -4) }, "lengthMillis"],
    ["a night below zero", { arrivals: Arrivals.daily(-1, 2) }, "low"],
    ["a recording from before its start", { arrivals: Arrivals.trace("t", [{ atMillis: -1, type: "A" }]) }, "atMillis"],
    ["work that takes less than no time", { service: ServiceTimes.exponential(-1) }, "meanMillis"],
    ["a share above one", { service: ServiceTimes.bimodal(1, 2, 3) }, "slowShare"],
    ["a recording of nothing", { service: ServiceTimes.trace("t", []) }, "service"]
  ])("%s is refused by its field", ([, options, field]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Simulation.run({ ...small, ...options }))
      assert.strictEqual(error.field, field)
    })
  )
})

describe("queueing theory", () => {
  it.live(
    "10 servers at 0.8: the waits of eight seeds agree with Erlang C",
    () =>
      Effect.gen(function* () {
        const [servers, load, serviceMillis] = [10, 8, 100]
        const means: Array<number> = []
        for (let seed = 1; seed <= 8; seed++) {
          const { wait } = yield* Simulation.run({
            arrivals: Arrivals.poisson((load * 1000) / serviceMillis),
            service: ServiceTimes.exponential(serviceMillis),
            policy: ScalingPolicy.fixed(servers),
            pool: { capacity: "unbounded", timeout: "none" },
            duration: "2800 seconds",
            warmup: "60 seconds",
            seed
          })
          means.push(wait.mean)
        }
        const expected = (erlangC(servers, load) * serviceMillis) / (servers - load)
        const mean = means.reduce((sum, x) => sum + x, 0) / 8
        const deviation = Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 7)
        // Student's t for seven degrees of freedom, 99 % on both sides.
        const halfWidth = (3.499 * deviation) / Math.sqrt(8)
        assert.isBelow(halfWidth, 0.05 * mean)
        assert.isBelow(Math.abs(mean - expected), halfWidth, `${mean} +/- ${halfWidth}, Erlang C says ${expected}`)
      }),
    120_000
  )
})

const retryTwice = RetryPolicy.make({ times: 2, base: 50 })

/** As many workers as this says for the instant of the tick. */
const wishes = (wanted: (atMillis: number) => number): ScalingPolicy.ScalingPolicy<void> => ({
  ...ScalingPolicy.make("wishes", ({ atMillis }) => wanted(Math.round(atMillis))),
  early: "none"
})
