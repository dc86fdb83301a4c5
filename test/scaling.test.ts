/** The number of workers: who changes it, at which tick, and what a worker does that is one too many. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import { type Bench, hears, state, withPool } from "./support/bench.ts"

const workers = (bench: Bench) => Effect.map(bench.pool.snapshot, (snapshot) => snapshot.workers)

/** A policy that wants these numbers, one a tick, and then keeps to the last. */
const wishes = (...numbers: ReadonlyArray<number>): ScalingPolicy.ScalingPolicy<number> => ({
  name: "wishes",
  initial: 0,
  decide: (_, tick) => ({
    workers: numbers[Math.min(tick, numbers.length - 1)]!,
    reason: `tick ${tick}`,
    state: tick + 1
  })
})

describe("ticks", () => {
  it.effect("the first comes one interval after the start, and then one every interval", () =>
    withPool({ scaling: wishes(2, 3, 4), scalingInterval: 250 })((bench) =>
      Effect.gen(function* () {
        const seen = [yield* workers(bench)]
        for (const step of [249, 1, 249, 1, 249, 1]) {
          yield* TestClock.adjust(step)
          seen.push(yield* workers(bench))
        }
        assert.deepStrictEqual(seen, [1, 1, 2, 2, 3, 3, 4])
        const at = (yield* bench.scaler.recent).map(({ signals }) => signals.atMillis)
        assert.deepStrictEqual(at, [250, 500, 750])
      })
    )
  )

  it.effect("what a policy wants is clamped to the bounds, and the decision says so", () =>
    withPool({ minWorkers: 2, maxWorkers: 4, scaling: wishes(9, 0, 3) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("3 seconds")
        const said = (yield* bench.scaler.recent).map(({ after, before, heldBack, proposed, reason }) => [
          before,
          proposed,
          after,
          heldBack,
          reason
        ])
        assert.deepStrictEqual(said, [
          [2, 9, 4, "maxWorkers", "tick 0"],
          [4, 0, 2, "minWorkers", "tick 1"],
          [2, 3, 3, undefined, "tick 2"]
        ])
      })
    )
  )

  it.effect("held, ticks go on deciding but change nothing; released, the next tick does", () =>
    withPool({ maxWorkers: 8, scaling: wishes(2, 3) })((bench) =>
      Effect.gen(function* () {
        yield* bench.scaler.hold(5)
        assert.strictEqual(yield* workers(bench), 5)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* workers(bench), 5)
        assert.deepStrictEqual(
          (yield* bench.scaler.recent).map(({ after, heldBack, proposed }) => [proposed, after, heldBack]),
          [
            [2, 5, "manual"],
            [3, 5, "manual"]
          ]
        )
        yield* bench.scaler.release
        assert.strictEqual(yield* workers(bench), 5)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 3)
      })
    )
  )

  it.effect("holding outside the bounds fails, and holds nothing", () =>
    withPool({ maxWorkers: 8, scaling: wishes(2) })((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* hears(bench.scaler.hold(9)), "OutOfBounds")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 2)
      })
    )
  )

  it.effect("`recent` keeps as many decisions as the option says, the newest", () =>
    withPool({ decisions: 3, scaling: wishes(1, 2, 3, 4, 5) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(
          (yield* bench.scaler.recent).map(({ after }) => after),
          [3, 4, 5]
        )
      })
    )
  )

  it.effect("each decision is on the stream, from the subscription on", () =>
    withPool({ scaling: wishes(1, 2, 3) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        const two = yield* Effect.forkChild(Stream.runCollect(Stream.take(bench.scaler.decisions, 2)))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(
          (yield* Fiber.join(two)).map(({ after }) => after),
          [2, 3]
        )
      })
    )
  )

  it.effect("a policy that throws loses its tick, not the scaler", () =>
    withPool({
      scaling: {
        name: "breaks",
        initial: 0,
        decide: ({ atMillis }) => {
          if (atMillis === 1000) throw new Error("broken")
          return { workers: 3, reason: "well", state: 0 }
        }
      }
    })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 3)
      })
    )
  )

  it.effect("the scaler ends with the drain", () =>
    withPool({ scaling: wishes(1, 2, 3) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        yield* bench.pool.drain()
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* bench.scaler.recent).length, 1)
      })
    )
  )

  it.effect("from idle to 1,000 waiting requests and back: the exact ticks at which workers come and go", () =>
    withPool({ maxWorkers: 6, scalingInterval: 1030, scaling: ScalingPolicy.queueLength({ threshold: 10, step: 2 }) })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("work", Effect.as(Effect.sleep(100), "work"))
          const timeline: Array<readonly [number, number]> = []
          const watch = (tick: number) =>
            Effect.map(workers(bench), (workers) => {
              if (timeline.at(-1)?.[1] !== workers) timeline.push([tick, workers])
            })
          yield* watch(0)
          for (let n = 0; n < 1001; n++) yield* bench.submit("work")
          for (let tick = 1; tick <= 30; tick++) {
            yield* TestClock.adjust(1030)
            yield* watch(tick)
          }
          // A worker ends about 10.3 a tick: 92 by tick 3, then six end 62 a tick, so that 38 wait at tick 17 and none at 18.
          assert.deepStrictEqual(timeline, [
            [0, 1],
            [1, 3],
            [2, 5],
            [3, 6],
            [18, 4],
            [19, 2],
            [20, 1]
          ])
          assert.deepInclude(yield* bench.pool.snapshot, { succeeded: 1001, waiting: 0 })
        })
    )
  )
})

