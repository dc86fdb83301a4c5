/** The edges of a shutdown: its options, its report, and closing the layer. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import { ignoring, state, Work, Works, withPool } from "./support/bench.ts"

describe("closing the layer", () => {
  const build = (body: Effect.Effect<string>, options: ElasticPool.Options) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const handlers = Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: () => body })))
      const { pool } = yield* ElasticPool.make(options).pipe(Effect.provide(handlers), Scope.provide(scope))
      return { pool, scope }
    })

  it.effect("drains with the configured deadline", () =>
    Effect.gen(function* () {
      const { pool, scope } = yield* build(Effect.never, { drainDeadline: 200 })
      const ticket = yield* pool.submit(Work, { id: "a" })
      const outcome = yield* Effect.forkChild(ticket.outcome, { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust(199)
      assert.deepStrictEqual([state(outcome), state(closing)], ["waits", "waits"])
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(outcome)).end, "interrupted")
      assert.strictEqual(state(closing), "success")
      assert.deepInclude(yield* pool.snapshot, { state: "closed", workers: 0 })
    })
  )

  it.effect("never takes longer than deadline and grace, whatever the handlers do", () =>
    Effect.gen(function* () {
      const { pool, scope } = yield* build(ignoring(1e9) as Effect.Effect<string>, {
        drainDeadline: 200,
        drainGrace: 30
      })
      yield* pool.submit(Work, { id: "a" })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust(229)
      assert.strictEqual(state(closing), "waits")
      yield* TestClock.adjust(1)
      assert.strictEqual(state(closing), "success")
    })
  )
})

describe("options and report of a drain", () => {
  it.effect("workers that were to retire stay until everything has ended", () =>
    withPool({ maxWorkers: 3 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.resize(3)
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        for (let n = 0; n < 9; n++) yield* bench.submit("a")
        yield* bench.pool.resize(1)
        const drain = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* Fiber.join(drain), { forced: false, tookMillis: 300, accepted: 9 })
      })
    )
  )

  it.effect("a deadline that is no time is refused, and stops nothing", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.pool.drain({ deadline: "-1 second" as any }))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "deadline" })
        assert.strictEqual(yield* bench.execute("a"), "a")
      })
    )
  )

  it.effect("the report's lists are cut at 1,000, with the full count", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        for (let n = 0; n < 1500; n++) yield* bench.submit(`${n}`)
        bench.on("0", Effect.never)
        const report = yield* bench.pool.drain({ deadline: 0 })
        assert.isAtLeast(report.interruptedCount, 1000)
        assert.strictEqual(report.interrupted.length, 1000)
      })
    )
  )
})
