/** The levers of a pool: resize, bounds, no workers at all, and pause. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import { type Bench, state, withPool } from "./support/bench.ts"

const workers = (bench: Bench) => Effect.map(bench.pool.snapshot, (snapshot) => snapshot.workers)

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