describe("resize", () => {
  it.effect("starts workers at once, and they run what waits", () =>
    withPool({ maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          bench.on(id, Effect.never)
          yield* bench.call(id)
        }
        assert.strictEqual(bench.running, 1)
        yield* bench.pool.resize(3)
        assert.strictEqual(bench.running, 3)
      })
    )
  )

  it.effect("idle workers go at once, a busy one finishes its attempt before it retires", () =>
    withPool({ minWorkers: 1, maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.resize(4)
        for (const id of ["a", "b"]) bench.on(id, Effect.as(Effect.sleep(100), id))
        const calls = [yield* bench.call("a"), yield* bench.call("b")]
        yield* bench.pool.resize(1)
        yield* TestClock.adjust(99)
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 2, running: 2, target: 1 })
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(calls.map(state), ["success", "success"])
        assert.strictEqual(yield* workers(bench), 1)
      })
    )
  )

  it.effect.each([0, 5, 1.5, Number.NaN])("%d of 1 to 4 workers is refused, and nothing changes", (n) =>
    withPool({ maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.pool.resize(n))
        assert.deepInclude(error, { _tag: "OutOfBounds", minWorkers: 1, maxWorkers: 4 })
        assert.strictEqual(yield* workers(bench), 1)
      })
    )
  )

  it.effect("bounds that change resize at once", () =>
    withPool({ maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.setBounds({ minWorkers: 3 })
        assert.strictEqual(yield* workers(bench), 3)
        yield* bench.pool.setBounds({ minWorkers: 1, maxWorkers: 2 })
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 2, target: 2, minWorkers: 1, maxWorkers: 2 })
        const error = yield* Effect.flip(bench.pool.setBounds({ minWorkers: 3 }))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "minWorkers" })
        assert.deepInclude(yield* bench.pool.snapshot, { minWorkers: 1, maxWorkers: 2 })
      })
    )
  )
})

describe("minWorkers 0", () => {
  it.effect("the first request starts a worker without a tick, and when it is done none is left", () =>
    withPool({ minWorkers: 0, maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* workers(bench), 0)
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        const calls = [yield* bench.call("a"), yield* bench.call("b")]
        assert.strictEqual(yield* workers(bench), 1)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(calls.map(state), ["success", "success"])
        assert.strictEqual(yield* workers(bench), 0)
      })
    )
  )

  it.effect("a policy that wants none while something waits leaves one", () =>
    withPool({ minWorkers: 0, maxWorkers: 4, scaling: ScalingPolicy.fixed(0) })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          bench.on(id, Effect.as(Effect.sleep(1500), id))
          yield* bench.call(id)
        }
        yield* TestClock.adjust(4499)
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 1, running: 1, succeeded: 2 })
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 0, succeeded: 3 })
      })
    )
  )

  it.effect("a paused pool starts none, and resuming does", () =>
    withPool({ minWorkers: 0 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        const a = yield* bench.call("a")
        assert.strictEqual(yield* workers(bench), 0)
        yield* bench.pool.resume
        yield* TestClock.adjust(0)
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect("a retry that comes back wakes the pool", () =>
    withPool({ minWorkers: 0, retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("a")))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(99)
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 0, delayed: 1 })
        yield* TestClock.adjust(1)
        assert.strictEqual(state(a), "success")
      })
    )
  )
})

describe("worker ids", () => {
  it.effect("are never used again", () =>
    withPool({ minWorkers: 0, maxWorkers: 8, timeout: 10 })((bench) =>
      Effect.gen(function* () {
        const started: Array<number> = []
        yield* bench.pool.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              if (event._tag === "WorkerStarted") started.push(event.worker)
            })
          ),
          Effect.forkChild({ startImmediately: true })
        )
        bench.on("hangs", Effect.never)
        for (let n = 0; n < 20; n++) {
          yield* bench.pool.resize(n % 8)
          yield* bench.call("hangs")
          yield* TestClock.adjust(10)
        }
        assert.isAbove(started.length, 20)
        assert.strictEqual(new Set(started).size, started.length)
      })
    )
  )
})

describe("pause", () => {
  it.effect("starts no attempt; running ones finish; admission, expiry and delays go on", () =>
    withPool({ minWorkers: 2, capacity: 3, retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("runs", Effect.as(Effect.sleep(50), "runs"))
          bench.on("fails", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("fails")))
          const runs = yield* bench.call("runs")
          const fails = yield* bench.call("fails")
          yield* bench.pool.pause
          const waits = yield* bench.call("waits")
          const expires = yield* bench.call("expires", { expiresIn: 70 })
          const blocked = yield* bench.call("blocked")
          yield* TestClock.adjust(200)
          const calls = [runs, fails, waits, expires, blocked]
          assert.deepStrictEqual(calls.map(state), ["success", "waits", "waits", "RequestExpired", "waits"])
          assert.deepInclude(yield* bench.pool.snapshot, {
            paused: true,
            waiting: 3,
            delayed: 0,
            running: 0,
            blocked: 0
          })
          yield* bench.pool.resume
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(calls.map(state), ["success", "success", "success", "RequestExpired", "success"])
        })
    )
  )
})
