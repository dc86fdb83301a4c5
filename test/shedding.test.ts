/** A pool that has too much to do gives up what has waited for too long: who, when, and who is left alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as Limit from "../src/Limit.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, state, withPool } from "./support/bench.ts"

/** One worker; the longest wait is 100 ms, from a second of waiting on. */
const shedding = (options: ElasticPool.Options = {}) =>
  withPool({ maxWorkers: 1, strategy: "shedding", timeout: "none", ...options })

const takes = (bench: Bench, id: string, millis: number) => bench.on(id, Effect.as(Effect.sleep(millis), id))

const starts = (bench: Bench) =>
  bench.log.flatMap((line) => (line.endsWith("start") ? [line.slice(line.indexOf(" ") + 1, -7)] : []))

const oneSlow = Limit.make({
  name: "slow",
  per: (_, { id }) => (id === "slow" ? id : undefined),
  concurrency: 1
})

/** A worker that is busy for so long, and one request that makes the second full. */
const overloaded = (bench: Bench, millis: number) =>
  Effect.gen(function* () {
    takes(bench, "long", millis)
    yield* bench.call("long")
    yield* bench.call("first")
    yield* TestClock.adjust(1000)
  })

const eventsOf = (bench: Bench) =>
  Effect.gen(function* () {
    const events: Array<PoolEvent> = []
    yield* Effect.forkChild(
      Stream.runForEach(bench.pool.events, (event) => Effect.sync(() => events.push(event))),
      { startImmediately: true }
    )
    yield* Effect.yieldNow
    return () => events.map(({ _tag }) => _tag).filter((tag) => tag === "Overloaded" || tag === "Recovered")
  })

