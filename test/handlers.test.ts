/** Handlers: which are refused, what an attempt runs with, and how its exit reads to the caller. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Layer, Schema, Stream } from "effect"
import { Rpc, RpcGroup, RpcMiddleware } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { hears, state, withPool } from "./support/bench.ts"

/** Runs a test over a pool of this group and nothing else. */
const withGroup = <Rpcs extends Rpc.Any, E, R>(
  group: RpcGroup.RpcGroup<Rpcs>,
  handlers: Layer.Layer<Rpc.ToHandler<Rpcs>, E, R>,
  options?: ElasticPool.Options
) => ElasticPool.layer(options).pipe(Layer.provide(Handlers.layer(group)), Layer.provideMerge(handlers))

const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.sandbox(effect)), (cause) => Cause.squash(cause) as any)

const Ping = Rpc.make("Ping", { success: Schema.String })

describe("Handlers.layer", () => {
  it.effect("two groups with the same tag are refused, and the tag is named", () => {
    const first = RpcGroup.make(Ping)
    const second = RpcGroup.make(Rpc.make("Ping"))
    const handlers = Layer.merge(
      first.toLayer({ Ping: () => Effect.succeed("") }),
      second.toLayer({ Ping: () => Effect.void })
    )
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Handlers.layer(first, second).pipe(Layer.provide(handlers))))
      assert.deepInclude(error, { _tag: "DuplicateHandler", tag: "Ping" })
    })
  })

  it.effect("a stream is refused, and the Rpc is named", () => {
    const group = RpcGroup.make(Rpc.make("Watch", { success: Schema.Number, stream: true }))
    const handlers = group.toLayer({ Watch: () => Stream.make(1) })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Handlers.layer(group).pipe(Layer.provide(handlers))))
      assert.deepInclude(error, { _tag: "UnsupportedRpc", tag: "Watch" })
    })
  })

  it.effect("middleware is refused, and the Rpc is named", () => {
    class Guard extends RpcMiddleware.Service<Guard>()("Guard") {}
    const group = RpcGroup.make(Rpc.make("Guarded").middleware(Guard))
    const handlers = group.toLayer({ Guarded: () => Effect.void })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Handlers.layer(group).pipe(Layer.provide(handlers))))
      assert.deepInclude(error, { _tag: "UnsupportedRpc", tag: "Guarded" })
    })
  })

  it.effect("each pool has its own handlers", () =>
    Effect.gen(function* () {
      const group = RpcGroup.make(Ping)
      const poolOf = (answer: string) =>
        ElasticPool.make({ name: answer }).pipe(
          Effect.provide(
            Handlers.layer(group).pipe(Layer.provide(group.toLayer({ Ping: () => Effect.succeed(answer) })))
          )
        )
      const one = yield* poolOf("one")
      const two = yield* poolOf("two")
      assert.deepStrictEqual(
        [yield* one.pool.execute(Ping, undefined), yield* two.pool.execute(Ping, undefined)],
        ["one", "two"]
      )
    })
  )
})

describe("what an attempt runs with", () => {
  class Prefix extends Context.Service<Prefix, string>()("Prefix") {}

  it.effect("the services of its handlers' layer, the request's id and no headers", () => {
    const group = RpcGroup.make(Ping)
    const handlers = group.toLayer({
      Ping: (_, { headers, requestId }) =>
        Effect.map(Prefix, (prefix) => `${prefix}${requestId} ${Object.keys(headers).length}`)
    })
    const test = Effect.gen(function* () {
      const client = yield* WorkerPool.client(group)
      assert.strictEqual(yield* client.Ping(undefined, { id: "mine" }), "id mine 0")
      assert.strictEqual(yield* client.Ping(), "id 2 0")
    })
    return test.pipe(Effect.provide(withGroup(group, handlers.pipe(Layer.provide(Layer.succeed(Prefix, "id "))))))
  })

  it.effect("one client that is always the same", () => {
    const clients = new Set<unknown>()
    const group = RpcGroup.make(Ping)
    const handlers = group.toLayer({ Ping: (_, { client }) => Effect.sync(() => String(clients.add(client).size)) })
    const test = Effect.gen(function* () {
      const client = yield* WorkerPool.client(group)
      yield* client.Ping()
      assert.strictEqual(yield* client.Ping(), "1")
    })
    return test.pipe(Effect.provide(withGroup(group, handlers)))
  })

  it.effect("its own scope: 10,000 attempts leave no finalizer and no fiber behind", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        let finalizers = 0
        let alive = 0
        let most = 0
        const body = Effect.gen(function* () {
          yield* Effect.addFinalizer(() => Effect.sync(() => finalizers++))
          yield* Effect.forkChild(
            Effect.suspend(() => {
              most = Math.max(most, ++alive)
              return Effect.ensuring(
                Effect.never,
                Effect.sync(() => alive--)
              )
            }),
            { startImmediately: true }
          )
          return "done"
        })
        bench.on("a", body)
        for (let n = 1; n <= 10_000; n++) {
          yield* bench.execute("a")
          if (finalizers !== n || alive !== 0)
            assert.fail(`after ${n} attempts: ${finalizers} finalizers, ${alive} fibers`)
        }
        assert.strictEqual(most, 1)
      })
    )
  )

  it.effect("a fiber that it forks as its child ends with it, awaited, before the next attempt starts", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        const child = Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(30), bench.note("child")))
        bench.on("a", Effect.as(Effect.forkChild(child, { startImmediately: true }), "a"))
        yield* bench.call("a")
        yield* bench.call("b")
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(bench.log, ["0 a1 start", "0 a1 success", "30 child", "30 b1 start", "30 b1 success"])
      })
    )
  )

  it.effect("a fiber that it forks into its scope ends with it as well", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on(
          "a",
          Effect.as(
            Effect.forkScoped(
              Effect.onInterrupt(Effect.never, () => bench.note("child")),
              { startImmediately: true }
            ),
            "a"
          )
        )
        yield* bench.execute("a")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "0 a1 success", "0 child"])
      })
    )
  )
})

