/** How many threads there are: as many as are asked for and a spare one, for as long as they are of use. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import { ElasticPool, Handlers, ScalingPolicy, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group as lateEnd, Hold } from "./modules/lateEndGroup.ts"
import { group, Sleep, Spin, Who } from "./modules/workGroup.ts"
import { module, poolOf, snapshot, when } from "./pools.ts"
import { execute, poolOf as onePoolOf } from "./support.ts"

const pool = WorkerPool.WorkerPool
const who = Effect.flatMap(pool, ({ execute }) => execute(Who, undefined))

describe("elastic", () => {
  it.effect(
    "the spare one at rest, another one while a request runs, and the older of them goes when it has been idle",
    () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* Threads.stats, { started: 1 })
        // The clock stands still: what waits for a thread waits for nothing else.
        yield* who
        assert.deepInclude(yield* when(({ idle }) => idle === 2), { starting: 0, started: 2 })
        yield* TestClock.adjust("9 seconds")
        assert.deepInclude(yield* Threads.stats, { idle: 2, dying: 0 })
        const { id } = yield* who
        yield* TestClock.adjust("5 seconds")
        assert.deepInclude(yield* when(({ dying, idle }) => dying === 0 && idle === 1), { killed: 0, crashed: 0 })
        yield* TestClock.adjust("1 hour")
        assert.deepInclude(yield* Threads.stats, { idle: 1, started: 2 })
        // The one that was used last has stayed.
        assert.strictEqual((yield* who).id, id)
      }).pipe(Effect.provide(poolOf({ min: 0, max: 2, idleFor: "10 seconds" }))),
    60_000
  )

  it.effect(
    "one that has run so many attempts is replaced, and the others do not wait for that",
    () =>
      Effect.gen(function* () {
        const ids = new Set<string>()
        for (let attempt = 0; attempt < 4; attempt++) ids.add((yield* who).id)
        assert.strictEqual(ids.size, 2)
        assert.deepInclude(yield* when(({ dying }) => dying === 0), { killed: 0, crashed: 0 })
      }).pipe(Effect.provide(poolOf({ max: 1, recycleAfter: 2, idleFor: "1 hour" }))),
    60_000
  )

  it.live(
    "those whose end takes long do not pile up: the one that runs is not replaced before another one has gone",
    () =>
      Effect.gen(function* () {
        const shared = new SharedArrayBuffer(4)
        const release = Effect.sync(() => Atomics.store(new Int32Array(shared), 0, 1))
        yield* Effect.gen(function* () {
          for (let attempt = 0; attempt < 6; attempt++) {
            yield* execute(Hold, { shared })
            assert.isAtMost((yield* Threads.stats).dying, 1)
          }
          assert.deepInclude(yield* Threads.stats, { started: 2, dying: 1, idle: 1 })
        }).pipe(Effect.ensuring(release))
        yield* when(({ dying }) => dying === 0)
        yield* execute(Hold, { shared })
        assert.deepInclude(yield* when(({ dying, idle }) => dying === 0 && idle === 0), { killed: 0, crashed: 0 })
      }).pipe(Effect.provide(onePoolOf(lateEnd, "lateEnd.ts", { min: 0, recycleAfter: 1, killAfter: "1 hour" }))),
    60_000
  )

  it.effect(
    "while they start nobody is timed out, and no worker is asked for; when they are ready the workers follow",
    () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const callers = yield* Effect.forEach([1, 2, 3, 4], () =>
          Effect.forkChild(execute(Sleep, { millis: 600_000, cleanUpMillis: 0 }), { startImmediately: true })
        )
        yield* TestClock.adjust("500 millis")
        const cold = yield* snapshot
        assert.deepInclude(cold, { workers: 1, heldBack: 4, running: 0, timedOut: 0 })
        yield* when(({ busy, idle }) => busy + idle === 3)
        yield* TestClock.adjust("60 millis")
        yield* TestClock.adjust("60 millis")
        const warm = yield* snapshot
        assert.deepInclude(warm, { running: 2, heldBack: 2, timedOut: 0 })
        // What has passed before is none of the handler's.
        assert.strictEqual(warm.handlers["Sleep"]!.attempts, 2)
        assert.isAtMost(warm.handlers["Sleep"]!.occupiedMillis, 2 * 120)
        yield* Fiber.interruptAll(callers)
      }).pipe(
        Effect.provide(
          ElasticPool.layer({ minWorkers: 1, timeout: 1000, scaling: ScalingPolicy.adaptive() }).pipe(
            Layer.provide(Handlers.layer(group)),
            Layer.provideMerge(Threads.layer(group, { module, min: 0, max: 2, idleFor: "1 hour" }))
          )
        )
      ),
    60_000
  )

  it.effect(
    "two pools that share the threads have no more of them than one has",
    () =>
      Effect.gen(function* () {
        const make = (name: string) =>
          Effect.map(ElasticPool.make({ name, scaling: "none", minWorkers: 4 }), ({ pool }) => pool)
        const pools = [yield* make("one"), yield* make("two")]
        const spinning = yield* Effect.forEach([...pools, ...pools], ({ execute }) =>
          Effect.forkChild(execute(Spin, { millis: 50 }), { startImmediately: true })
        )
        assert.isAtMost((yield* Threads.stats).busy, 2)
        yield* when(({ busy }) => busy === 2)
        yield* Effect.forEach(spinning, Fiber.join)
        const counts = yield* Effect.forEach(pools, (pool) => pool.snapshot)
        assert.deepStrictEqual(
          counts.map(({ succeeded }) => succeeded),
          [2, 2]
        )
        assert.isAtMost((yield* Threads.stats).started, 3)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Handlers.layer(group).pipe(
            Layer.provideMerge(Threads.layer(group, { module, min: 2, max: 2, idleFor: "1 hour" }))
          )
        )
      ),
    60_000
  )

  it.effect(
    "handlers that are called past a pool wait for a thread themselves, and are stopped likewise",
    () =>
      Effect.gen(function* () {
        const context = yield* Effect.context<Rpc.ToHandler<typeof Spin | typeof Who>>()
        const call = (tag: "Spin" | "Who", payload: unknown) =>
          (context.mapUnsafe.get((tag === "Spin" ? Spin : Who).key) as Rpc.Handler<string>).handler(
            payload as never,
            { requestId: 1 } as never
          ) as Effect.Effect<{ readonly id: string }>
        const first = yield* call("Who", undefined)
        const spinning = yield* Effect.forEach([1, 2, 3], () =>
          Effect.forkChild(call("Spin", { millis: Infinity }), { startImmediately: true })
        )
        assert.deepInclude(yield* when(({ busy, idle }) => busy + idle === 2), { busy: 1, killed: 0 })
        const stopping = yield* Effect.forkChild(Fiber.interruptAll(spinning), { startImmediately: true })
        yield* TestClock.adjust(50)
        yield* Fiber.join(stopping)
        assert.deepInclude(yield* Threads.stats, { busy: 0, dying: 0, killed: 1 })
        assert.notStrictEqual((yield* call("Who", undefined)).id, first.id)
      }).pipe(Effect.provide(Threads.layer(group, { module, max: 1, idleFor: "1 hour" }))),
    60_000
  )
})
