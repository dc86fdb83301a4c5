/** Handlers that say themselves how many of their attempts can run at once. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Rpc, RpcGroup } from "effect/rpc"
import {
  Capacity,
  ElasticPool,
  Handlers,
  Limit,
  type PoolConfig,
  PoolSnapshot,
  Scaler,
  ScalingPolicy,
  WorkerPool
} from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"
import { randomOf } from "./support/random.ts"

const Compute = Rpc.make("Compute", { payload: { n: Schema.Number }, success: Schema.Number })
const Other = Rpc.make("Other", { success: Schema.String })
const Bounded = RpcGroup.make(Compute)
const Free = RpcGroup.make(Other)

const poolOf = (
  places: Capacity.Places,
  run: (n: number) => Effect.Effect<number>,
  options: ElasticPool.Options = {}
) => ElasticPool.layer({ scaling: "none", minWorkers: 4, ...options }).pipe(Layer.provide(handlersOf(places, run)))

const handlersOf = (places: Capacity.Places, run: (n: number) => Effect.Effect<number>) =>
  Handlers.layer(Bounded, Free).pipe(
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

  it.effect(
    "a limit of its name is refused, and so are other places of its name, and it is changed by nobody else",
    () =>
      Effect.gen(function* () {
        const places = Capacity.make({ name: "threads", places: 1 })
        const error = yield* Effect.gen(function* () {
          const { setLimit } = yield* WorkerPool.WorkerPool
          return yield* Effect.flip(setLimit("threads", { concurrency: 5 }))
        }).pipe(Effect.provide(poolOf(places, Effect.succeed)))
        assert.strictEqual(error._tag, "InvalidPoolConfig")
        const limits = [Limit.make({ name: "threads", concurrency: 1 })]
        const limited = yield* Effect.flip(Layer.build(poolOf(places, Effect.succeed, { limits })))
        assert.deepInclude(limited, { _tag: "InvalidPoolConfig", field: "limits.threads.name" })
        const twice = ElasticPool.layer().pipe(
          Layer.provide(Handlers.layer(Bounded, Free)),
          Layer.provide(Bounded.toLayer({ Compute: ({ n }) => Effect.succeed(n) }).pipe(Layer.provide(bound(places)))),
          Layer.provide(
            Free.toLayer({ Other: () => Effect.succeed("other") }).pipe(
              Layer.provide(bound(Capacity.make({ name: "threads" })))
            )
          )
        )
        assert.deepInclude(yield* Effect.flip(Layer.build(twice)), { field: "limits.threads.name" })
      }).pipe(Effect.scoped)
  )

  it.effect("what is wrong with its options fails the pool, and a wrong number is refused where it is set", () =>
    Effect.gen(function* () {
      for (const [options, field] of [
        [{ name: "" }, "capacity.name"],
        [{ name: 1 as never }, "capacity.name"],
        [{ name: "threads", places: -1 }, "capacity.threads.places"],
        [{ name: "threads", places: 1.5 }, "capacity.threads.places"]
      ] as const) {
        const error = yield* Effect.flip(Layer.build(poolOf(Capacity.make(options), Effect.succeed)))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field })
      }
      const places = Capacity.make({ name: "threads", places: 2 })
      for (const wrong of [-1, Number.NaN, 0.5, "2" as never, undefined as never]) {
        assert.throws(() => places.set(wrong), /capacity\.threads\.places/)
      }
      assert.strictEqual(places.places, 2)
      places.set(Infinity)
      assert.strictEqual(places.free, Infinity)
    }).pipe(Effect.scoped)
  )

  it.effect("its gate is shown, and can be paused and resumed like a limit's", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 2 })
      const { gates, pauseOnly, resumeOnly, submit } = yield* WorkerPool.WorkerPool
      yield* pauseOnly({ limit: "threads" })
      const ticket = yield* submit(Compute, { n: 1 })
      yield* Effect.yieldNow
      assert.deepInclude((yield* gates())[0]!, {
        kind: "limit",
        name: "threads",
        paused: true,
        heldBack: 1,
        running: 0
      })
      assert.strictEqual(places.free, 2)
      yield* resumeOnly({ limit: "threads" })
      assert.strictEqual(yield* ticket.await, 1)
    }).pipe(Effect.provide(poolOf(Capacity.make({ name: "threads", places: 2 }), Effect.succeed)))
  )

  it.effect(
    "pools for tests have it as well: those that run in their caller's turn, and those that go step by step",
    () =>
      Effect.gen(function* () {
        const places = Capacity.make({ name: "threads", places: 0 })
        yield* Effect.gen(function* () {
          const { submit } = yield* WorkerPool.WorkerPool
          const { step } = yield* TestPool.Steps
          const ticket = yield* submit(Compute, { n: 1 })
          assert.isFalse(yield* step)
          places.set(1)
          assert.isTrue(yield* step)
          assert.strictEqual(yield* ticket.await, 1)
        }).pipe(Effect.provide(TestPool.layerManual().pipe(Layer.provide(handlersOf(places, Effect.succeed)))))
        places.set(0)
        yield* Effect.gen(function* () {
          const { submit } = yield* WorkerPool.WorkerPool
          const tickets = yield* Effect.forEach([1, 2], (n) => submit(Compute, { n }))
          assert.deepInclude(yield* snapshot, { heldBack: 2, attempts: 0 })
          places.set(1)
          assert.deepStrictEqual(yield* Effect.forEach(tickets, ({ await: end }) => end), [1, 2])
        }).pipe(Effect.provide(TestPool.layerInline().pipe(Layer.provide(handlersOf(places, Effect.succeed)))))
      })
  )

  it.effect(
    "what an attempt asks of its own pool runs in its place while it waits, and needs one where it has none",
    () =>
      Effect.gen(function* () {
        const places = Capacity.make({ name: "threads", places: 1 })
        const asks: { run: Effect.Effect<number> } = { run: Effect.never }
        const run = (n: number) => (n === 1 ? Effect.suspend(() => asks.run) : Effect.as(Effect.sleep(10), n))
        yield* Effect.gen(function* () {
          const { execute, run, submit } = yield* WorkerPool.WorkerPool
          asks.run = Effect.orDie(execute(Compute, { n: 2 }))
          const ticket = yield* submit(Compute, { n: 1 })
          assert.deepInclude(yield* snapshot, { running: 2, heldBack: 0 })
          yield* TestClock.adjust(10)
          assert.strictEqual(yield* ticket.await, 2)
          places.set(0)
          const other = yield* Effect.forkChild(run(execute(Compute, { n: 3 })), { startImmediately: true })
          assert.deepInclude(yield* snapshot, { running: 1, heldBack: 1 })
          places.set(1)
          yield* TestClock.adjust(10)
          assert.strictEqual(yield* Fiber.join(other), 3)
          assert.strictEqual(places.running, 0)
        }).pipe(Effect.provide(poolOf(places, run, { minWorkers: 1, maxWorkers: 1 })))
      })
  )

  it.effect("a drain waits no longer for a place than its deadline says", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 0 })
      yield* Effect.gen(function* () {
        const { drain, submit } = yield* WorkerPool.WorkerPool
        const ticket = yield* submit(Compute, { n: 1 })
        const draining = yield* Effect.forkChild(drain({ deadline: 100 }), { startImmediately: true })
        yield* TestClock.adjust(99)
        assert.strictEqual(draining.pollUnsafe(), undefined)
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* Fiber.join(draining), {
          forced: true,
          interruptedCount: 1,
          stuckCount: 0,
          tookMillis: 100
        })
        assert.isTrue(Exit.isFailure(yield* Effect.exit(ticket.await)))
        assert.strictEqual(places.waiting, 0)
      }).pipe(Effect.provide(poolOf(places, Effect.succeed)))
      assert.deepStrictEqual([places.running, places.waiting], [0, 0])
    })
  )

  it.effect("a drain finishes what waits for a place when there is one", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 0 })
      yield* Effect.gen(function* () {
        const { drain, submit } = yield* WorkerPool.WorkerPool
        yield* submit(Compute, { n: 1 })
        const draining = yield* Effect.forkChild(drain({ deadline: 100 }), { startImmediately: true })
        places.set(1)
        assert.deepInclude((yield* Fiber.join(draining)).ends, { succeeded: 1, interrupted: 0 })
      }).pipe(Effect.provide(poolOf(places, Effect.succeed)))
    })
  )

  it.effect("a handler knows for which places one is kept for it, and that none is when it is called past a pool", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 1 })
      const seen: Array<Capacity.Places | undefined> = []
      const look = (n: number) => Effect.flatMap(Capacity.Held, (held) => Effect.sync(() => (seen.push(held), n)))
      yield* Effect.gen(function* () {
        const { execute, run } = yield* WorkerPool.WorkerPool
        yield* execute(Compute, { n: 1 })
        yield* run(look(2))
      }).pipe(Effect.provide(poolOf(places, look)))
      assert.deepStrictEqual(seen, [places, undefined])
    })
  )

  it.effect("workers follow at once when many places are there after a cold start", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads" })
      const gate = yield* Deferred.make<void>()
      const pool = poolOf(places, (n) => Effect.as(Deferred.await(gate), n), {
        minWorkers: 1,
        scaling: ScalingPolicy.adaptive()
      })
      yield* Effect.gen(function* () {
        const { submit } = yield* WorkerPool.WorkerPool
        yield* Effect.forEach(Array.from({ length: 20 }), (_, n) => submit(Compute, { n }))
        yield* TestClock.adjust("700 millis")
        assert.deepInclude(yield* snapshot, { workers: 1, heldBack: 20 })
        places.set(8)
        // No tick comes before the next whole second: these are early looks, at most every 50 ms.
        yield* TestClock.adjust("250 millis")
        assert.deepInclude(yield* snapshot, { running: 8, heldBack: 12 })
        const decisions = yield* Effect.flatMap(Scaler.Scaler, ({ recent }) => recent)
        assert.isTrue(decisions.some(({ cause }) => cause === "shortage"))
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* snapshot, { succeeded: 20 })
      }).pipe(Effect.provide(pool))
    })
  )

  it.effect("over random sequences: no more run than there are places, and nobody waits beside a free one", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 40; seed++) yield* runSequence(seed)
    })
  )
})

const bound = (places: Capacity.Places) => Layer.succeed(Capacity.Capacity, places)

/** Two pools that share places: their owner, their callers and their attempts do what they like. */
const runSequence = (seed: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const places = Capacity.make({ name: "threads", places: random.below(3), onWaiting: () => void wanted++ })
    let wanted = 0
    let bodies = 0
    const gates: Array<Deferred.Deferred<void>> = []
    const body = (n: number) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          bodies++
          const gate = Deferred.makeUnsafe<void>()
          gates.push(gate)
          return gate
        }),
        (gate) => Effect.as(Deferred.await(gate), n),
        () => Effect.sync(() => void bodies--)
      )
    const make = (name: string) =>
      Effect.map(
        Layer.build(
          Layer.fresh(poolOf(places, body, { name, minWorkers: 6, drainDeadline: 0, ...disciplineOf(random) }))
        ),
        (context) => WorkerPool.WorkerPool.of(context.mapUnsafe.get(WorkerPool.WorkerPool.key))
      )
    const pools = [yield* make("one"), yield* make("two")]
    const tickets: Array<{ readonly cancel: Effect.Effect<unknown> }> = []
    for (let step = 0; step < 40; step++) {
      const pool = random.of(pools)
      const roll = random.below(10)
      if (roll < 4) tickets.push(yield* pool.submit(Compute, { n: step }, { key: random.of(["a", "b"]) }))
      else if (roll < 6) places.set(random.below(5))
      else if (roll < 8) yield* Deferred.succeed(random.of(gates) ?? Deferred.makeUnsafe<void>(), undefined)
      else if (roll < 9) yield* (random.of(tickets) ?? { cancel: Effect.void }).cancel
      else yield* random.below(2) === 0 ? pool.pauseOnly({ limit: "threads" }) : pool.resumeOnly({ limit: "threads" })
      yield* Effect.repeat(Effect.yieldNow, { times: 4 })
      const counts = yield* Effect.forEach(pools, (pool) => pool.snapshot)
      const running = counts.reduce((sum, { ending, running }) => sum + ending + running, 0)
      const story = `seed ${seed}, step ${step}`
      assert.strictEqual(places.running, running, story)
      assert.strictEqual(bodies, running, story)
      const heldBack = counts.reduce((sum, { limits }) => sum + limits["threads"]!.heldBack, 0)
      assert.isAtMost(places.waiting, heldBack, story)
      for (const { idle, limits } of counts) {
        const { heldBack, paused } = limits["threads"]!
        if (!paused && heldBack > 0 && idle > 0) assert.strictEqual(places.free, 0, story)
      }
    }
    yield* Effect.forEach(pools, (pool) => pool.resumeOnly({ limit: "threads" }))
    places.set(6)
    for (let turn = 0; turn < 40; turn++) {
      yield* Effect.forEach(gates, (gate) => Deferred.succeed(gate, undefined))
      yield* Effect.yieldNow
    }
    const left = yield* Effect.forEach(pools, (pool) => pool.snapshot)
    assert.deepStrictEqual(
      left.map(({ running, waiting }) => [running, waiting]),
      [
        [0, 0],
        [0, 0]
      ],
      `seed ${seed}`
    )
    assert.strictEqual(places.running, 0)
    if (tickets.length > 20) assert.isAbove(wanted, 0)
  }).pipe(Effect.scoped)

const disciplineOf = (random: ReturnType<typeof randomOf>): PoolConfig.Options =>
  random.of([{}, { limits: [Limit.make({ name: "one", per: "key", concurrency: 2 })] }])
