/** Handlers that ask their own pool for a part of their work, and wait for it. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer, Scheduler, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ElasticPool, Handlers, RetryPolicy, type Ticket, WorkerPool } from "../src/index.ts"
import { show, state } from "./support/bench.ts"
import { type Handler, job, Job, Jobs, type Pool, withJobs } from "./support/jobs.ts"
import { ownClock } from "./support/ownClock.ts"

/** Each asks for `parts` more of its own kind, down to zero. */
const tree =
  (parts: number): Handler =>
  (n, pool, nested) =>
    n === 0
      ? Effect.as(nested.work(10), 1)
      : Effect.gen(function* () {
          yield* nested.work(5)
          const values = yield* Effect.all(
            Array.from({ length: parts }, () => job(pool, n - 1)),
            { concurrency: "unbounded" }
          )
          yield* nested.work(5)
          return values.reduce((sum, value) => sum + value, 0)
        })

describe("a handler that waits for another request of its pool", () => {
  const ways: Record<string, (pool: Pool) => Effect.Effect<number, any, any>> = {
    execute: (pool) => job(pool, 2),
    client: (pool) =>
      WorkerPool.client(Jobs).pipe(
        Effect.flatMap((client) => client.Job({ n: 2 })),
        Effect.provideService(WorkerPool.WorkerPool, pool)
      ) as Effect.Effect<number>,
    executeCallback: (pool) =>
      Effect.callback((resume) => Effect.sync(pool.executeCallback(Job, { n: 2 }, (exit) => resume(exit)))),
    executePromise: (pool) => Effect.promise((signal) => pool.executePromise(Job, { n: 2 }, { signal })),
    "a client of promises, after a promise": (pool) =>
      WorkerPool.clientPromise(Jobs).pipe(
        Effect.flatMap((client) =>
          Effect.promise(async () => {
            await undefined
            return client.Job({ n: 2 })
          })
        ),
        Effect.provideService(WorkerPool.WorkerPool, pool)
      ) as Effect.Effect<number>,
    run: (pool) => pool.run(Effect.as(Effect.sleep(10), 2)),
    "the ticket's await": (pool) => Effect.flatMap(pool.submit(Job, { n: 2 }), (ticket) => ticket.await),
    "the ticket's outcome": (pool) =>
      Effect.flatMap(pool.submitUnknown("Job", { n: 2 }), (ticket) =>
        Effect.flatMap(ticket.outcome, ({ exit }) => exit as Exit.Exit<number>)
      ),
    process: (pool) =>
      Effect.map(
        Stream.runCollect(pool.process(Stream.make(2, 2, 2).pipe(Stream.map((n) => WorkerPool.call(Job, { n }))))),
        (outcomes) => outcomes.length - 1
      ),
    "process, in order": (pool) =>
      Effect.map(
        Stream.runCollect(
          pool.process(Stream.make(2, 2, 2).pipe(Stream.map((n) => WorkerPool.call(Job, { n }))), { ordered: true })
        ),
        (outcomes) => outcomes.length - 1
      )
  }
  for (const [way, ask] of Object.entries(ways)) {
    it.effect(`has its value although it keeps the only worker, by ${way}`, () =>
      withJobs(
        { maxWorkers: 1 },
        (n, pool, nested) => (n === 1 ? ask(pool) : Effect.as(nested.work(10), n)),
        (pool, nested) =>
          Effect.gen(function* () {
            const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
            yield* TestClock.adjust(100)
            assert.strictEqual(state(caller), "success")
            assert.strictEqual(yield* Fiber.join(caller), 2)
            assert.isAtMost(nested.mostAtWork, 1)
          })
      )
    )
  }

  it.effect("four that each ask for two more, three deep, on four workers: all values, four at work at most", () =>
    withJobs({ minWorkers: 4, maxWorkers: 4 }, tree(2), (pool, nested) =>
      Effect.gen(function* () {
        const all = Array.from({ length: 4 }, () => job(pool, 3))
        const caller = yield* Effect.forkChild(Effect.all(all, { concurrency: "unbounded" }), {
          startImmediately: true
        })
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* Fiber.join(caller), [8, 8, 8, 8])
        assert.strictEqual(nested.mostAtWork, 4)
        assert.isAbove(nested.lent, 0)
      })
    )
  )

  for (const maxWorkers of [1, 2, 3, 8]) {
    it.effect(
      `trees of three, four deep, beside other requests, on ${maxWorkers} workers: as many at work at most`,
      () =>
        withJobs({ minWorkers: maxWorkers, maxWorkers, timeout: "none" }, tree(3), (pool, nested) =>
          Effect.gen(function* () {
            const all = Array.from({ length: 12 }, (_, at) => job(pool, at % 3 === 0 ? 4 : 0))
            const caller = yield* Effect.forkChild(Effect.all(all, { concurrency: "unbounded" }), {
              startImmediately: true
            })
            yield* TestClock.adjust("1 minute")
            assert.strictEqual(
              (yield* Fiber.join(caller)).reduce((sum, value) => sum + value, 0),
              4 * 81 + 8
            )
            assert.isAtMost(nested.mostAtWork, maxWorkers)
          })
        )
    )
  }

  it.effect("a full queue does not keep it from its value", () =>
    withJobs({ maxWorkers: 1, capacity: 1 }, tree(1), (pool, nested) =>
      Effect.gen(function* () {
        const callers = yield* Effect.forkChild(
          Effect.all([job(pool, 3), job(pool, 0), job(pool, 2)], { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(callers), [1, 1, 1])
        assert.strictEqual(nested.mostAtWork, 1)
      })
    )
  )

  it.effect("a handler that submits to the full queue of its own pool has its place", () =>
    withJobs(
      { maxWorkers: 1, capacity: 1 },
      (n, pool, nested) =>
        n === 0
          ? Effect.as(nested.work(10), 0)
          : Effect.gen(function* () {
              const tickets = yield* Effect.forEach([0, 0, 0], (n) => pool.submit(Job, { n }))
              yield* nested.work(10)
              return (yield* Effect.forEach(tickets, (ticket) => ticket.await)).length
            }),
      (pool, nested) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* Fiber.join(caller), 3)
          // It goes on beside the one that has made room for the next.
          assert.isAtMost(nested.mostAtWork, 2)
        })
    )
  )

  it.effect("its part is retried in its slot, and fails in it", () => {
    let attempts = 0
    return withJobs(
      { maxWorkers: 1, retry: RetryPolicy.make({ times: 2, base: 20, jitter: "none" }) },
      (n, pool) =>
        n === 1
          ? Effect.exit(job(pool, 2)).pipe(Effect.map((exit) => (show(exit) === "failure" ? attempts : -1)))
          : Effect.suspend(() => (attempts++, Effect.andThen(Effect.sleep(5), Effect.fail("no")))),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* Fiber.join(caller), 3)
        })
    )
  })

  it.effect("goes on only when the finalizers of its part have ended: they are at work in its slot", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool, nested) =>
        n === 1
          ? Effect.andThen(Effect.exit(pool.execute(Job, { n: 2 }, { timeout: 10 })), Effect.as(nested.work(5), 1))
          : Effect.onInterrupt(Effect.never, () => nested.work(30)),
      (pool, nested) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          yield* TestClock.adjust(44)
          assert.strictEqual(state(caller), "waits")
          yield* TestClock.adjust(1)
          assert.strictEqual(state(caller), "success")
          assert.strictEqual(nested.mostAtWork, 1)
        })
    )
  )

  it.effect("its timeout ends its part too", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool) => (n === 1 ? job(pool, 2) : Effect.never),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(pool.execute(Job, { n: 1 }, { timeout: 50 }), {
            startImmediately: true
          })
          yield* TestClock.adjust(50)
          assert.strictEqual(state(caller), "RequestTimeout")
          assert.deepInclude(yield* pool.snapshot, { timedOut: 1, cancelled: 1, running: 0 })
        })
    )
  )

  it.effect("while the pool is paused its part waits as well", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool) => (n === 1 ? Effect.andThen(Effect.sleep(10), job(pool, 2)) : Effect.succeed(n)),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          yield* pool.pause
          yield* TestClock.adjust(100)
          assert.strictEqual(state(caller), "waits")
          yield* pool.resume
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* Fiber.join(caller), 2)
        })
    )
  )

  it.effect("a worker that goes away is not waited for", () =>
    withJobs(
      { minWorkers: 1, maxWorkers: 2 },
      (n, pool) => (n === 1 ? Effect.andThen(Effect.sleep(10), job(pool, 2)) : Effect.as(Effect.sleep(5), n)),
      (pool) =>
        Effect.gen(function* () {
          yield* pool.resize(2)
          const callers = yield* Effect.forkChild(Effect.all([job(pool, 1), job(pool, 1)], { concurrency: 2 }), {
            startImmediately: true
          })
          yield* pool.resize(1)
          yield* TestClock.adjust(100)
          assert.deepStrictEqual(yield* Fiber.join(callers), [2, 2])
        })
    )
  )

  it.effect("across two pools whose handlers ask each other", () =>
    Effect.gen(function* () {
      const pools: Array<Pool> = []
      const make = (own: number) =>
        ElasticPool.make({ name: `p${own}`, maxWorkers: 1, scaling: "none", drainDeadline: 0 }).pipe(
          Effect.provide(
            Handlers.layer(Jobs).pipe(
              Layer.provide(
                Jobs.toLayer({
                  Job: ({ n }) => (n === 0 ? Effect.as(Effect.sleep(1), 1) : Effect.orDie(job(pools[1 - own]!, n - 1)))
                })
              )
            )
          ),
          Effect.map(({ pool }) => pools.push(pool))
        )
      yield* make(0)
      yield* make(1)
      const caller = yield* Effect.forkChild(job(pools[0]!, 7), { startImmediately: true })
      yield* TestClock.adjust(10)
      assert.strictEqual(state(caller), "success")
    })
  )

  it.effect("it says so once, by name, when no worker is free", () =>
    withJobs({ maxWorkers: 1 }, tree(1), (pool, _, lines) =>
      Effect.gen(function* () {
        const caller = yield* Effect.forkChild(Effect.all([job(pool, 3), job(pool, 3)]), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
        assert.strictEqual(lines.length, 1)
        assert.match(lines[0]!, /^Warn "Job" waits for "Job" of its own pool while no worker is free/)
      })
    )
  )
})

