/** What only many of something, or much time, would show: nothing is lost, nothing is left behind. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, ManagedRuntime, Stream } from "effect"
import { TestClock } from "effect/testing"
import { getEventListeners } from "node:events"
import { vi } from "vitest"
import { ElasticPool, Handlers, PoolSnapshot, RetryPolicy, WorkerPool } from "../src/index.ts"
import { randomOf } from "./support/random.ts"
import { hears, state, withPool, Work, Works } from "./support/bench.ts"

const layer = (body: (id: string) => Effect.Effect<string, string>, options?: ElasticPool.Options) =>
  ElasticPool.layer({ scaling: "none", ...options }).pipe(
    Layer.provide(Handlers.layer(Works)),
    Layer.provide(Works.toLayer({ Work: ({ id }) => body(id) }))
  )

const dayMillis = 86_400_000

describe("endurance", () => {
  it.effect("100,000 requests, each sent by the handler of the one before", () => {
    const last = Deferred.makeUnsafe<void>()
    let pool: WorkerPool.WorkerPool["Service"]
    const body = (id: string) =>
      Effect.suspend(() =>
        Number(id) === 100_000
          ? Effect.as(Deferred.succeed(last, undefined), id)
          : Effect.as(Effect.orDie(pool.submit(Work, { id: String(Number(id) + 1) })), id)
      )
    return Effect.gen(function* () {
      pool = yield* WorkerPool.WorkerPool
      yield* pool.submit(Work, { id: "1" })
      yield* Deferred.await(last)
      yield* pool.drain()
      assert.deepInclude(yield* pool.snapshot, { accepted: 100_000, succeeded: 100_000 })
    }).pipe(Effect.provide(layer(body, { minWorkers: 4000, maxWorkers: 4000 })))
  })

  it.effect("no place of a full queue is lost, under timeouts, cancels, expiries and retries", () =>
    withPool({ minWorkers: 4, maxWorkers: 4, capacity: 32, strategy: "dropping", timeout: 30, interruptGrace: 5 })(
      (bench) =>
        Effect.gen(function* () {
          const random = randomOf(7)
          const retry = RetryPolicy.make({ times: 2, base: 20 })
          const bodies = [Effect.never, Effect.sleep(25), Effect.fail("no"), Effect.die("bug"), Effect.void].map(
            (body) => Effect.as(body, "done")
          )
          const ending = Effect.as(Effect.ensuring(Effect.never, Effect.sleep(3)), "done")
          const recent: Array<Effect.Success<ReturnType<typeof bench.call>>> = []
          let refused = 0
          for (let round = 0; round < 3000; round++) {
            const id = `${round}`
            bench.on(id, random.of([...bodies, ending]))
            const call = yield* bench.call(id, {
              expiresIn: random.of([undefined, 15, 45]),
              retry: random.of([undefined, retry])
            })
            if (state(call) === "QueueFull") refused++
            recent[round % 200] = call
            if (random.below(4) === 0) random.of(recent).interruptUnsafe()
            yield* TestClock.adjust(random.of([0, 0, 1, 3]))
          }
          yield* TestClock.adjust("1 minute")
          assert.isAbove(refused, 100)
          assert.deepInclude(yield* bench.pool.snapshot, { waiting: 0, delayed: 0, running: 0, idle: 4 })
          // All places are there: four run, 32 wait, and the next is refused.
          for (let n = 0; n < 36; n++) {
            bench.on(`last ${n}`, Effect.as(Effect.sleep(20), "done"))
            assert.strictEqual(state(yield* bench.call(`last ${n}`)), "waits", `place ${n}`)
          }
          assert.strictEqual(yield* hears(bench.execute("one too many")), "QueueFull")
        })
    )
  )

  it.effect.each([30, 100])("a timeout, an expiry, a delay and a deadline of %s days come on the day", (days) =>
    withPool({ minWorkers: 4, timeout: "none" })((bench) =>
      Effect.gen(function* () {
        const length = days * dayMillis
        bench.on("timeout", Effect.never)
        bench.on("expiry", Effect.never)
        bench.on("delay", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("second")))
        bench.on("drained", Effect.never)
        const retry = RetryPolicy.make({ times: 1, base: length, cap: length, jitter: "none" })
        const calls = [
          yield* bench.call("timeout", { timeout: length }),
          yield* bench.call("expiry", { expiresIn: length }),
          yield* bench.call("delay", { retry }),
          yield* bench.call("drained")
        ]
        yield* Effect.forkChild(bench.pool.drain({ deadline: length + 1 }), { startImmediately: true })
        yield* TestClock.adjust(length - 1)
        assert.deepStrictEqual(calls.map(state), ["waits", "waits", "waits", "waits"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(calls.map(state), ["RequestTimeout", "RequestExpired", "success", "waits"])
        yield* TestClock.adjust(1)
        assert.strictEqual(state(calls[3]!), "RequestInterrupted")
      })
    )
  )

  it("one signal of 2,000 calls is left without a listener, when they have ended and when it is aborted", async () => {
    const runtime = ManagedRuntime.make(
      layer((id) => (id === "hangs" ? Effect.never : Effect.as(Effect.yieldNow, id)), { maxWorkers: 4 })
    )
    const pool = await runtime.runPromise(WorkerPool.WorkerPool)
    const controller = new AbortController()
    const { signal } = controller
    const run = (id: string) => runtime.runPromiseExit(pool.execute(Work, { id }), { signal })
    await Promise.all(Array.from({ length: 2000 }, () => run("ends")))
    assert.strictEqual(getEventListeners(signal, "abort").length, 0)
    const calls = Array.from({ length: 2000 }, () => run("hangs"))
    controller.abort()
    await Promise.all(calls)
    assert.strictEqual(getEventListeners(signal, "abort").length, 0)
    const snapshot = await runtime.runPromise(pool.snapshot)
    assert.deepInclude(snapshot, { succeeded: 2000, cancelled: 2000, waiting: 0, running: 0 })
    assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
    await runtime.dispose()
  })

  it("30 pools listen to nothing of the process", async () => {
    const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)] as const)
    const before = listeners()
    const pools = Array.from({ length: 30 }, (_, n) =>
      ManagedRuntime.make(layer(Effect.succeed, { name: `pool ${n}` }))
    )
    await Promise.all(
      pools.map((pool) => pool.runPromise(WorkerPool.WorkerPool.use((pool) => pool.execute(Work, { id: "a" }))))
    )
    assert.deepStrictEqual(listeners(), before)
    await Promise.all(pools.map((pool) => pool.dispose()))
    assert.deepStrictEqual(listeners(), before)
  })

  it.effect.each<[string, (outcomes: Stream.Stream<unknown>) => Effect.Effect<unknown, unknown>]>([
    ["takes only some", (outcomes) => Stream.runDrain(Stream.take(outcomes, 3))],
    ["fails", (outcomes) => Stream.runForEach(outcomes, () => Effect.fail("enough"))],
    ["dies", (outcomes) => Stream.runForEach(outcomes, () => Effect.die("bug"))],
    ["takes all", (outcomes) => Stream.runDrain(outcomes)]
  ])("a generator is closed once, four calls ahead at most, when the consumer of `process` %s", ([what, consume]) => {
    let pulled = 0
    let closed = 0
    let ended = 0
    let ahead = 0
    const calls = async function* () {
      try {
        while (pulled < 50) {
          ahead = Math.max(ahead, ++pulled - ended)
          yield WorkerPool.call(Work, { id: `${pulled}` })
        }
      } finally {
        closed++
      }
    }
    // What is pulled ahead of a consumer that has enough still runs, and is cancelled.
    const body = (id: string) =>
      what !== "takes all" && Number(id) > 3
        ? Effect.never
        : Effect.sync(() => {
            ended++
            return id
          })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const outcomes = pool.process(Stream.fromAsyncIterable(calls(), (error) => error).pipe(Stream.orDie), {
        outstanding: 4
      })
      yield* Effect.exit(consume(outcomes))
      assert.strictEqual(closed, 1)
      assert.isAtMost(ahead, 5)
      assert.strictEqual(pulled === 50, what === "takes all")
      const snapshot = yield* pool.snapshot
      assert.deepInclude(snapshot, { waiting: 0, running: 0, delayed: 0 })
      assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
    }).pipe(Effect.provide(layer(body)))
  })

  it("a date that is set by an hour, ahead or back, moves no deadline and makes no time negative", async () => {
    vi.useFakeTimers({ toFake: ["Date"] })
    try {
      const runtime = ManagedRuntime.make(layer(() => Effect.never, { minWorkers: 3 }))
      const pool = await runtime.runPromise(WorkerPool.WorkerPool)
      const call = (timeout: number) =>
        runtime.runPromise(Effect.flatMap(pool.submit(Work, { id: "a" }, { timeout }), (ticket) => ticket.outcome))
      const calls = [call(60), call(40), call(600_000)]
      vi.setSystemTime(Date.now() + 3_600_000)
      const soon = await calls[1]!
      vi.setSystemTime(Date.now() - 7_200_000)
      const [first] = [await calls[0]!]
      for (const [outcome, millis] of [
        [soon, 40],
        [first, 60]
      ] as const) {
        assert.strictEqual(outcome.end, "timedOut")
        assert.isAtLeast(outcome.ranMillis, millis - 0.001)
        assert.isBelow(outcome.ranMillis, 3_600_000)
        assert.isAtLeast(outcome.waitedMillis, 0)
      }
      assert.deepInclude(await runtime.runPromise(pool.snapshot), { timedOut: 2, running: 1 })
      await runtime.runPromise(pool.drain({ deadline: 0 }))
      assert.strictEqual((await calls[2]!).end, "interrupted")
      await runtime.dispose()
    } finally {
      vi.useRealTimers()
    }
  })
})
