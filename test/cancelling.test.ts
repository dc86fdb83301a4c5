/** Many requests that are given up at once: none of those that wait is started in between. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as WorkerPool from "../src/WorkerPool.ts"
import { type Bench, withPool, Work } from "./support/bench.ts"

const ids = Array.from({ length: 100 }, (_, at) => `r${at}`)
const started = (bench: Bench) => bench.log.filter((line) => line.endsWith("start")).length

/** One runs and 99 wait; then `cancel` gives all of them up. */
const cancelling = (cancel: (bench: Bench) => Effect.Effect<unknown, unknown>, workers = 1) =>
  withPool({ minWorkers: workers, maxWorkers: workers, interruptGrace: 50 })((bench) =>
    Effect.gen(function* () {
      for (const id of ids) bench.on(id, Effect.never)
      yield* cancel(bench)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(started(bench), workers)
      assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 100, waiting: 0, running: 0 })
    })
  )

const tickets = (bench: Bench) => Effect.forEach(ids, (id) => bench.submit(id))
const inBulk = <A, E>(call: (bench: Bench, id: string) => Effect.Effect<A, E>) =>
  cancelling((bench) =>
    Effect.gen(function* () {
      const all = yield* Effect.forkChild(
        Effect.all(
          ids.map((id) => call(bench, id)),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(all)
    })
  )
/** As a program without Effect cancels: each call has its own fiber and all have one signal. */
const bySignal = <A, E>(call: (bench: Bench, id: string) => Effect.Effect<A, E>) =>
  cancelling((bench) =>
    Effect.gen(function* () {
      const controller = new AbortController()
      const run = Effect.runPromiseExitWith(yield* Effect.context<never>())
      const callers = ids.map((id) => run(call(bench, id), { signal: controller.signal }))
      controller.abort()
      yield* Effect.promise(() => Promise.all(callers))
    })
  )
const execute = (bench: Bench, id: string) => bench.execute(id)
const run = (bench: Bench, id: string) => bench.pool.run(Effect.scoped(bench.body(id)))

describe("of 100 requests that are all given up, of which one runs, no other one is started", () => {
  it.effect("the callers of execute are interrupted together", () => inBulk(execute))
  it.effect("the callers of run are interrupted together", () => inBulk(run))
  it.effect("one AbortSignal of 100 execute", () => bySignal(execute))
  it.effect("one AbortSignal of 100 run", () => bySignal(run))
  it.effect("their tickets are cancelled in order", () =>
    cancelling((bench) => Effect.flatMap(tickets(bench), (all) => Effect.forEach(all, (ticket) => ticket.cancel)))
  )
  it.effect("their tickets are cancelled, the last one first", () =>
    cancelling((bench) =>
      Effect.flatMap(tickets(bench), (all) => Effect.forEach(all.toReversed(), (ticket) => ticket.cancel))
    )
  )
  it.effect("their tickets are cancelled in order, four of them run", () =>
    cancelling((bench) => Effect.flatMap(tickets(bench), (all) => Effect.forEach(all, (ticket) => ticket.cancel)), 4)
  )
  it.effect("process is interrupted", () =>
    cancelling((bench) =>
      Effect.gen(function* () {
        const calls = Stream.fromIterable(ids.map((id) => WorkerPool.call(Work, { id })))
        const all = yield* Effect.forkChild(Stream.runDrain(bench.pool.process(calls)), { startImmediately: true })
        yield* Effect.repeat(Effect.yieldNow, { times: 20 })
        assert.strictEqual(started(bench), 1)
        yield* Fiber.interrupt(all)
      })
    )
  )
  it.effect("the stream of process is left by its consumer", () =>
    withPool({ maxWorkers: 1, interruptGrace: 50 })((bench) =>
      Effect.gen(function* () {
        for (const id of ids.slice(1)) bench.on(id, Effect.never)
        const calls = Stream.fromIterable(ids.map((id) => WorkerPool.call(Work, { id })))
        yield* Stream.runHead(bench.pool.process(calls))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(started(bench), 2)
      })
    )
  )
})

describe("of 100 requests that expire in one instant", () => {
  it.effect("no other one is started", () =>
    withPool({ maxWorkers: 1, expiresIn: 30, interruptGrace: 50 })((bench) =>
      Effect.gen(function* () {
        for (const id of ids) bench.on(id, Effect.never)
        yield* tickets(bench)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(started(bench), 1)
        assert.deepInclude(yield* bench.pool.snapshot, { expired: 100, waiting: 0, running: 0 })
      })
    )
  )

  it.effect("nor is one whose worker comes free in that very instant", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("first", Effect.as(Effect.sleep(30), "first"))
        yield* bench.call("first")
        const late = yield* bench.submit("late", { expiresIn: 30 })
        yield* TestClock.adjust(30)
        assert.deepInclude(yield* late.outcome, { end: "expired", attempts: 0 })
        assert.deepStrictEqual(bench.log, ["0 first1 start", "30 first1 success"])
      })
    )
  )
})

describe("at the deadline of a drain", () => {
  it.effect("what waits is not started", () =>
    withPool({ maxWorkers: 1, interruptGrace: 50 })((bench) =>
      Effect.gen(function* () {
        for (const id of ids) bench.on(id, Effect.never)
        yield* tickets(bench)
        const draining = yield* Effect.forkChild(bench.pool.drain({ deadline: 30 }), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* Fiber.join(draining), { interruptedCount: 100 })
        assert.strictEqual(started(bench), 1)
      })
    )
  )
})