describe("a pool that sheds", () => {
  it.effect("gives up who has waited for the target once something has waited for the interval, and not before", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        const events = yield* eventsOf(bench)
        takes(bench, "long", 10_000)
        yield* bench.call("long")
        const first = yield* bench.call("first")
        yield* TestClock.adjust(900)
        const second = yield* bench.call("second")
        yield* TestClock.adjust(1)
        const third = yield* bench.call("third")
        yield* TestClock.adjust(98)
        assert.deepStrictEqual([state(first), state(second), state(third)], ["waits", "waits", "waits"])
        assert.deepStrictEqual(events(), [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(first), state(second), state(third)], ["RequestShed", "RequestShed", "waits"])
        assert.deepStrictEqual(events(), ["Overloaded"])
        assert.deepInclude(yield* bench.pool.snapshot, { shed: 2, evicted: 2, waiting: 1 })
        assert.deepInclude(yield* Effect.flip(Fiber.join(second)), { tag: "Work", waitedMillis: 100 })
        yield* TestClock.adjust(1)
        assert.strictEqual(state(third), "RequestShed")
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(events(), ["Overloaded"], "no worker has had time for them")
        const next = yield* bench.call("next")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(next), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(next), "RequestShed")
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(events(), ["Overloaded"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(events(), ["Overloaded", "Recovered"], "nothing has come since")
      })
    )
  )

  it.effect("takes the newest first while it has too much to do, and the oldest again once it had none", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        yield* overloaded(bench, 1050)
        for (const id of ["a", "b", "c"]) {
          takes(bench, id, 10)
          yield* bench.call(id)
          yield* TestClock.adjust(1)
          yield* bench.call(`${id}'`)
        }
        yield* TestClock.adjust(200)
        takes(bench, "d", 10)
        for (const id of ["d", "e", "f"]) yield* bench.call(id)
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(starts(bench), ["long", "c'", "c", "b'", "b", "a'", "a", "d", "e", "f"])
      })
    )
  )

  it.effect("has recovered when a worker finds nothing to do", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        const events = yield* eventsOf(bench)
        yield* overloaded(bench, 1500)
        assert.deepStrictEqual(events(), ["Overloaded"])
        yield* TestClock.adjust(499)
        assert.deepStrictEqual(events(), ["Overloaded"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(events(), ["Overloaded", "Recovered"])
      })
    )
  )

  it.effect("lets retries that come back go last", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        takes(bench, "long", 1050)
        bench.on("again", (attempt) => (attempt === 1 ? Effect.fail("not yet") : Effect.succeed("again")))
        yield* bench.call("again", { retry: RetryPolicy.make({ times: 1, base: 1020, jitter: "none" }) })
        yield* bench.call("long")
        yield* bench.call("first")
        yield* TestClock.adjust(1010)
        yield* bench.call("old")
        yield* TestClock.adjust(10)
        yield* bench.call("new")
        assert.strictEqual((yield* bench.pool.snapshot).waiting, 3)
        yield* TestClock.adjust(30)
        assert.deepStrictEqual(starts(bench), ["again", "long", "new", "old", "again"])
      })
    )
  )

  it.effect("never sheds what is between two attempts: a queue that is full of those refuses", () =>
    shedding({ capacity: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("not yet"))
        const retry = RetryPolicy.make({ times: 1, base: 5000, jitter: "none" })
        const both = [yield* bench.call("fails", { retry }), yield* bench.call("fails", { retry })]
        takes(bench, "long", 3000)
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hears(bench.execute("more")), "QueueFull")
        yield* TestClock.adjust(4000)
        assert.deepStrictEqual(both.map(state), ["waits", "waits"])
        assert.deepInclude(yield* bench.pool.snapshot, { refusedFull: 1, shed: 0, evicted: 0 })
      })
    )
  )

  it.effect("ends the oldest of a full queue, whatever comes first", () =>
    shedding({ capacity: 2 })((bench) =>
      Effect.gen(function* () {
        yield* overloaded(bench, 5000)
        const calls = []
        for (const id of ["a", "b", "c"]) {
          calls.push(yield* bench.call(id))
          yield* TestClock.adjust(1)
        }
        assert.deepStrictEqual(calls.map(state), ["RequestShed", "waits", "waits"])
        assert.deepInclude(yield* Effect.flip(Fiber.join(calls[0]!)), { waitedMillis: 2 })
      })
    )
  )

  it.effect("counts no time in which it is paused", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        takes(bench, "long", 60_000)
        yield* bench.call("long")
        yield* bench.pool.pause
        const waits = yield* bench.call("waits")
        yield* TestClock.adjust(10_000)
        assert.strictEqual(state(waits), "waits")
        yield* bench.pool.resume
        yield* TestClock.adjust(999)
        assert.strictEqual(state(waits), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(waits), "RequestShed")
      })
    )
  )

  it.effect("does not give up for its wait what a limit or a pause of a part holds back", () =>
    shedding({ minWorkers: 4, maxWorkers: 4, limits: [oneSlow] })((bench) =>
      Effect.gen(function* () {
        takes(bench, "long", 5000)
        takes(bench, "slow", 5000)
        yield* bench.call("slow")
        const held = yield* bench.call("slow")
        yield* bench.pool.pauseOnly({ key: "paused" })
        const paused = yield* bench.call("paused", { key: "paused" })
        for (let others = 0; others < 4; others++) yield* bench.call("long", { key: "busy" })
        yield* TestClock.adjust(4000)
        assert.deepStrictEqual([state(held), state(paused)], ["waits", "waits"])
        assert.deepInclude(yield* bench.pool.snapshot, { shed: 1 })
        yield* TestClock.adjust(6000)
        assert.deepStrictEqual([state(held), state(paused)], ["success", "waits"])
      })
    )
  )

  it.effect("sheds in the key that floods, and not in one that is lighter than its share", () =>
    shedding({ maxWorkers: 4, minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        takes(bench, "hog", 3000)
        const hogs = []
        for (let more = 0; more < 50; more++) hogs.push(yield* bench.call("hog", { key: "hog" }))
        const light = [yield* bench.call("light", { key: "light" }), yield* bench.call("light", { key: "light" })]
        yield* TestClock.adjust(2999)
        assert.deepStrictEqual(light.map(state), ["waits", "waits"])
        // Those that run, and of the others none.
        assert.deepStrictEqual(hogs.map(state).filter((state) => state === "waits").length, 4)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(light.map(state), ["success", "success"])
      })
    )
  )

  it.effect("has too much to do where none of many keys has, but all of them together", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        const events = yield* eventsOf(bench)
        takes(bench, "long", 10_000)
        yield* bench.call("long", { key: "long" })
        const of = (key: string) => bench.call(key, { key })
        const early = [yield* of("a"), yield* of("b")]
        yield* TestClock.adjust(950)
        const late = [yield* of("c"), yield* of("d"), yield* of("e")]
        yield* TestClock.adjust(49)
        assert.deepStrictEqual([early.map(state), events()], [["waits", "waits"], []])
        yield* TestClock.adjust(50)
        assert.deepStrictEqual([early.map(state), events()], [["RequestShed", "RequestShed"], ["Overloaded"]])
        assert.deepStrictEqual(late.map(state), ["waits", "waits", "waits"])
        yield* TestClock.adjust(1)
        // The last one has no more than its half.
        assert.deepStrictEqual(late.map(state), ["RequestShed", "RequestShed", "waits"])
      })
    )
  )

  it.effect("has no timer while nothing waits, and drains", () =>
    shedding()((bench) =>
      Effect.gen(function* () {
        yield* overloaded(bench, 1500)
        for (let more = 0; more < 5; more++) yield* bench.call(`${more}`)
        yield* TestClock.adjust(20)
        const draining = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust(480)
        assert.strictEqual(state(draining), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", shed: 6, succeeded: 1 })
      })
    )
  )
})
