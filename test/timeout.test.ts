/** Timeouts: when a caller hears, when the slot is free, and what becomes of attempts that ignore theirs. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { ignoring, slowly, state, withPool } from "./support/bench.ts"

const retry = RetryPolicy.make({ times: 1, base: 100, jitter: "none" })

describe("timeout", () => {
  it.effect("the caller hears at the deadline of the last attempt, not after the finalizers", () =>
    withPool({ timeout: 100, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(50)(Effect.never))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(a), "RequestTimeout")
        assert.deepStrictEqual(bench.log, ["0 a1 start"])
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(bench.log, ["0 a1 start", "150 a1 interrupted"])
      })
    )
  )

  it.effect("the error names the tag, the attempt and the timeout", () =>
    withPool({ timeout: 100, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const a = yield* Effect.forkChild(Effect.flip(bench.execute("a")))
        yield* TestClock.adjust("1 second")
        const error = a.pollUnsafe()
        assert.deepInclude(error, { _tag: "Success" })
        assert.deepInclude((error as any).value, {
          _tag: "RequestTimeout",
          tag: "Work",
          attempt: 2,
          timeoutMillis: 100
        })
      })
    )
  )

  it.effect("the delay before the next attempt counts from the end of the last one, finalizers included", () =>
    withPool({ timeout: 100, maxWorkers: 4, minWorkers: 4, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? slowly(50)(Effect.never) : Effect.succeed("second")))
        yield* bench.callAndNote("a")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(bench.log, [
          "0 a1 start",
          "150 a1 interrupted",
          "250 a2 start",
          "250 a2 success",
          "250 a hears success"
        ])
        assert.strictEqual(bench.peak, 1)
      })
    )
  )

  it.effect("the slot is taken until the finalizers have ended", () =>
    withPool({ timeout: 100, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(50)(Effect.never))
        yield* bench.call("a")
        yield* bench.call("b")
        yield* TestClock.adjust(149)
        const { ending, idle, running, waiting, workers } = yield* bench.pool.snapshot
        assert.deepStrictEqual(
          { ending, idle, running, waiting, workers },
          { ending: 1, idle: 0, running: 0, waiting: 1, workers: 1 }
        )
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.log.slice(1), ["150 a1 interrupted", "150 b1 start", "150 b1 success"])
      })
    )
  )

  it.effect("the scope's finalizers and the fibers of an attempt are part of it as well", () =>
    withPool({ timeout: 100, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on(
          "a",
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() => Effect.andThen(Effect.sleep(30), bench.note("finalizer")))
            yield* Effect.forkChild(
              Effect.ensuring(Effect.never, Effect.andThen(Effect.sleep(20), bench.note("child")))
            )
            return yield* Effect.never
          })
        )
        const a = yield* bench.call("a")
        yield* bench.call("b")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(state(a), "RequestTimeout")
        assert.deepStrictEqual(bench.log, [
          "0 a1 start",
          "100 a1 interrupted",
          "130 finalizer",
          "150 child",
          "150 b1 start",
          "150 b1 success"
        ])
      })
    )
  )

  it.effect('"none" never times out', () =>
    withPool({ timeout: "none" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep("1 hour"), "a"))
        const a = yield* bench.call("a")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect("a worker that timed out is replaced by one with a new id", () =>
    withPool({ timeout: 100, maxWorkers: 1, retry: RetryPolicy.make({ times: 9, base: 0 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.call("a")
        yield* TestClock.adjust(1000)
        assert.strictEqual(bench.log.length, 20)
        const { idle, timedOut, workers } = yield* bench.pool.snapshot
        assert.deepStrictEqual({ idle, timedOut, workers }, { idle: 1, timedOut: 1, workers: 1 })
      })
    )
  )
})

describe("the same millisecond", () => {
  it.effect("an end that comes from the handler wins against its timeout", () =>
    withPool({ timeout: 100 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(100)
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect("an end that comes from the handler wins against the expiry", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        const a = yield* bench.call("a", { expiresIn: 100 })
        yield* TestClock.adjust(100)
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect("the timeout wins against the expiry", () =>
    withPool({ timeout: 100 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const a = yield* bench.call("a", { expiresIn: 100 })
        yield* TestClock.adjust(100)
        assert.strictEqual(state(a), "RequestTimeout")
        const { expired, timedOut } = yield* bench.pool.snapshot
        assert.deepStrictEqual({ expired, timedOut }, { expired: 0, timedOut: 1 })
      })
    )
  )

  it.effect("the timeout wins against an expiry that was set long before", () =>
    withPool({ timeout: 100, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(50), "a"))
        bench.on("b", Effect.never)
        yield* bench.call("a")
        const b = yield* bench.call("b", { expiresIn: 150 })
        yield* TestClock.adjust(149)
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(b), "RequestTimeout")
      })
    )
  )
})

describe("stuck", () => {
  it.effect("an attempt that ignores its interruption is stuck after the grace, and only then", () =>
    withPool({ timeout: 100, interruptGrace: 500, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", ignoring(5000))
        const a = yield* bench.call("a")
        const b = yield* bench.call("b")
        yield* TestClock.adjust(100)
        assert.strictEqual(state(a), "RequestTimeout")
        yield* TestClock.adjust(499)
        assert.deepInclude(yield* bench.pool.snapshot, { ending: 1, stuck: 0 })
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* bench.pool.snapshot, { ending: 0, stuck: 1, workers: 1, waiting: 1 })
        yield* TestClock.adjust(4399)
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(b), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { stuck: 0, idle: 1, workers: 1 })
      })
    )
  )

  it.effect("it was its request's last attempt, and its caller hears when the grace is over", () =>
    withPool({ timeout: 100, interruptGrace: 500, retry: RetryPolicy.make({ times: 5 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", ignoring(5000))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(599)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(a), "RequestTimeout")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "5000 a1 interrupted"])
      })
    )
  )

  it.effect("ten handlers that ignore their timeout with one worker: never two at once", () =>
    withPool({ timeout: 10, interruptGrace: 10, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        for (let n = 0; n < 10; n++) {
          bench.on(`${n}`, ignoring(100))
          yield* bench.call(`${n}`)
        }
        yield* TestClock.adjust(999)
        assert.strictEqual(bench.running, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual(bench.running, 0)
        assert.strictEqual(bench.peak, 1)
        assert.strictEqual(bench.log.length, 20)
      })
    )
  )

  it.effect("a stuck worker is replaced as often as `maxStuckWorkers` says", () =>
    withPool({ timeout: 10, interruptGrace: 10, maxWorkers: 1, maxStuckWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          bench.on(id, ignoring(100))
          yield* bench.call(id)
        }
        yield* TestClock.adjust(19)
        assert.strictEqual(bench.running, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual(bench.running, 2)
        yield* TestClock.adjust(79)
        assert.strictEqual(bench.running, 2)
        assert.deepInclude(yield* bench.pool.snapshot, { stuck: 2, workers: 2, waiting: 1 })
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.log.slice(2), ["100 a1 interrupted", "100 c1 start"])
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(bench.peak, 2)
        assert.deepInclude(yield* bench.pool.snapshot, { stuck: 0, workers: 1 })
      })
    )
  )

  it.effect("a timeout that the handler turns into a value in time is still a timeout", () =>
    withPool({ timeout: 100 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", ignoring(150))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(150)
        assert.strictEqual(state(a), "RequestTimeout")
        assert.deepInclude(yield* bench.pool.snapshot, { timedOut: 1, succeeded: 0 })
      })
    )
  )
})
