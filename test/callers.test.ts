/** Callers that give up, tickets, and requests that nobody waits for. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { hears, ignoring, slowly, state, withPool, Work, Works } from "./support/bench.ts"
import { ownClock } from "./support/ownClock.ts"

const retry = RetryPolicy.make({ times: 3, base: 100, jitter: "none" })

describe("interrupting execute", () => {
  it.effect("withdraws a waiting request: it never runs", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        yield* bench.call("a")
        const b = yield* bench.call("b")
        yield* Fiber.interrupt(b)
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 1, waiting: 0 })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "100 a1 success"])
      })
    )
  )

  it.effect("withdraws a delayed request: there is no further attempt", () =>
    withPool({ maxWorkers: 1, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("always"))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(50)
        yield* Fiber.interrupt(a)
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 1, delayed: 0 })
        yield* TestClock.adjust("1 second")
        assert.strictEqual(bench.log.length, 2)
      })
    )
  )

  it.effect("settles a running one as cancelled at once, and waits for its finalizers", () =>
    withPool({ maxWorkers: 1, interruptGrace: 1000 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(50)(Effect.never))
        const a = yield* bench.call("a")
        const stopping = yield* Effect.forkChild(Fiber.interrupt(a), { startImmediately: true })
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 1, running: 0, ending: 1 })
        yield* TestClock.adjust(49)
        assert.strictEqual(state(stopping), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(stopping), "success")
        assert.strictEqual(state(a), "interrupted")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "50 a1 interrupted"])
      })
    )
  )

  it.effect("waits for them at most `interruptGrace`", () =>
    withPool({ maxWorkers: 1, interruptGrace: 200 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", ignoring(5000))
        const a = yield* bench.call("a")
        const stopping = yield* Effect.forkChild(Fiber.interrupt(a), { startImmediately: true })
        yield* TestClock.adjust(199)
        assert.strictEqual(state(stopping), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(stopping), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 1, stuck: 1, ending: 0 })
      })
    )
  )

  it.effect("ends what was cancelled between a timeout and the end of its attempt", () =>
    withPool({ maxWorkers: 1, timeout: 100, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(50)(Effect.never))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(120)
        const stopping = yield* Effect.forkChild(Fiber.interrupt(a), { startImmediately: true })
        yield* TestClock.adjust(30)
        assert.strictEqual(state(stopping), "success")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(bench.log, ["0 a1 start", "150 a1 interrupted"])
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 1, timedOut: 0 })
      })
    )
  )
})

describe("a ticket", () => {
  it.effect("calls back in the step of the end, or at once after it, and counts attempts", () =>
    withPool({ idPrefix: "p-" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const ticket = yield* bench.submit("a")
        const heard: Array<string> = []
        ticket.onEnd(({ end, id }) => heard.push(`${id} ${end}`))
        yield* TestClock.adjust(9)
        assert.deepStrictEqual([heard, yield* ticket.attempts], [[], 1])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(heard, ["p-1 succeeded"])
        ticket.onEnd(({ end }) => heard.push(end))
        assert.deepStrictEqual(heard, ["p-1 succeeded", "succeeded"])
      })
    )
  )

  it.effect("that nobody awaits still runs", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        yield* bench.submit("a")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(bench.log, ["0 a1 start", "10 a1 success"])
      })
    )
  )

  it.effect("answers everybody who awaits it, early or late", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "value"))
        const ticket = yield* bench.submit("a")
        const early = yield* Effect.forkChild(Effect.all([ticket.await, ticket.await], { concurrency: 2 }))
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(yield* Fiber.join(early), ["value", "value"])
        assert.strictEqual(yield* ticket.await, "value")
      })
    )
  )

  it.effect("whose await is interrupted goes on", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const ticket = yield* bench.submit("a")
        const waiting = yield* Effect.forkChild(ticket.await, { startImmediately: true })
        yield* Fiber.interrupt(waiting)
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* ticket.await, "a")
      })
    )
  )

  it.effect("knows its id, its tag and where its request is", () =>
    withPool({ maxWorkers: 1, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.andThen(Effect.sleep(10), Effect.fail("f")))
        bench.on("b", Effect.sleep(50).pipe(Effect.as("b")))
        const b = yield* bench.submit("b")
        const a = yield* bench.submit("a", { id: "mine" })
        assert.deepStrictEqual([a.id, a.tag, b.id], ["mine", "Work", "1"])
        const statuses = [yield* a.status]
        for (const at of [50, 10, 390, 400]) {
          yield* TestClock.adjust(at)
          statuses.push(yield* a.status)
        }
        assert.deepStrictEqual(statuses, ["waiting", "running", "delayed", "delayed", "ended"])
      })
    )
  )

  it.effect("cancelled while waiting is withdrawn, while running interrupting, afterwards settled", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(50)(Effect.never))
        const a = yield* bench.submit("a")
        const b = yield* bench.submit("b")
        const c = yield* bench.submit("c")
        assert.strictEqual(yield* b.cancel, "withdrawn")
        assert.strictEqual(yield* b.cancel, "settled")
        assert.strictEqual(yield* a.cancel, "interrupting")
        assert.strictEqual(yield* a.cancel, "settled")
        assert.strictEqual(yield* hears(a.await), "RequestCancelled")
        assert.strictEqual(yield* hears(b.await), "RequestCancelled")
        yield* TestClock.adjust(50)
        assert.strictEqual(yield* c.await, "c")
        assert.strictEqual(yield* c.cancel, "settled")
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 2, succeeded: 1 })
      })
    )
  )

  it.effect("cancelled while delayed is withdrawn", () =>
    withPool({ maxWorkers: 1, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("always"))
        const a = yield* bench.submit("a")
        yield* TestClock.adjust(50)
        assert.strictEqual(yield* a.cancel, "withdrawn")
        assert.strictEqual((yield* a.outcome).attempts, 1)
      })
    )
  )

  it.effect("tells the whole outcome, with the times it waited and ran", () =>
    withPool({ maxWorkers: 1, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(30), "a"))
        bench.on("b", (n) => Effect.andThen(Effect.sleep(10), n === 1 ? Effect.fail("once") : Effect.succeed("b")))
        yield* bench.submit("a")
        const b = yield* bench.submit("b")
        yield* TestClock.adjust("1 second")
        const { exit, ...rest } = yield* b.outcome
        assert.deepStrictEqual(rest, {
          _tag: "Outcome",
          id: "2",
          tag: "Work",
          end: "succeeded",
          attempts: 2,
          waitedMillis: 130,
          ranMillis: 20,
          resubmittedFrom: undefined
        })
        assert.strictEqual(yield* exit, "b")
      })
    )
  )
})

describe("a caller that goes on for long when it hears", () => {
  it.effect("takes its time from nobody's attempt: the next request waited for so long", () => {
    const clock = ownClock()
    const handlers = Layer.provide(Handlers.layer(Works), Works.toLayer({ Work: ({ id }) => Effect.succeed(id) }))
    return Effect.gen(function* () {
      const { pool } = yield* ElasticPool.make({ maxWorkers: 1, scaling: "none" }).pipe(Effect.provide(handlers))
      yield* pool.pause
      const [first, second] = [yield* pool.submit(Work, { id: "a" }), yield* pool.submit(Work, { id: "b" })]
      const busy = yield* Effect.forkChild(
        Effect.map(first.await, () => {
          clock.pass(100)
        }),
        { startImmediately: true }
      )
      yield* pool.resume
      yield* Fiber.join(busy)
      assert.deepInclude(yield* second.outcome, { waitedMillis: 100, ranMillis: 0 })
    }).pipe(Effect.scoped, Effect.provideService(Clock.Clock, clock))
  })
})
