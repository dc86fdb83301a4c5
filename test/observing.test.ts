/** What can be seen of a pool: events, dead letters, metrics and spans. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, ignoring, withPool } from "./support/bench.ts"

/** What a subscriber hears from now on. */
const listen = (bench: Bench) =>
  Effect.gen(function* () {
    const heard: Array<PoolEvent> = []
    yield* bench.pool.events.pipe(
      Stream.runForEach((event) => Effect.sync(() => heard.push(event))),
      Effect.forkChild({ startImmediately: true })
    )
    return heard
  })

const tags = (events: ReadonlyArray<PoolEvent>) => events.map((event) => event._tag)

describe("events", () => {
  it.effect("tell of requests, attempts, workers, levers and the drain, which is the last", () =>
    withPool({ maxWorkers: 4, retry: RetryPolicy.make({ times: 1, base: 10, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        const heard = yield* listen(bench)
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("a")))
        yield* bench.call("a", { id: "mine" })
        yield* TestClock.adjust(10)
        yield* bench.pool.resize(2)
        yield* bench.pool.pause
        yield* bench.pool.pause
        yield* bench.pool.resume
        yield* bench.pool.drain()
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(
          tags(heard).filter((tag) => tag !== "WorkerEnded"),
          ["AttemptFailed", "RequestEnded", "Resized", "WorkerStarted", "Paused", "Resumed", "Draining", "Drained"]
        )
        assert.deepInclude(heard[0], { id: "mine", tag: "Work", attempt: 1, error: "once", delayMillis: 10 })
        assert.deepInclude((heard[1] as any).outcome, { id: "mine", end: "succeeded", attempts: 2 })
        assert.strictEqual(heard.at(-1)!._tag, "Drained")
      })
    )
  )

  it.effect("tell of a stuck worker by name", () =>
    withPool({ maxWorkers: 1, timeout: 10, interruptGrace: 10 })((bench) =>
      Effect.gen(function* () {
        const heard = yield* listen(bench)
        bench.on("a", ignoring(100))
        yield* bench.call("a", { id: "mine" })
        yield* TestClock.adjust(20)
        assert.deepInclude(heard, { _tag: "WorkerStuck", worker: 1, id: "mine", tag: "Work" })
      })
    )
  )

  it.effect("a slow subscriber loses its oldest events and hears how many; a quick one loses none", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        const quick = yield* listen(bench)
        const latch = yield* Latch.make()
        const reading = yield* bench.pool.events.pipe(
          Stream.take(1026),
          Stream.mapEffect((event) => Effect.as(latch.await, event)),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        yield* bench.execute("first")
        yield* TestClock.adjust(0)
        for (let n = 0; n < 1124; n++) {
          yield* bench.execute("a")
          yield* Effect.yieldNow
        }
        yield* latch.open
        const slow = yield* Fiber.join(reading)
        assert.strictEqual(quick.length, 1125)
        assert.deepStrictEqual(tags(slow.slice(0, 3)), ["RequestEnded", "EventsMissed", "RequestEnded"])
        assert.deepStrictEqual(slow[1], { _tag: "EventsMissed", count: 100 })
        assert.deepStrictEqual(slow.slice(2), quick.slice(101))
      })
    )
  )

  it.effect("a subscriber that leaves is forgotten", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const first = yield* Effect.forkChild(Stream.runCollect(Stream.take(bench.pool.events, 1)), {
          startImmediately: true
        })
        yield* bench.execute("a")
        assert.strictEqual((yield* Fiber.join(first)).length, 1)
        yield* bench.execute("b")
      })
    )
  )
})

describe("dead letters", () => {
  it.effect("are those that failed or timed out, oldest first, with their payload; others are not", () =>
    withPool({ maxWorkers: 1, timeout: 10 })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("f"))
        bench.on("hangs", Effect.never)
        yield* bench.submit("fails")
        yield* bench.submit("hangs")
        yield* bench.submit("late", { expiresIn: 5 })
        yield* bench.submit("fine")
        yield* Effect.flatMap(bench.submit("gone"), (ticket) => ticket.cancel)
        yield* TestClock.adjust(10)
        const letters = yield* bench.pool.deadLetters.list
        assert.deepStrictEqual(
          letters.map(({ outcome, payload }) => [(payload as { id: string }).id, outcome.end]),
          [
            ["fails", "failed"],
            ["hangs", "timedOut"]
          ]
        )
      })
    )
  )

  it.effect("keep the last, drop the oldest, and count the dropped", () =>
    withPool({ deadLetters: 2 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          bench.on(id, Effect.fail(id))
          yield* hears(bench.execute(id, { id }))
        }
        const { dropped, list } = bench.pool.deadLetters
        assert.deepStrictEqual(
          (yield* list).map(({ outcome }) => outcome.id),
          ["b", "c"]
        )
        assert.strictEqual(yield* dropped, 1)
      })
    )
  )

  it.effect("resubmitted are new requests that say which one they repeat, and leave the list", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("a")))
        yield* hears(bench.execute("a", { id: "mine" }))
        const ticket = yield* bench.pool.deadLetters.resubmit("mine")
        assert.notStrictEqual(ticket.id, "mine")
        const outcome = yield* ticket.outcome
        assert.deepInclude(outcome, { end: "succeeded", resubmittedFrom: "mine", attempts: 1 })
        assert.deepStrictEqual(yield* bench.pool.deadLetters.list, [])
        assert.strictEqual(yield* hears(bench.pool.deadLetters.resubmit("mine")), "DeadLetterNotFound")
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 2, failed: 1, succeeded: 1 })
      })
    )
  )

  it.effect("resubmitted into a full queue come back", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("always"))
        yield* hears(bench.execute("a", { id: "mine" }))
        bench.on("b", Effect.never)
        yield* bench.submit("b")
        yield* bench.submit("c")
        assert.strictEqual(yield* hears(bench.pool.deadLetters.resubmit("mine")), "QueueFull")
        assert.strictEqual((yield* bench.pool.deadLetters.list).length, 1)
      })
    )
  )

  it.effect("discarded leave the list for good, the newest of an id first", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("a"))
        for (const id of ["mine", "other", "mine"]) yield* hears(bench.execute("a", { id }))
        const { discard, dropped, list, resubmit } = bench.pool.deadLetters
        const ids = Effect.map(list, (letters) => letters.map(({ outcome }) => outcome.id))
        assert.strictEqual(yield* discard("mine"), true)
        assert.deepStrictEqual(yield* ids, ["mine", "other"])
        assert.deepStrictEqual([yield* discard("mine"), yield* discard("mine")], [true, false])
        assert.strictEqual(yield* hears(resubmit("mine")), "DeadLetterNotFound")
        assert.deepStrictEqual([yield* ids, yield* dropped], [["other"], 0])
      })
    )
  )

  it.effect("a limit of 0 keeps none", () =>
    withPool({ deadLetters: 0 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("a"))
        yield* hears(bench.execute("a"))
        assert.deepStrictEqual(yield* bench.pool.deadLetters.list, [])
        assert.strictEqual(yield* bench.pool.deadLetters.dropped, 1)
      })
    )
  )
})
