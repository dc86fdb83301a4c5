/** A full queue: who waits, who is refused, who gives way; and places that become free. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, state, withPool } from "./support/bench.ts"

const full = { maxWorkers: 1, capacity: 2 } satisfies ElasticPool.Options

/** One that runs for 100 ms, two that wait: the queue is full. */
const fill = (bench: Bench) =>
  Effect.gen(function* () {
    bench.on("run", Effect.as(Effect.sleep(100), "run"))
    return {
      run: yield* bench.call("run"),
      first: yield* bench.call("first"),
      second: yield* bench.call("second")
    }
  })

describe("suspend", () => {
  it.effect("callers of a full queue wait and are let in in their order", () =>
    withPool(full)((bench) =>
      Effect.gen(function* () {
        yield* fill(bench)
        const third = yield* bench.call("third")
        const fourth = yield* bench.call("fourth")
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 2, blocked: 2, accepted: 3, offered: 5 })
        yield* TestClock.adjust(99)
        assert.deepStrictEqual([state(third), state(fourth)], ["waits", "waits"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(third), state(fourth)], ["success", "success"])
        const order = bench.log.filter((line) => line.endsWith("start")).map((line) => line.split(" ")[1])
        assert.deepStrictEqual(order, ["run1", "first1", "second1", "third1", "fourth1"])
      })
    )
  )

  it.effect("submit returns when its request has a place, not when it has ended", () =>
    withPool(full)((bench) =>
      Effect.gen(function* () {
        yield* fill(bench)
        bench.on("first", Effect.never)
        const third = yield* Effect.forkChild(bench.submit("third"), { startImmediately: true })
        yield* TestClock.adjust(99)
        assert.strictEqual(state(third), "waits")
        yield* TestClock.adjust(1)
        const ticket = yield* Fiber.join(third)
        assert.strictEqual(yield* ticket.status, "waiting")
      })
    )
  )

  it.effect("a blocked caller that gives up was never accepted, and the next one moves up", () =>
    withPool(full)((bench) =>
      Effect.gen(function* () {
        yield* fill(bench)
        const third = yield* bench.call("third")
        const fourth = yield* bench.call("fourth")
        yield* Fiber.interrupt(third)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, abandoned: 1, accepted: 3 })
        yield* TestClock.adjust(100)
        assert.strictEqual(state(fourth), "success")
        assert.notInclude(bench.log.join(), "third")
      })
    )
  )

  it.effect("a blocked submit that gives up leaves nothing behind", () =>
    withPool(full)((bench) =>
      Effect.gen(function* () {
        yield* fill(bench)
        const third = yield* Effect.forkChild(bench.submit("third"), { startImmediately: true })
        yield* Fiber.interrupt(third)
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* bench.pool.snapshot, { abandoned: 1, accepted: 3, succeeded: 3, cancelled: 0 })
      })
    )
  )

  it.effect("a withdrawn request's place is free at once", () =>
    withPool(full)((bench) =>
      Effect.gen(function* () {
        const { first } = yield* fill(bench)
        yield* bench.call("third")
        yield* Fiber.interrupt(first)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 0, waiting: 2, accepted: 4, cancelled: 1 })
      })
    )
  )

  it.effect("an expired request's place is free at once", () =>
    withPool(full)((bench) =>
      Effect.gen(function* () {
        bench.on("run", Effect.never)
        yield* bench.call("run")
        yield* bench.call("first", { expiresIn: 10 })
        yield* bench.call("second")
        yield* bench.call("third")
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 0, waiting: 2, expired: 1 })
      })
    )
  )

  it.effect("a queue full of delayed requests blocks callers until one of them runs", () =>
    withPool({ ...full, retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) {
          bench.on(id, Effect.fail("always"))
          yield* bench.call(id)
        }
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 2, idle: 1 })
        const c = yield* bench.call("c")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(c), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(c), "success")
      })
    )
  )

  it.effect("an unbounded queue never blocks", () =>
    withPool({ maxWorkers: 1, capacity: "unbounded" })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        for (let n = 0; n < 20_000; n++) yield* bench.submit("a")
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 20_000, capacity: Infinity })
      })
    )
  )
})

describe("dropping", () => {
  it.effect("the newest is refused with QueueFull, and counted so", () =>
    withPool({ ...full, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        const { first, second } = yield* fill(bench)
        const error = yield* Effect.flip(bench.execute("third"))
        assert.deepInclude(error, { _tag: "QueueFull", capacity: 2 })
        assert.strictEqual(yield* hears(bench.submit("fourth")), "QueueFull")
        assert.deepInclude(yield* bench.pool.snapshot, { refusedFull: 2, refused: 2, accepted: 3, offered: 5 })
        yield* TestClock.adjust(100)
        assert.deepStrictEqual([state(first), state(second)], ["success", "success"])
      })
    )
  )
})

describe("sliding", () => {
  it.effect("the oldest waiting one ends evicted and is told so", () =>
    withPool({ ...full, strategy: "sliding" })((bench) =>
      Effect.gen(function* () {
        const { first, run, second } = yield* fill(bench)
        const third = yield* bench.call("third")
        yield* TestClock.adjust(0)
        assert.deepStrictEqual([run, first, second, third].map(state), ["waits", "RequestEvicted", "waits", "waits"])
        assert.deepInclude(yield* bench.pool.snapshot, { evicted: 1, accepted: 4, waiting: 2 })
        yield* TestClock.adjust(100)
        assert.deepStrictEqual([run, second, third].map(state), ["success", "success", "success"])
      })
    )
  )

  it.effect("full of delayed requests: the one delayed for longest ends", () =>
    withPool({ ...full, strategy: "sliding", retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.fail("once"))
          bench.on("b", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("b")))
          const a = yield* bench.call("a")
          const b = yield* bench.call("b")
          const c = yield* bench.call("c")
          yield* TestClock.adjust(0)
          assert.deepStrictEqual([a, b, c].map(state), ["RequestEvicted", "waits", "success"])
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(bench.log.filter((line) => line.includes("a")).length, 6)
          assert.strictEqual(state(b), "success")
          assert.deepInclude(yield* bench.pool.snapshot, { evicted: 1, delayed: 0, attempts: 4 })
        })
    )
  )
})
