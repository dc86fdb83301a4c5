/** A budget for retries: who pays in, who takes out, and what becomes of whoever finds nothing there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Scope, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as NotBefore from "../src/NotBefore.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, state, withPool } from "./support/bench.ts"

const retry = RetryPolicy.make({ times: 5, base: 100, factor: 1, jitter: "none", timeouts: true })
const budget = (options: RetryBudget.Options) => RetryBudget.make({ minPerSecond: 0, ...options })
const callAll = (bench: Bench, ids: ReadonlyArray<string>) => Effect.forEach(ids, (id) => bench.call(id))

describe("a budget for retries", () => {
  it.effect("lets one of five be tried again, and the others end now with their last failure", () =>
    withPool({ minWorkers: 10, retry, retryBudget: budget({ ratio: 0.2 }) })((bench) =>
      Effect.gen(function* () {
        for (let at = 0; at < 10; at++) bench.on(`a${at}`, (attempt) => Effect.fail(`failure ${attempt}`))
        const heard = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, at) => `a${at}`),
          (id) => Effect.forkChild(Effect.flip(bench.execute(id)), { startImmediately: true })
        )
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 8, delayed: 2, retriesDenied: 8 })
        yield* TestClock.adjust(100)
        // A retry pays nothing in.
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 10, retries: 2, attempts: 12, retriesDenied: 10 })
        const failures = yield* Effect.forEach(heard, Fiber.join)
        assert.strictEqual(failures.filter((failure) => failure === "failure 1").length, 8)
        assert.strictEqual(failures.filter((failure) => failure === "failure 2").length, 2)
      })
    )
  )

  it.effect("is taken from when a retry is decided, not when it starts", () =>
    withPool({ retry: RetryPolicy.make({ times: 5, base: "1 hour" }), retryBudget: budget({ ratio: 1 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("no"))
        bench.on("b", Effect.fail("no"))
        const [a] = yield* callAll(bench, ["a"])
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 1, retries: 0, retriesDenied: 0 })
        // What "a" has paid in is gone, although its retry is still to come, and even when it is given up.
        yield* Fiber.interrupt(a!)
        const before = yield* bench.pool.snapshot
        const [b] = yield* callAll(bench, ["b"])
        yield* TestClock.adjust(0)
        assert.strictEqual(before.retriesDenied, 0)
        // Its own first attempt has paid for its own.
        assert.strictEqual(state(b!), "waits")
      })
    )
  )

  it.effect("grants its least number without any first attempts, and what was paid in for its window alone", () =>
    withPool({ minWorkers: 9, retryBudget: RetryBudget.make({ ratio: 0.5, minPerSecond: 0.2, window: "10 seconds" }) })(
      (bench) =>
        Effect.gen(function* () {
          const ids = Array.from({ length: 4 }, (_, at) => `ok${at}`)
          yield* callAll(bench, ids)
          yield* TestClock.adjust(9999)
          // Two of the reserve, two that the four have paid for, half of one of its own.
          const once = RetryPolicy.make({ times: 9, base: 0 })
          bench.on("early", (attempt) => Effect.fail(`${attempt}`))
          const early = yield* Effect.flip(bench.execute("early", { retry: once }))
          assert.strictEqual(early, "5")
          yield* TestClock.adjust("10 seconds")
          bench.on("late", (attempt) => Effect.fail(`${attempt}`))
          assert.strictEqual(yield* Effect.flip(bench.execute("late", { retry: once })), "3")
        })
    )
  )

  it.effect("counts timeouts, and none of what ends before", () =>
    withPool({ minWorkers: 9, retry, timeout: 50, retryBudget: budget({ ratio: 0 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("slow", Effect.never)
        bench.on("fails", Effect.fail("no"))
        const [slow, , expires] = yield* Effect.all([
          bench.call("slow"),
          bench.call("ok"),
          bench.call("fails", { expiresIn: 10 })
        ])
        yield* TestClock.adjust(49)
        assert.strictEqual(state(slow), "waits")
        // One that would have expired before its retry was not denied one.
        assert.strictEqual((yield* bench.pool.snapshot).retriesDenied, 0)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(slow), state(expires)], ["RequestTimeout", "failure"])
        assert.deepInclude(yield* bench.pool.snapshot, { timedOut: 1, retriesDenied: 1, succeeded: 1 })
      })
    )
  )

  it.effect("is not asked by one that comes back later and has had no attempt", () =>
    withPool({ retry, retryBudget: budget({ ratio: 0 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("later", (attempt) =>
          attempt === 1 ? (Effect.fail(NotBefore.of(100)) as Effect.Effect<never, any>) : Effect.succeed("there")
        )
        const later = yield* bench.call("later")
        yield* TestClock.adjust(100)
        assert.strictEqual(state(later), "success")
        assert.strictEqual((yield* bench.pool.snapshot).retriesDenied, 0)
      })
    )
  )

  it.effect("that is empty tells so in an event", () =>
    withPool({ retry, retryBudget: budget({ ratio: 0 }) })((bench) =>
      Effect.gen(function* () {
        const events: Array<PoolEvent> = []
        yield* Effect.forkChild(
          Stream.runForEach(bench.pool.events, (event) => Effect.sync(() => void events.push(event))),
          { startImmediately: true }
        )
        bench.on("a", Effect.fail("no"))
        yield* bench.call("a", { id: "one" })
        yield* TestClock.adjust(0)
        const denied = events.filter(({ _tag }) => _tag === "RetryDenied")
        assert.deepStrictEqual(denied, [{ _tag: "RetryDenied", id: "one", tag: "Work", attempt: 1 }])
      })
    )
  )

  const One = Rpc.make("One", { success: Schema.String, error: Schema.String })
  const Two = Rpc.make("Two", { success: Schema.String, error: Schema.String })
  const Both = RpcGroup.make(One, Two)

  const deniedWith = (per: "tag" | "pool") =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const handlers = Handlers.layer(Both).pipe(
        Layer.provide(Both.toLayer({ One: () => Effect.succeed("one"), Two: () => Effect.fail("two") }))
      )
      const { pool } = yield* ElasticPool.make({
        scaling: "none",
        retry: RetryPolicy.make({ times: 9, base: 0 }),
        retryBudget: RetryBudget.make({ ratio: 1, minPerSecond: 0, per })
      }).pipe(Effect.provide(handlers), Scope.provide(scope))
      yield* pool.execute(One, undefined)
      yield* pool.execute(One, undefined)
      yield* Effect.exit(pool.execute(Two, undefined))
      yield* Effect.exit(pool.run(Effect.fail("three")))
      return (yield* pool.snapshot).handlers
    })

  it.effect("is each tag's own, or the pool's", () =>
    Effect.gen(function* () {
      const own = yield* deniedWith("tag")
      assert.deepStrictEqual([own["Two"]!.retries, own["run"]!.retries], [1, 1])
      const shared = yield* deniedWith("pool")
      assert.deepStrictEqual([shared["Two"]!.retries, shared["run"]!.retries], [3, 1])
    })
  )
})