describe("what would wait for itself", () => {
  it.effect("a handler that calls itself without end fails at once, and names the chain", () =>
    withJobs(
      { maxWorkers: 2 },
      (n, pool) => job(pool, n + 1),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(Effect.flip(job(pool, 1)), { startImmediately: true })
          yield* TestClock.adjust(1)
          const error = yield* Fiber.join(caller)
          assert.deepInclude(error as object, { _tag: "NestedWaitRefused", pool: "default", reason: "depth" })
          const { chain, message } = error as { chain: ReadonlyArray<string>; message: string }
          assert.deepStrictEqual(chain.slice(0, 2), ["Job (1)", "Job (2)"])
          assert.strictEqual(chain.at(-1), "Job (100)")
          assert.isBelow(message.length, 300)
          assert.deepInclude(yield* pool.snapshot, { failed: 100, running: 0, invalid: 1 })
        })
    )
  )

  for (const [who, reach] of [
    ["itself", 1],
    ["one that waits for it", 2]
  ] as const) {
    it.effect(`a handler that waits for the ticket of ${who} fails at once`, () => {
      const tickets = new Map<number, Ticket.Ticket<number, string>>()
      return withJobs(
        { minWorkers: 3, maxWorkers: 3 },
        (n, pool) => (n === reach ? tickets.get(1)!.await : job(pool, n + 1)),
        (pool) =>
          Effect.gen(function* () {
            yield* pool.pause
            const ticket = yield* pool.submit(Job, { n: 1 }, { id: "outer" })
            tickets.set(1, ticket)
            yield* pool.resume
            yield* TestClock.adjust(1)
            assert.strictEqual(yield* ticket.status, "ended")
            const error = yield* Effect.flip(ticket.await)
            assert.deepInclude(error as object, { _tag: "NestedWaitRefused", reason: "itself" })
            const { chain } = error as { chain: ReadonlyArray<string> }
            assert.strictEqual(chain.at(-1), chain[0])
            assert.include(chain, "Job (outer)")
          })
      )
    })
  }

  it.effect("two that wait for each other's tickets: the second one fails at once", () => {
    const tickets: Array<Ticket.Ticket<number, string>> = []
    return withJobs(
      { minWorkers: 2, maxWorkers: 2 },
      (n) =>
        Effect.andThen(
          Effect.sleep(n),
          Effect.suspend(() => tickets[2 - n]!.await)
        ),
      (pool) =>
        Effect.gen(function* () {
          for (const n of [1, 2]) tickets.push(yield* pool.submit(Job, { n }))
          yield* TestClock.adjust(2)
          const ends = yield* Effect.forEach(tickets, (ticket) => Effect.flip(ticket.await))
          assert.deepStrictEqual(
            ends.map((error) => (error as { _tag: string })._tag),
            ["NestedWaitRefused", "NestedWaitRefused"]
          )
        })
    )
  })

  it.effect("a fiber that an attempt has left behind waits as anybody does", () => {
    const left: Array<Fiber.Fiber<number, any>> = []
    return withJobs(
      { maxWorkers: 1 },
      (n, pool) =>
        n === 1
          ? Effect.map(Effect.forkDetach(Effect.andThen(Effect.sleep(10), job(pool, 3))), (fiber) => left.push(fiber))
          : Effect.as(Effect.sleep(20), n),
      (pool, nested) =>
        Effect.gen(function* () {
          yield* job(pool, 1)
          const other = yield* Effect.forkChild(job(pool, 2), { startImmediately: true })
          yield* TestClock.adjust(15)
          assert.deepInclude(yield* pool.snapshot, { waiting: 1, running: 1, lent: 0 })
          yield* TestClock.adjust(25)
          assert.strictEqual(yield* Fiber.join(other), 2)
          assert.strictEqual(yield* Fiber.join(left[0]!), 3)
          assert.strictEqual(nested.lent, 0)
        })
    )
  })
})