describe("how an attempt ends", () => {
  it.effect("a typed failure keeps its type", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("mine"))
        assert.strictEqual(yield* Effect.flip(bench.execute("a")), "mine")
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 1, defects: 0 })
      })
    )
  )

  it.effect("a defect reaches the caller as a defect, is counted apart, and the worker goes on", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.die("bug"))
        bench.on("thrown", () => {
          throw new Error("thrown")
        })
        assert.strictEqual(yield* defectOf(bench.execute("a")), "bug")
        assert.strictEqual(yield* hears(bench.execute("thrown")), "defect")
        assert.strictEqual(yield* bench.execute("b"), "b")
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 2, defects: 2, succeeded: 1, workers: 1 })
      })
    )
  )

  it.effect("a handler that throws before there is an effect is a defect too", () => {
    const group = RpcGroup.make(Ping)
    const handlers = group.toLayer({
      Ping: (): Effect.Effect<string> => {
        throw new Error("thrown")
      }
    })
    const test = Effect.gen(function* () {
      const client = yield* WorkerPool.client(group)
      assert.strictEqual(yield* hears(client.Ping()), "defect")
      assert.strictEqual(yield* hears(client.Ping()), "defect")
    })
    return test.pipe(Effect.provide(withGroup(group, handlers, { maxWorkers: 1 })))
  })

  it.effect("a handler that interrupts itself fails its caller, which is not interrupted", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.interrupt)
        const error = yield* Effect.flip(bench.execute("a"))
        assert.deepInclude(error, { _tag: "HandlerInterrupted", tag: "Work", attempt: 1 })
        assert.strictEqual(yield* bench.execute("b"), "b")
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 1, interrupted: 0 })
      })
    )
  )

  it.effect("a finalizer that fails makes a success a defect", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on(
          "a",
          Effect.as(
            Effect.addFinalizer(() => Effect.die("finalizer")),
            "a"
          )
        )
        assert.strictEqual(yield* defectOf(bench.execute("a")), "finalizer")
        assert.strictEqual(yield* bench.execute("b"), "b")
      })
    )
  )

  it.effect("an attempt's failure is heard even if a finalizer fails as well", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on(
          "a",
          Effect.andThen(
            Effect.addFinalizer(() => Effect.die("finalizer")),
            Effect.fail("mine")
          )
        )
        assert.strictEqual(yield* hears(bench.execute("a")), "failure")
      })
    )
  )

  it.effect("a handler that answers with a Deferred is refused", () => {
    const group = RpcGroup.make(Ping)
    const handlers = group.toLayer({ Ping: () => Deferred.make<string>() as unknown as Effect.Effect<string> })
    const test = Effect.gen(function* () {
      const client = yield* WorkerPool.client(group)
      assert.deepInclude(yield* defectOf(client.Ping()), { _tag: "UnsupportedRpc", tag: "Ping" })
    })
    return test.pipe(Effect.provide(withGroup(group, handlers)))
  })

  it.effect("Rpc.uninterruptible is honoured: its timeout is the way of the stuck", () => {
    const group = RpcGroup.make(Ping)
    const handlers = group.toLayer({ Ping: () => Rpc.uninterruptible(Effect.as(Effect.sleep(1000), "late")) })
    const test = Effect.gen(function* () {
      const { snapshot } = yield* WorkerPool.WorkerPool
      const client = yield* WorkerPool.client(group)
      const call = yield* Effect.forkChild(client.Ping(), { startImmediately: true })
      yield* TestClock.adjust(100)
      assert.strictEqual(state(call), "RequestTimeout")
      yield* TestClock.adjust(50)
      assert.deepInclude(yield* snapshot, { stuck: 1 })
      yield* TestClock.adjust(850)
      assert.deepInclude(yield* snapshot, { stuck: 0, idle: 1, timedOut: 1 })
    })
    return test.pipe(Effect.provide(withGroup(group, handlers, { timeout: 100, interruptGrace: 50, scaling: "none" })))
  })

  it.effect("Rpc.fork runs like any other", () => {
    const group = RpcGroup.make(Ping)
    const handlers = group.toLayer({ Ping: () => Rpc.fork(Effect.succeed("forked")) })
    const test = Effect.gen(function* () {
      const client = yield* WorkerPool.client(group)
      assert.strictEqual(yield* client.Ping(), "forked")
    })
    return test.pipe(Effect.provide(withGroup(group, handlers)))
  })
})
