/** Expiry: a caller hears at its instant, wherever its request is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { slowly, state, withPool } from "./support/bench.ts"

const hearsPhase = (fiber: Fiber.Fiber<string, unknown>) =>
  Effect.map(Effect.flip(Fiber.join(fiber)), (error) => (error as { readonly phase: string }).phase)

describe("expiry", () => {
  it.effect("while blocked: the caller hears, was never accepted, and gives up its place in line", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(200), "a"))
        yield* bench.call("a")
        yield* bench.call("b")
        const c = yield* bench.call("c", { expiresIn: 100 })
        const d = yield* bench.call("d")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(c), "waits")
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 2, abandoned: 0 })
        yield* TestClock.adjust(1)
        assert.strictEqual(state(c), "RequestExpired")
        assert.strictEqual(yield* hearsPhase(c), "blocked")
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, abandoned: 1, accepted: 2, expired: 0 })
        yield* TestClock.adjust(100)
        assert.strictEqual(state(d), "success")
      })
    )
  )

  it.effect("a blocked caller of submit hears as well", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.submit("a")
        yield* bench.submit("b")
        const c = yield* Effect.forkChild(bench.submit("c", { expiresIn: 100 }), { startImmediately: true })
        yield* TestClock.adjust(99)
        assert.strictEqual(state(c), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(c), "RequestExpired")
      })
    )
  )

  it.effect("counts from the call, not from the end of being blocked", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(60), "a"))
        bench.on("b", Effect.never)
        yield* bench.call("a")
        yield* bench.call("b")
        const c = yield* bench.call("c", { expiresIn: 100 })
        yield* TestClock.adjust(99)
        assert.strictEqual(state(c), "waits")
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 0, waiting: 1 })
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hearsPhase(c), "waiting")
      })
    )
  )

  it.effect("while waiting: its handler is never started", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        yield* bench.call("a")
        const b = yield* bench.call("b", { expiresIn: 50 })
        yield* TestClock.adjust(49)
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hearsPhase(b), "waiting")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "100 a1 success"])
        assert.deepInclude(yield* bench.pool.snapshot, { expired: 1, attempts: 1 })
      })
    )
  )

  it.effect("while delayed: ends at its instant, if the pool could not know that earlier", () =>
    withPool({ maxWorkers: 1, retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("once"))
        bench.on("b", Effect.as(Effect.sleep(1000), "b"))
        const a = yield* bench.call("a", { expiresIn: 150 })
        yield* bench.call("b")
        yield* TestClock.adjust(100)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 1, delayed: 0 })
        yield* TestClock.adjust(49)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hearsPhase(a), "waiting")
        assert.deepInclude(yield* bench.pool.snapshot, { expired: 1, waiting: 0 })
      })
    )
  )

  it.effect("while running: the attempt is interrupted, and the slot free after its finalizers", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(30)(Effect.never))
        const a = yield* bench.call("a", { expiresIn: 100 })
        yield* bench.call("b")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hearsPhase(a), "running")
        assert.deepInclude(yield* bench.pool.snapshot, { expired: 1, ending: 1, running: 0, waiting: 1 })
        yield* TestClock.adjust(30)
        assert.deepStrictEqual(bench.log.slice(1), ["130 a1 interrupted", "130 b1 start", "130 b1 success"])
      })
    )
  )

  it.effect("between a timed-out attempt's deadline and its end: the caller hears at once and there is no retry", () =>
    withPool({ timeout: 50, retry: RetryPolicy.make({ times: 3, base: 1, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(200)(Effect.never))
        const a = yield* bench.call("a", { expiresIn: 100 })
        yield* TestClock.adjust(99)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hearsPhase(a), "running")
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "250 a1 interrupted"])
      })
    )
  )

  it.effect("the pool's own expiry holds for every request, and a call may switch it off", () =>
    withPool({ expiresIn: 100 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(1000), "a"))
        bench.on("b", Effect.as(Effect.sleep(1000), "b"))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(100)
        const b = yield* bench.call("b", { expiresIn: "none" })
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual([state(a), state(b)], ["RequestExpired", "success"])
      })
    )
  )

  it.effect("an answer in time leaves no expiry behind", () =>
    withPool({ expiresIn: 100 })((bench) =>
      Effect.gen(function* () {
        yield* bench.execute("a")
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* bench.pool.snapshot, { succeeded: 1, expired: 0 })
      })
    )
  )
})