describe("what a handler does not wait for", () => {
  it.effect("has the slot for itself once the handler has ended", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool, nested) =>
        n === 1
          ? Effect.andThen(Effect.forkDetach(job(pool, 2), { startImmediately: true }), Effect.as(nested.work(20), 1))
          : Effect.as(nested.work(50), n),
      (pool, nested) =>
        Effect.gen(function* () {
          const calls = yield* Effect.forkChild(Effect.all([job(pool, 1), job(pool, 3)], { concurrency: 2 }), {
            startImmediately: true
          })
          yield* TestClock.adjust(20)
          assert.deepInclude(yield* pool.snapshot, { running: 1, lent: 0, waiting: 1 })
          assert.strictEqual(nested.atWork, 1)
          yield* TestClock.adjust(29)
          assert.strictEqual(nested.atWork, 1)
          yield* TestClock.adjust(1)
          assert.deepInclude(yield* pool.snapshot, { running: 1, workers: 1, waiting: 0 })
          yield* TestClock.adjust(50)
          assert.deepStrictEqual(yield* Fiber.join(calls), [1, 3])
        })
    )
  )

  it.effect("nor is its slot lent again for a wait that it has left behind", () =>
    withJobs(
      { maxWorkers: 1, retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) },
      (n, pool, nested) =>
        n === 1
          ? Effect.as(Effect.forkDetach(Effect.exit(job(pool, 2)), { startImmediately: true }), 1)
          : n === 2
            ? Effect.fail("no")
            : Effect.as(nested.work(500), n),
      (pool) =>
        Effect.gen(function* () {
          yield* job(pool, 1)
          const other = yield* Effect.forkChild(job(pool, 3), { startImmediately: true })
          yield* TestClock.adjust(200)
          assert.deepInclude(yield* pool.snapshot, { running: 1, waiting: 1, lent: 0 })
          yield* TestClock.adjust(300)
          assert.strictEqual(yield* Fiber.join(other), 3)
        })
    )
  )
})

