/** What nested calls must never do: hang, run more than there are slots for, or be charged to somebody else. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ElasticPool, Handlers, PoolSnapshot, RetryPolicy, type Ticket, WorkerPool } from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"
import { ignoring, state } from "./support/bench.ts"
import { job, Job, Jobs, type Pool, withJobs } from "./support/jobs.ts"

const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

describe("slots", () => {
  it.effect("of handlers that time out while they wait for tickets are taken by what runs in them", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool, nested) =>
        n < 100
          ? Effect.flatMap(pool.submit(Job, { n: n + 100 }), (ticket) => ticket.await)
          : Effect.as(nested.work(300), n),
      (pool, nested) =>
        Effect.gen(function* () {
          const callers = yield* start(
            Effect.all(
              Array.from({ length: 10 }, (_, n) => Effect.exit(pool.execute(Job, { n }, { timeout: 20 }))),
              { concurrency: "unbounded" }
            )
          )
          yield* TestClock.adjust("10 seconds")
          yield* Fiber.join(callers)
          // Its finalizers may run beside it, and no other one begins before its end.
          assert.isAtMost(nested.mostAtWork, 1)
          assert.deepInclude(yield* pool.snapshot, { timedOut: 10, succeeded: 10 })
        })
    )
  )

  for (const maxStuckWorkers of [0, 1]) {
    it.effect(`of parts that are stuck are kept by them (maxStuckWorkers ${maxStuckWorkers})`, () =>
      withJobs(
        { maxWorkers: 1, maxStuckWorkers, interruptGrace: 20 },
        (n, pool, nested) =>
          n < 100
            ? Effect.as(Effect.exit(pool.execute(Job, { n: n + 100 }, { timeout: 20 })), n)
            : Effect.uninterruptible(Effect.as(nested.work(3000), n)),
        (pool, nested) =>
          Effect.gen(function* () {
            const callers = yield* start(
              Effect.all(
                Array.from({ length: 6 }, (_, n) => job(pool, n)),
                { concurrency: "unbounded" }
              )
            )
            yield* TestClock.adjust("1 second")
            assert.strictEqual(nested.atWork, 1 + maxStuckWorkers)
            yield* TestClock.adjust("1 minute")
            yield* Fiber.join(callers)
            assert.strictEqual(nested.mostAtWork, 1 + maxStuckWorkers)
          })
      )
    )
  }

  it.effect("are lent again when the part in them is stuck", () =>
    withJobs(
      { maxWorkers: 1, interruptGrace: 20 },
      (n, pool) =>
        n === 1
          ? Effect.andThen(Effect.exit(pool.execute(Job, { n: 2 }, { timeout: 20 })), job(pool, 3))
          : n === 2
            ? ignoring(60_000).pipe(Effect.as(n))
            : Effect.as(Effect.sleep(10), n),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* start(job(pool, 1))
          yield* TestClock.adjust(50)
          assert.strictEqual(yield* Fiber.join(caller), 3)
          yield* TestClock.adjust("2 minutes")
        })
    )
  )

  it.effect("are lent to nobody of another pool", () =>
    Effect.gen(function* () {
      const make = (name: string, handler: (n: number, own: Pool) => Effect.Effect<number, any>) =>
        Effect.gen(function* () {
          let pool: Pool
          const handlers = Jobs.toLayer({ Job: ({ n }) => Effect.suspend(() => handler(n, pool)) })
          const made = yield* ElasticPool.make({ name, maxWorkers: 1, scaling: "none", drainDeadline: 0 }).pipe(
            Effect.provide(Handlers.layer(Jobs).pipe(Layer.provide(handlers)))
          )
          return (pool = made.pool)
        })
      const b = yield* make("b", (n) => Effect.as(Effect.sleep(n === 0 ? 300 : 1), n))
      const a = yield* make("a", (n, own) =>
        n === 1
          ? Effect.as(Effect.all([job(b, 1), job(own, 2)], { concurrency: "unbounded" }), n)
          : Effect.as(Effect.sleep(10), n)
      )
      yield* b.submit(Job, { n: 0 })
      const ticket = yield* a.submit(Job, { n: 1 })
      yield* TestClock.adjust(299)
      for (const pool of [a, b]) assert.deepStrictEqual(PoolSnapshot.lawViolations(yield* pool.snapshot), [])
      assert.strictEqual(yield* ticket.status, "running")
      yield* TestClock.adjust(2)
      assert.strictEqual(yield* ticket.status, "ended")
    })
  )
})

describe("a handler goes on", () => {
  it.effect("with the first of two that it races, whatever runs in its slot", () =>
    withJobs(
      { minWorkers: 2, maxWorkers: 2 },
      (n, pool) =>
        n === 1
          ? Effect.race(job(pool, 3000), job(pool, 10))
          : n === 3000
            ? Effect.never
            : Effect.as(Effect.sleep(n), n),
      (pool) =>
        Effect.gen(function* () {
          yield* start(job(pool, 50))
          const caller = yield* start(job(pool, 1))
          yield* TestClock.adjust(60)
          assert.strictEqual(state(caller), "success")
        })
    )
  )

  it.effect("with a ticket of which another of its fibers has given up to wait", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool) =>
        n === 1
          ? Effect.gen(function* () {
              const slow = yield* pool.submit(Job, { n: 100 })
              const ticket = yield* pool.submit(Job, { n: 5 })
              const all = [slow.await, Effect.exit(Effect.timeout(ticket.await, 20)), ticket.await]
              return (yield* Effect.all(all, { concurrency: "unbounded" })).length
            })
          : Effect.as(Effect.sleep(n), n),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* start(job(pool, 1))
          yield* TestClock.adjust(105)
          assert.strictEqual(yield* Fiber.join(caller), 3)
        })
    )
  )

  it.effect("as soon as it has its place in a full queue", () => {
    const opened = Deferred.makeUnsafe<void>()
    return withJobs(
      { minWorkers: 2, maxWorkers: 2, capacity: 1 },
      (n, pool) =>
        n === 1
          ? Effect.gen(function* () {
              for (const n of [2, 2]) yield* pool.submit(Job, { n })
              yield* Deferred.succeed(opened, undefined)
              return n
            })
          : n === 2
            ? Effect.as(Deferred.await(opened), n)
            : Effect.as(Effect.sleep(n), n),
      (pool) =>
        Effect.gen(function* () {
          yield* start(job(pool, 50))
          const caller = yield* start(job(pool, 1))
          yield* TestClock.adjust(60)
          assert.strictEqual(state(caller), "success")
        })
    )
  })

  it.effect("when it hands in a request a hundred deep, and is refused what it would wait for", () =>
    withJobs(
      { maxWorkers: 1, capacity: 1 },
      (n, pool) =>
        n === 200
          ? Effect.succeed(n)
          : n < 100
            ? job(pool, n + 1)
            : Effect.as(Effect.exit(Effect.all([pool.submit(Job, { n: 200 }), pool.submit(Job, { n: 200 })])), n),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* start(Effect.exit(job(pool, 1)))
          assert.strictEqual((yield* Fiber.join(caller))._tag, "Success")
        })
    )
  )
})

describe("cancelling a handler that waits for a hundred", () => {
  const ways: Record<string, (pool: Pool) => Effect.Effect<unknown, any>> = {
    "its caller gives up": (pool) =>
      Effect.flatMap(Effect.forkChild(job(pool, 1), { startImmediately: true }), Fiber.interrupt),
    "its ticket is cancelled": (pool) => Effect.flatMap(pool.submit(Job, { n: 1 }), (ticket) => ticket.cancel),
    "it times out": (pool) => Effect.exit(pool.execute(Job, { n: 1 }, { timeout: 10 })),
    "it gives up itself": (pool) => Effect.exit(job(pool, 2)),
    "its time is over": (pool) => Effect.exit(pool.execute(Job, { n: 1 }, { expiresIn: 10 }))
  }
  for (const [way, cancel] of Object.entries(ways)) {
    it.effect(`starts none of those that wait: ${way}`, () => {
      let started = 0
      return withJobs(
        { maxWorkers: 1, interruptGrace: 100 },
        (n, pool) => {
          if (n > 2)
            return Effect.andThen(
              Effect.sync(() => started++),
              Effect.never
            )
          const parts = Effect.as(
            Effect.all(
              Array.from({ length: 100 }, (_, at) => job(pool, 10 + at)),
              { concurrency: "unbounded" }
            ),
            n
          )
          return n === 1 ? parts : Effect.as(Effect.timeoutOption(parts, 10), n)
        },
        (pool) =>
          Effect.gen(function* () {
            yield* start(cancel(pool))
            yield* TestClock.adjust("1 second")
            assert.strictEqual(started, 1)
          })
      )
    })
  }
})

describe("a wait ends with its attempt", () => {
  it.effect("and is not charged to the next one on that worker", () => {
    const tickets: Array<Ticket.Ticket<number, string>> = []
    const go = Deferred.makeUnsafe<void>()
    return withJobs(
      { minWorkers: 2, maxWorkers: 2 },
      (n) =>
        n === 1
          ? Effect.as(Effect.forkDetach(tickets[0]!.await, { startImmediately: true }), n)
          : n === 2
            ? Effect.andThen(
                Deferred.await(go),
                Effect.suspend(() => tickets[1]!.await)
              )
            : Effect.as(Effect.sleep(100), n),
      (pool) =>
        Effect.gen(function* () {
          tickets.push(yield* pool.submit(Job, { n: 2 }))
          yield* job(pool, 1)
          tickets.push(yield* pool.submit(Job, { n: 3 }))
          yield* Deferred.succeed(go, undefined)
          yield* TestClock.adjust(100)
          assert.strictEqual(yield* tickets[0]!.await, 3)
        })
    )
  })

  it.effect("a circle through process is found too", () => {
    let outer: Ticket.Ticket<number, string>
    return withJobs(
      { maxWorkers: 1 },
      (n, pool) =>
        n === 1
          ? Effect.as(Stream.runDrain(pool.process(Stream.make(WorkerPool.call(Job, { n: 2 })))), n)
          : Effect.suspend(() => outer.await),
      (pool) =>
        Effect.gen(function* () {
          yield* pool.pause
          outer = yield* pool.submit(Job, { n: 1 })
          yield* pool.resume
          yield* TestClock.adjust(10)
          assert.strictEqual(yield* outer.status, "ended")
          assert.deepInclude(yield* pool.snapshot, { failed: 1, succeeded: 1 })
        })
    )
  })
})

it.effect("in a pool that runs step by step a part runs within the step of its handler", () => {
  let pool: Pool
  const handlers = Jobs.toLayer({
    Job: ({ n }) => Effect.suspend(() => (n === 1 ? Effect.orDie(job(pool, 2)) : Effect.succeed(n)))
  })
  return Effect.gen(function* () {
    pool = yield* WorkerPool.WorkerPool
    const { step } = yield* TestPool.Steps
    const ticket = yield* pool.submit(Job, { n: 1 })
    assert.isTrue(yield* step)
    assert.strictEqual(yield* ticket.await, 2)
    assert.isFalse(yield* step)
  }).pipe(
    Effect.provide(
      TestPool.layerManual({ retry: RetryPolicy.make({ times: 1 }) }).pipe(
        Layer.provide(Handlers.layer(Jobs).pipe(Layer.provide(handlers)))
      )
    )
  )
})
