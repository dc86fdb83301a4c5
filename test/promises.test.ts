/** Handlers and promises: one that is no effect, one that does not listen, and one that is rejected too late. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { hears, state } from "./support/bench.ts"

const Job = Rpc.make("Job", { payload: { n: Schema.Number }, success: Schema.Unknown })
class Jobs extends RpcGroup.make(Job) {}

const poolOf = (handler: unknown, options?: ElasticPool.Options) =>
  ElasticPool.layer({ scaling: "none", ...options }).pipe(
    Layer.provide(Handlers.layer(Jobs)),
    Layer.provide(Jobs.toLayer({ Job: handler as () => Effect.Effect<unknown> }))
  )

/** What the process heard of rejections that nobody handled, while the test ran and for a turn of the event loop. */
const unhandled = <A, E, R>(test: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const heard: Array<unknown> = []
    const listener = (error: unknown) => heard.push(error)
    const others = process.listeners("unhandledRejection")
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", listener)
    yield* Effect.ensuring(
      Effect.andThen(
        test,
        Effect.promise(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve))))
      ),
      Effect.sync(() => {
        process.off("unhandledRejection", listener)
        for (const other of others) process.on("unhandledRejection", other)
      })
    )
    return heard
  })

const defectOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? (Cause.squash(exit.cause) as any) : undefined)

describe("what a handler returns", () => {
  it.effect.each<[string, unknown, string]>([
    ["a promise", () => Promise.resolve(1), "`Effect.promise(() => ...)`"],
    ["a promise that is rejected", () => Promise.reject(new Error("rejected")), "`Effect.tryPromise`"],
    ["a promise within a wrapper", () => Rpc.uninterruptible(Promise.resolve(1)), "`Effect.promise(() => ...)`"],
    ["nothing", () => {}, "`Effect.void`"],
    ["null", () => null, "`Effect.void`"],
    ["a text", () => "password", "a string; return an Effect"],
    ["a function", () => () => 1, "`Effect.sync(() => ...)`"],
    ["a generator", function* () {}, "`Effect.gen(function* () { ... })`"],
    ["an object", () => ({ password: 1 }), "an object; return an Effect"],
    ["a stream", () => Stream.make(1), "a stream"]
  ])("%s is no effect: the error says what to return", ([, handler, hint]) =>
    Effect.gen(function* () {
      const heard = yield* unhandled(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.WorkerPool
          const error = defectOf(yield* Effect.exit(pool.execute(Job, { n: 1 })))
          assert.deepInclude(error, { _tag: "UnsupportedRpc", tag: "Job" })
          assert.include(error!.message, hint)
          assert.notInclude(error!.message, "password")
        }).pipe(Effect.provide(poolOf(handler)))
      )
      assert.deepStrictEqual(heard, [])
    })
  )

  it.effect("the same goes for `run`, and its worker goes on", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const rejected = Promise.reject(new Error("rejected")) as unknown as Effect.Effect<void>
      assert.deepInclude(defectOf(yield* Effect.exit(pool.run(rejected))), { _tag: "UnsupportedRpc", tag: "run" })
      assert.strictEqual(yield* pool.run(Effect.succeed("next")), "next")
      assert.deepInclude(yield* pool.snapshot, { failed: 1, defects: 1, succeeded: 1, workers: 1 })
    }).pipe(
      Effect.provide(poolOf(() => Effect.void)),
      unhandled,
      Effect.map((heard) => assert.deepStrictEqual(heard, []))
    )
  )

  it.effect("a group without one of its handlers is refused, where nobody checked the types", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(poolOf(undefined)))
      assert.deepInclude(error, { _tag: "UnsupportedRpc", tag: "Job", reason: "it has no handler" })
    })
  )
})

describe("a promise that does not listen to its signal", () => {
  /** Promises that live until the test settles them. */
  const promises = () => {
    const alive = new Set<PromiseWithResolvers<unknown>>()
    let most = 0
    const slow = () => {
      const one = Promise.withResolvers<unknown>()
      alive.add(one)
      most = Math.max(most, alive.size)
      return one.promise
    }
    const settleAll = Effect.promise(async () => {
      const settled = [...alive]
      alive.clear()
      for (const [at, { reject, resolve }] of settled.entries()) {
        if (at % 2 === 0) resolve("late")
        else reject(new Error("late"))
      }
      await Promise.allSettled(settled.map(({ promise }) => promise))
    })
    return { alive, most: () => most, settleAll, slow }
  }

  it.effect.each<[string, (slow: () => Promise<unknown>) => unknown]>([
    ["Effect.uninterruptible", (slow) => Effect.uninterruptible(Effect.promise(slow))],
    ["Rpc.uninterruptible", (slow) => Rpc.uninterruptible(Effect.promise(slow))]
  ])("%s: it keeps its worker until it has settled, and its caller hears in time", ([, wrap]) => {
    const { alive, most, settleAll, slow } = promises()
    const retry = RetryPolicy.make({ times: 1, base: 0 })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const calls = []
      for (let n = 0; n < 20; n++) {
        const options = n === 1 ? { retry } : {}
        calls.push(yield* Effect.forkChild(pool.execute(Job, { n }, options), { startImmediately: true }))
      }
      yield* TestClock.adjust(49)
      assert.strictEqual(state(calls[0]!), "waits")
      yield* TestClock.adjust(1)
      assert.strictEqual(state(calls[0]!), "RequestTimeout")
      // This one would be tried again, had its attempt ended in time.
      assert.strictEqual(state(calls[1]!), "waits")
      assert.deepInclude(yield* pool.snapshot, { running: 1, ending: 1, stuck: 0, waiting: 18 })
      yield* TestClock.adjust(25)
      assert.strictEqual(state(calls[1]!), "RequestTimeout")
      assert.deepInclude(yield* pool.snapshot, { running: 0, ending: 0, stuck: 2, waiting: 18 })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* pool.snapshot, { stuck: 2, waiting: 18 })
      while (alive.size > 0) {
        yield* settleAll
        yield* TestClock.adjust(75)
      }
      assert.strictEqual(most(), 2)
      assert.deepStrictEqual(
        calls.map(state),
        calls.map(() => "RequestTimeout")
      )
      assert.deepInclude(yield* pool.snapshot, { timedOut: 20, stuck: 0, waiting: 0 })
    }).pipe(
      Effect.provide(poolOf(() => wrap(slow), { minWorkers: 2, maxWorkers: 2, timeout: 50, interruptGrace: 25 })),
      unhandled,
      Effect.map((heard) => assert.deepStrictEqual(heard, []))
    )
  })

  it.effect("one that is rejected after its timeout is nobody's unhandled rejection, and nothing changes", () => {
    const { settleAll, slow } = promises()
    const bodies = [
      () => Effect.promise(slow),
      () => Effect.tryPromise(slow),
      () => Effect.uninterruptible(Effect.tryPromise(slow))
    ]
    const test = Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      for (const body of [...bodies, ...bodies]) {
        const call = yield* Effect.forkChild(hears(pool.run(body())), { startImmediately: true })
        yield* TestClock.adjust(50)
        assert.deepInclude(call.pollUnsafe(), { value: "RequestTimeout" })
      }
      yield* settleAll
      assert.deepInclude(yield* pool.snapshot, { timedOut: 6, failed: 0, defects: 0 })
    })
    return test.pipe(
      Effect.provide(poolOf(() => Effect.void, { minWorkers: 6, timeout: 50 })),
      unhandled,
      Effect.map((heard) => assert.deepStrictEqual(heard, []))
    )
  })
})