describe("a drain", () => {
  for (const strategy of ["suspend", "dropping"] as const) {
    it.effect(`lets in what an accepted request asks for, until the deadline (${strategy})`, () =>
      withJobs(
        { maxWorkers: 1, strategy },
        (n, pool) =>
          n === 1
            ? Effect.andThen(
                Effect.sleep(10),
                Effect.flatMap(job(pool, 2), () => Effect.flatMap(pool.submit(Job, { n: 3 }), (ticket) => ticket.await))
              )
            : Effect.as(Effect.sleep(10), n),
        (pool) =>
          Effect.gen(function* () {
            const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
            const draining = yield* Effect.forkChild(pool.drain({ deadline: "5 seconds" }), { startImmediately: true })
            assert.deepInclude(yield* Effect.flip(job(pool, 4)), { _tag: "PoolDraining" })
            yield* TestClock.adjust(30)
            assert.strictEqual(yield* Fiber.join(caller), 3)
            assert.deepInclude(yield* Fiber.join(draining), { forced: false, tookMillis: 30, accepted: 3 })
          })
      )
    )
  }

  it.effect("but nothing after the deadline", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool) => (n === 1 ? Effect.onInterrupt(Effect.never, () => Effect.ignore(job(pool, 2))) : Effect.succeed(n)),
      (pool) =>
        Effect.gen(function* () {
          const caller = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          const draining = yield* Effect.forkChild(pool.drain({ deadline: 50 }), { startImmediately: true })
          yield* TestClock.adjust(50)
          assert.strictEqual(state(caller), "RequestInterrupted")
          assert.deepInclude(yield* Fiber.join(draining), { forced: true, accepted: 1 })
        })
    )
  )

  it.effect("that a handler begins does not wait for that handler", () =>
    withJobs(
      { maxWorkers: 1 },
      (_, pool) => Effect.as(Effect.flip(pool.drain({ deadline: "2 seconds" })), 1),
      (pool) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* job(pool, 1), 1)
          assert.deepInclude(yield* pool.drain(), { forced: false, tookMillis: 0 })
        })
    )
  )
})

