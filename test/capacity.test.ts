/** Handlers that say themselves how many of their attempts can run at once. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Rpc, RpcGroup } from "effect/rpc"
import { Capacity, ElasticPool, Handlers, PoolSnapshot, ScalingPolicy, WorkerPool } from "../src/index.ts"

const Compute = Rpc.make("Compute", { payload: { n: Schema.Number }, success: Schema.Number })
const Other = Rpc.make("Other", { success: Schema.String })
const Bounded = RpcGroup.make(Compute)
const Free = RpcGroup.make(Other)

const poolOf = (
  places: Capacity.Places,
  run: (n: number) => Effect.Effect<number>,
  options: ElasticPool.Options = {}
) =>
  ElasticPool.layer({ scaling: "none", minWorkers: 4, ...options }).pipe(
    Layer.provide(Handlers.layer(Bounded, Free)),
    Layer.provide(
      Layer.merge(
        Bounded.toLayer({ Compute: ({ n }) => run(n) }).pipe(Layer.provide(Layer.succeed(Capacity.Capacity, places))),
        Free.toLayer({ Other: () => Effect.succeed("other") })
      )
    )
  )

const snapshot = Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.snapshot)

describe("capacity", () => {
  it.effect("no more run than there are places, and others are not held up", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 1 })
      const gate = yield* Deferred.make<void>()
      const pool = poolOf(places, (n) => Effect.as(Deferred.await(gate), n))
      yield* Effect.gen(function* () {
        const { execute, submit } = yield* WorkerPool.WorkerPool
        const tickets = yield* Effect.forEach([1, 2, 3], (n) => submit(Compute, { n }))
        assert.strictEqual(yield* execute(Other, undefined), "other")
        const held = yield* snapshot
        assert.deepInclude(held, { running: 1, waiting: 2, heldBack: 2 })
        assert.deepInclude(held.limits["threads"], { concurrency: 1, running: 1, heldBack: 2, started: 1 })
        assert.strictEqual(places.waiting, 2)
        places.set(2)
        const more = yield* snapshot
        assert.deepInclude(more, { running: 2, waiting: 1 })
        places.set(0)
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual(yield* Effect.forEach(tickets.slice(0, 2), ({ await: end }) => end), [1, 2])
        assert.deepInclude(yield* snapshot, { running: 0, waiting: 1, heldBack: 1 })
        places.set(1)
        assert.strictEqual(yield* tickets[2]!.await, 3)
        assert.strictEqual(places.running, 0)
        assert.deepStrictEqual(PoolSnapshot.lawViolations(yield* snapshot), [])
      }).pipe(Effect.provide(pool))
    })
  )

  it.effect("who waits for a place has its timeout before it, and makes the Scaler ask for nobody", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads" })
      const pool = poolOf(places, (n) => Effect.as(Effect.sleep(100), n), {
        minWorkers: 1,
        timeout: 150,
        scaling: ScalingPolicy.adaptive()
      })
      yield* Effect.gen(function* () {
        const { submit } = yield* WorkerPool.WorkerPool
        const tickets = yield* Effect.forEach([1, 2, 3, 4], (n) => submit(Compute, { n }))
        yield* TestClock.adjust("10 seconds")
        assert.deepInclude(yield* snapshot, { workers: 1, waiting: 4, heldBack: 4, attempts: 0 })
        places.set(4)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* Effect.forEach(tickets, ({ await: end }) => end), [1, 2, 3, 4])
        const { occupiedMillis, timedOut } = (yield* snapshot).handlers["Compute"]!
        assert.deepStrictEqual({ occupiedMillis, timedOut }, { occupiedMillis: 400, timedOut: 0 })
      }).pipe(Effect.provide(pool))
    })
  )

  it.effect("pools that share it have it together, and whoever owns it hears of those that wait", () =>
    Effect.gen(function* () {
      let heard = 0
      const places = Capacity.make({ name: "threads", places: 1, onWaiting: () => void heard++ })
      const gate = yield* Deferred.make<void>()
      const build = (name: string) =>
        Layer.build(
          Layer.fresh(
            poolOf(places, (n) => (n === 1 ? Effect.as(Deferred.await(gate), n) : Effect.succeed(n)), { name })
          )
        )
      const one = WorkerPool.WorkerPool.of((yield* build("one")).mapUnsafe.get(WorkerPool.WorkerPool.key))
      const two = WorkerPool.WorkerPool.of((yield* build("two")).mapUnsafe.get(WorkerPool.WorkerPool.key))
      const first = yield* one.submit(Compute, { n: 1 })
      const second = yield* two.submit(Compute, { n: 2 })
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual([places.running, places.waiting, heard], [1, 1, 1])
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual([yield* first.await, yield* second.await], [1, 2])
    })
  )

  it.effect("a limit of its name is refused, and it is changed by nobody else", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 1 })
      const pool = poolOf(places, Effect.succeed)
      const error = yield* Effect.gen(function* () {
        const { setLimit } = yield* WorkerPool.WorkerPool
        return yield* Effect.flip(setLimit("threads", { concurrency: 5 }))
      }).pipe(Effect.provide(pool))
      assert.strictEqual(error._tag, "InvalidPoolConfig")
    })
  )
})