/** Fibers yield before their next step once there is something to do meanwhile. */
class Yielding extends Scheduler.MixedScheduler {
  meanwhile: (() => void) | undefined = undefined

  override shouldYield(): boolean {
    const { meanwhile } = this
    this.meanwhile = undefined
    meanwhile?.()
    return meanwhile !== undefined
  }
}

describe("a request that a handler makes", () => {
  it.effect("is let in before its caller gives way to others: its time begins then", () => {
    const clock = ownClock()
    const scheduler = new Yielding()
    const key = (_: string, payload: unknown) => {
      if ((payload as { readonly n: number }).n === 2) scheduler.meanwhile = () => clock.pass(100)
      return "somebody"
    }
    let pool: Pool
    const asks = (n: number) =>
      n === 1
        ? Effect.provideService(pool.execute(Job, { n: 2 }, { expiresIn: 50 }), Scheduler.Scheduler, scheduler)
        : Effect.succeed(n)
    const handlers = Layer.provide(Handlers.layer(Jobs), Jobs.toLayer({ Job: ({ n }) => Effect.orDie(asks(n)) }))
    return Effect.gen(function* () {
      const made = yield* ElasticPool.make({ maxWorkers: 1, scaling: "none", key })
      pool = made.pool
      assert.strictEqual(yield* job(pool, 1), 2)
    }).pipe(Effect.scoped, Effect.provide(handlers), Effect.provideService(Clock.Clock, clock))
  })
})
