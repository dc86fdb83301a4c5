/** Calls of the same identity: what a second one is to the first. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Call from "../src/Call.ts"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as RequestPolicy from "../src/RequestPolicy.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { Act, makeWorld } from "./model/world.ts"
import { type Bench, hears, state, withPool, Work } from "./support/bench.ts"
import { randomOf } from "./support/random.ts"

type Options = Call.Options
const join: Options = { primaryKey: "k", duplicate: "join" }
const replace: Options = { primaryKey: "k", duplicate: "replace" }
const latest: Options = { primaryKey: "k", duplicate: "latest" }

const starts = (bench: Bench) => bench.log.filter((line) => line.endsWith("start")).map((line) => line.split(" ")[1])
const after = (millis: number, value: string) => Effect.as(Effect.sleep(millis), value)

/** One worker, which is busy for so long; those that are called meanwhile wait. */
const behind = (bench: Bench, millis: number) => {
  bench.on("runs", after(millis, "runs"))
  return bench.call("runs")
}

describe("join", () => {
  it.effect("waits for the end of the one that is there: one attempt, and the same answer", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "of a"))
        const a = yield* bench.call("a", { ...join, id: "first" })
        const b = yield* bench.submit("b", join)
        assert.strictEqual(b.id, "first")
        assert.strictEqual(yield* b.status, "running")
        assert.strictEqual(yield* b.attempts, 1)
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* Fiber.join(a), "of a")
        assert.strictEqual(yield* b.await, "of a")
        assert.deepInclude(yield* b.outcome, { id: "first", end: "succeeded", attempts: 1, ranMillis: 10 })
        assert.deepStrictEqual(starts(bench), ["a1"])
        assert.deepInclude(yield* bench.pool.snapshot, { offered: 1, accepted: 1, joined: 1, succeeded: 1 })
        // It never matches one that has ended.
        assert.strictEqual(yield* bench.execute("c", join), "c")
      })
    )
  )

  it.effect("of one that has another identity, tag, or none joins nothing", () =>
    withPool({ minWorkers: 9 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "d"]) bench.on(id, Effect.never)
        yield* bench.call("a", join)
        yield* bench.call("b", { ...join, primaryKey: "other" })
        yield* bench.call("d", { primaryKey: "k" })
        yield* Effect.forkChild(bench.pool.run(Effect.never, join), { startImmediately: true })
        assert.deepInclude(yield* bench.pool.snapshot, { joined: 0, running: 4 })
      })
    )
  )

  it.effect("1,000 callers of one key, of whom any are cancelled in any order", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 6; seed++) {
        const random = randomOf(seed)
        yield* withPool({ maxWorkers: 1 })((bench) =>
          Effect.gen(function* () {
            if (random.below(2) === 0) yield* behind(bench, 5)
            bench.on("a", after(10, "of a"))
            const calls = yield* Effect.forEach(Array.from({ length: 1000 }), () => bench.call("a", join))
            const gone = new Set<number>()
            const leave = (most: number) =>
              Effect.gen(function* () {
                for (let left = random.below(most); left > 0; left--) {
                  const at = random.below(calls.length)
                  if (!gone.has(at)) yield* Fiber.interrupt(calls[at]!)
                  gone.add(at)
                }
              })
            yield* leave(400)
            yield* TestClock.adjust(7)
            yield* leave(400)
            yield* TestClock.adjust(10)
            assert.deepStrictEqual(
              calls.map(state),
              calls.map((_, at) => (gone.has(at) ? "interrupted" : "success"))
            )
            assert.strictEqual(starts(bench).filter((start) => start === "a1").length, 1)
            assert.deepInclude(yield* bench.pool.snapshot, { joined: 999, cancelled: 0, abandoned: 0 })
          })
        )
      }
    })
  )

  it.effect("the last one to go cancels it, and waits for its finalizers; the others do not", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on(
          "a",
          Effect.onInterrupt(Effect.never, () => Effect.sleep(20))
        )
        const first = yield* bench.call("a", join)
        const second = yield* bench.call("a", join)
        yield* Fiber.interrupt(first)
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, cancelled: 0 })
        const leaving = yield* Effect.forkChild(Fiber.interrupt(second), { startImmediately: true })
        yield* TestClock.adjust(19)
        assert.strictEqual(state(leaving), "waits")
        assert.deepInclude(yield* bench.pool.snapshot, { running: 0, ending: 1, cancelled: 1 })
        // It is ending: nobody joins it.
        const third = yield* bench.call("b", join)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(leaving), state(third)], ["success", "success"])
        assert.deepStrictEqual(starts(bench), ["a1", "b1"])
      })
    )
  )

  it.effect("a ticket has its share until it is cancelled, whether or not anybody awaits it", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "a"))
        const first = yield* bench.submit("a", join)
        const second = yield* bench.submit("a", join)
        const waits = yield* Effect.forkChild(second.await, { startImmediately: true })
        yield* Fiber.interrupt(waits)
        assert.strictEqual(yield* first.cancel, "withdrawn")
        assert.strictEqual(yield* first.cancel, "settled")
        assert.strictEqual(yield* first.status, "ended")
        assert.strictEqual(yield* hears(first.await), "RequestCancelled")
        assert.deepInclude(yield* first.outcome, { end: "cancelled", attempts: 1 })
        assert.strictEqual(yield* second.status, "running")
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* second.await, "a")
      })
    )
  )

  it.effect("the options of the first one hold, and it is retried for all", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
        const retry = RetryPolicy.make({ times: 1, base: 10, jitter: "none" })
        const a = yield* bench.call("a", { ...join, retry })
        const b = yield* bench.call("a", { ...join, expiresIn: 5, retry: "none" })
        yield* TestClock.adjust(9)
        assert.deepStrictEqual([state(a), state(b)], ["waits", "waits"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(b)], ["yes", "yes"])
      })
    )
  )

  it.effect("of a blocked one is blocked with it: that goes on when its first caller has gone", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 10)
        yield* bench.call("fills")
        const first = yield* bench.call("a", join)
        const second = yield* Effect.forkChild(bench.submit("a", join), { startImmediately: true })
        const third = yield* bench.call("a", join)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, joined: 2 })
        yield* Fiber.interrupt(first)
        assert.strictEqual(state(second), "waits")
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, abandoned: 0 })
        yield* TestClock.adjust(10)
        const ticket = yield* Fiber.join(second)
        assert.deepStrictEqual([yield* ticket.await, yield* Fiber.join(third)], ["a", "a"])
      })
    )
  )

  it.effect(
    "of a blocked one whose callers all go is no request, and of one that expires at the door they all hear",
    () =>
      withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
        Effect.gen(function* () {
          bench.on("runs", Effect.never)
          yield* bench.call("runs")
          yield* bench.call("fills")
          const first = yield* bench.call("a", join)
          const second = yield* bench.call("a", join)
          yield* Fiber.interrupt(first)
          yield* Fiber.interrupt(second)
          assert.deepInclude(yield* bench.pool.snapshot, { blocked: 0, abandoned: 1, accepted: 2 })
          const third = yield* bench.call("a", { ...join, expiresIn: 5 })
          const fourth = yield* Effect.forkChild(bench.submit("a", join), { startImmediately: true })
          yield* TestClock.adjust(5)
          assert.deepStrictEqual([state(third), state(fourth)], ["RequestExpired", "RequestExpired"])
        })
      )
  )

  it.effect("a request that would join itself is refused, at once or by way of another one", () =>
    withPool({ maxWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        const heard: Array<string> = []
        const asks = (id: string, options?: Options) =>
          Effect.flatMap(hears(bench.execute(id, options)), (word) => Effect.sync(() => void heard.push(word)))
        bench.on("a", Effect.as(asks("b", join), "a"))
        yield* bench.execute("a", join)
        bench.on("c", Effect.as(asks("d"), "c"))
        bench.on("d", Effect.as(asks("e", join), "d"))
        yield* bench.execute("c", join)
        assert.deepStrictEqual(heard, ["NestedWaitRefused", "NestedWaitRefused", "success"])
        assert.deepInclude(yield* bench.pool.snapshot, { joined: 0, invalid: 2 })
      })
    )
  )

  it.effect("an attempt that joins what waits lends it its slot", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(5, "a"))
        const gate = yield* Deferred.make<void>()
        bench.on("asks", Effect.andThen(Deferred.await(gate), Effect.orDie(bench.execute("a", join))))
        const asks = yield* bench.call("asks")
        const a = yield* bench.call("a", join)
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust(5)
        assert.deepStrictEqual([state(asks), state(a)], ["success", "success"])
        assert.deepStrictEqual(starts(bench), ["asks1", "a1"])
      })
    )
  )

  it.effect("each call of a stream that joins has its own outcome", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "of a"))
        const calls = Stream.fromIterable(["a", "b", "c"].map((id) => Call.make(Work, { id }, { ...join, id })))
        const outcomes = yield* Effect.forkChild(Stream.runCollect(bench.pool.process(calls, { ordered: true })), {
          startImmediately: true
        })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(
          (yield* Fiber.join(outcomes)).map((one) => [one._tag, one._tag === "Outcome" && one.id]),
          Array.from({ length: 3 }, () => ["Outcome", "a"])
        )
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 1, joined: 2 })
      })
    )
  )

  it.effect("a draining pool turns away who would join as well", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "a"))
        const a = yield* bench.call("a", join)
        yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        assert.strictEqual(yield* hears(bench.execute("a", join)), "PoolDraining")
        yield* TestClock.adjust(10)
        assert.strictEqual(state(a), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { joined: 0, refusedDraining: 1 })
      })
    )
  )

  it.effect("one that is cancelled as a whole ends for all of them", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const calls = yield* Effect.forEach([1, 2, 3], () => bench.call("a", join))
        assert.strictEqual(yield* bench.pool.cancelAll({ tag: "Work" }), 1)
        assert.deepStrictEqual(
          calls.map(state),
          Array.from({ length: 3 }, () => "RequestCancelled")
        )
      })
    )
  )

  it.effect("a dead letter that is sent again joins what is there", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("no") : after(10, "yes")))
        yield* Effect.exit(bench.execute("a", { ...join, id: "dead" }))
        const there = yield* bench.submit("a", { ...join, id: "there" })
        const again = yield* bench.pool.deadLetters.resubmit("dead")
        assert.strictEqual(again.id, "there")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([yield* again.await, yield* there.await], ["yes", "yes"])
      })
    )
  )
})

describe("reject", () => {
  it.effect("is refused, and says what is there", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "a"))
        const reject: Options = { primaryKey: "k", duplicate: "reject" }
        const a = yield* bench.call("a", { ...reject, id: "first" })
        const error = yield* Effect.flip(bench.execute("b", reject))
        assert.deepInclude(error, { _tag: "DuplicateRequest", tag: "Work", id: "first", primaryKey: "k" })
        assert.deepInclude(yield* bench.pool.snapshot, { offered: 2, accepted: 1, refused: 1, refusedDuplicate: 1 })
        yield* TestClock.adjust(10)
        assert.strictEqual(state(a), "success")
        assert.strictEqual(yield* bench.execute("c", reject), "c")
      })
    )
  )
})

describe("replace", () => {
  it.effect("one that waits gives way: the new one has its place", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 10)
        const old = yield* bench.call("old", replace)
        yield* bench.call("other")
        yield* bench.call("new", { ...replace, id: "newer" })
        assert.deepInclude(yield* Effect.flip(Fiber.join(old)), { _tag: "RequestReplaced", by: "newer" })
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 4, cancelled: 1, waiting: 2 })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(starts(bench), ["runs1", "new1", "other1"])
      })
    )
  )

  it.effect.each([
    ["the same", {}, ["runs1", "new1", "other1", "b1"]],
    ["another", { priority: -1 }, ["runs1", "other1", "b1", "new1"]]
  ] as const)("with keys it has the place in its lane, if that is %s", ([, more, expected]) =>
    withPool({ maxWorkers: 1, aging: "none" })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 10)
        const old = yield* bench.call("old", { ...replace, key: "t" })
        yield* bench.call("other", { key: "t" })
        yield* bench.call("new", { ...replace, key: "t", ...more })
        yield* bench.call("b", { key: "t" })
        assert.strictEqual(state(old), "RequestReplaced")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(starts(bench), [...expected])
      })
    )
  )

  it.effect("never one that runs: it runs beside, and two may wait of which the new one replaces the last", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) bench.on(id, after(10, id))
        const calls = yield* Effect.forEach(["a", "b", "c", "d"], (id) => bench.call(id, replace))
        assert.deepStrictEqual(calls.map(state), ["waits", "waits", "RequestReplaced", "waits"])
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(starts(bench), ["a1", "b1", "d1"])
      })
    )
  )

  it.effect("one between two attempts gives way; while its attempt runs it does not", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        const retry = RetryPolicy.make({ times: 1, base: 100, jitter: "none" })
        bench.on("a", Effect.andThen(Effect.sleep(10), Effect.fail("no")))
        const a = yield* bench.call("a", { ...replace, retry })
        yield* TestClock.adjust(9)
        const b = yield* bench.call("b", replace)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(a), state(b)], ["waits", "success"])
        yield* bench.call("c", replace)
        assert.strictEqual(state(a), "RequestReplaced")
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(starts(bench), ["a1", "b1", "c1"])
      })
    )
  )

  it.effect("a blocked one gives way at the door, where the new one stands in its place", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 10)
        yield* bench.call("fills")
        const old = yield* bench.call("old", replace)
        yield* bench.call("other")
        yield* bench.call("new", replace)
        assert.strictEqual(state(old), "RequestReplaced")
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 2, abandoned: 1, cancelled: 0 })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(starts(bench), ["runs1", "fills1", "new1", "other1"])
      })
    )
  )

  it.effect("takes the place of one that is full of it: nobody comes between, and none is refused", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 10)
        yield* bench.call("old", replace)
        const fresh = yield* bench.call("new", replace)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 1, refusedFull: 0 })
        yield* TestClock.adjust(10)
        assert.strictEqual(state(fresh), "success")
      })
    )
  )

  it.effect("in the instant of its start it has begun", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 10)
        bench.on("old", after(5, "old"))
        const old = yield* bench.call("old", replace)
        const called = yield* Effect.forkChild(Effect.andThen(Effect.sleep(10), bench.execute("new", replace)), {
          startImmediately: true
        })
        yield* TestClock.adjust(15)
        assert.deepStrictEqual([state(old), state(called)], ["success", "success"])
      })
    )
  )
})

describe("latest", () => {
  it.effect("waits until the one that runs has ended, and the last of those that wait runs", () =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "a"))
        const calls = yield* Effect.forEach(["a", "b", "c", "d"], (id) => bench.call(id, latest))
        assert.deepStrictEqual(calls.map(state), ["waits", "RequestReplaced", "RequestReplaced", "waits"])
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, delayed: 1, waiting: 0, scheduled: 0 })
        // When the other one ends, nobody knows.
        assert.deepInclude((yield* bench.pool.list({ phase: "delayed" }))[0], { startsInMillis: undefined })
        yield* TestClock.adjust(9)
        assert.strictEqual(state(calls[3]!), "waits")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(starts(bench), ["a1", "d1"])
        assert.strictEqual(state(calls[3]!), "success")
      })
    )
  )

  it.effect("the one that ran is not tried again then, and its finalizers come first", () =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        const retry = RetryPolicy.make({ times: 5, base: 100, jitter: "none" })
        bench.on("a", Effect.andThen(Effect.sleep(10), Effect.fail("no")))
        const a = yield* bench.call("a", { ...latest, retry })
        bench.on(
          "b",
          Effect.onInterrupt(Effect.never, () => Effect.sleep(20))
        )
        const b = yield* bench.submit("b", latest)
        yield* TestClock.adjust(10)
        assert.strictEqual(state(a), "RequestReplaced")
        assert.strictEqual(yield* b.status, "running")
        assert.strictEqual(yield* b.cancel, "interrupting")
        const c = yield* bench.call("c", latest)
        yield* TestClock.adjust(19)
        assert.strictEqual(state(c), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(c), "success")
      })
    )
  )

  it.effect("what is held back expires, is cancelled, and a drain finishes it", () =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "a"))
        yield* bench.call("a", latest)
        const b = yield* bench.call("b", { ...latest, expiresIn: 5 })
        yield* TestClock.adjust(5)
        assert.strictEqual(state(b), "RequestExpired")
        const c = yield* bench.submit("c", latest)
        assert.strictEqual(yield* c.cancel, "withdrawn")
        const d = yield* bench.call("d", latest)
        const drain = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust(5)
        assert.deepStrictEqual([state(d), state(drain)], ["success", "success"])
      })
    )
  )

  it.effect.each([{ waiting: "interrupt" as const }, { deadline: 5 }])("a drain with %o interrupts it", (options) =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", after(10, "a"))
        yield* bench.call("a", latest)
        const b = yield* bench.call("b", latest)
        const drain = yield* Effect.forkChild(bench.pool.drain(options), { startImmediately: true })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([state(b), state(drain)], ["RequestInterrupted", "success"])
      })
    )
  )

  it.effect("one that would wait for its own attempt to end is refused", () =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.map(hears(bench.execute("b", latest)), String))
        assert.strictEqual(yield* bench.execute("a", latest), "NestedWaitRefused")
        bench.on("c", Effect.orDie(bench.execute("d")))
        bench.on("d", Effect.map(hears(bench.execute("b", latest)), String))
        assert.strictEqual(yield* bench.execute("c", latest), "NestedWaitRefused")
      })
    )
  )

  it.effect("a stuck one is not waited for", () =>
    withPool({ minWorkers: 4, interruptGrace: 20, timeout: 10 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.uninterruptible(after(1000, "a")))
        yield* bench.call("a", latest)
        const b = yield* bench.call("b", latest)
        yield* TestClock.adjust(29)
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(b), "success")
      })
    )
  )

  it.effect("at most one runs and one waits, and the last value wins: random calls against a naive model", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 60; seed++) {
        const random = randomOf(seed)
        yield* withPool({ minWorkers: 3, ...(seed % 2 === 0 ? { limits: [] } : { key: () => "all" }) })((bench) =>
          Effect.gen(function* () {
            // The model: what runs until when, and what comes after it.
            let now = yield* Clock.currentTimeMillis
            let running: { readonly id: string; readonly until: number } | undefined
            let waiting: string | undefined
            const expected: Array<string> = []
            const durations = new Map<string, number>()
            const begin = (id: string, at: number) => {
              expected.push(`${at} ${id}1 start`)
              running = { id, until: at + durations.get(id)! }
            }
            const go = (until: number) => {
              while (running !== undefined && running.until <= until) {
                const { until: at } = running
                running = undefined
                if (waiting !== undefined) begin(waiting, at)
                waiting = undefined
              }
            }
            for (let call = 0; call < 30; call++) {
              const id = `c${call}`
              const millis = 1 + random.below(12)
              durations.set(id, millis)
              bench.on(id, after(millis, id))
              go(now)
              if (running === undefined) begin(id, now)
              else waiting = id
              yield* bench.call(id, latest)
              const { delayed, running: runs, waiting: waits } = yield* bench.pool.snapshot
              assert.isAtMost(runs, 1)
              assert.isAtMost(delayed + waits, 1)
              const step = random.below(6)
              now += step
              yield* TestClock.adjust(step)
            }
            yield* TestClock.adjust(100)
            go(now + 100)
            assert.strictEqual(bench.peak, 1)
            assert.deepStrictEqual(
              bench.log.filter((line) => line.endsWith("start")),
              expected,
              `seed ${seed}`
            )
          })
        )
      }
    })
  )
})

describe("debounce", () => {
  it.effect("starts so long after the last call, and no later after the first than it may", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const options: Options = { ...replace, debounce: 10, debounceAtMost: 25 }
        for (const id of ["a", "b", "c", "d"]) {
          yield* bench.call(id, options)
          if (id !== "d") yield* TestClock.adjust(8)
        }
        // Called at 0, 8, 16 and 24: by the last one at 34, by the first at 25.
        yield* TestClock.adjust(0.5)
        assert.deepStrictEqual(starts(bench), [])
        yield* TestClock.adjust(0.5)
        assert.deepStrictEqual(
          bench.log.filter((line) => line.endsWith("start")),
          ["25 d1 start"]
        )
        // A new run has all of its time.
        yield* bench.call("e", options)
        yield* TestClock.adjust(9)
        assert.deepStrictEqual(starts(bench), ["d1"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(starts(bench), ["d1", "e1"])
      })
    )
  )

  it.effect("without a bound each call puts it off, also from a place in the queue", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behind(bench, 50)
        const options: Options = { ...replace, debounce: 10 }
        yield* bench.call("a", options)
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 1, delayed: 0 })
        yield* bench.call("b", options)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 0, delayed: 1, cancelled: 1 })
        yield* TestClock.adjust(39)
        yield* bench.call("c", options)
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(
          bench.log.filter((line) => line.endsWith("start")),
          ["0 runs1 start", "59 c1 start"]
        )
      })
    )
  )

  it.effect("with latest it waits for both: the time, and the end of the one that runs", () =>
    withPool({ minWorkers: 3 })((bench) =>
      Effect.gen(function* () {
        const options: Options = { ...latest, debounce: 10 }
        bench.on("a", after(30, "a"))
        yield* bench.call("a", options)
        yield* TestClock.adjust(10)
        yield* bench.call("b", options)
        yield* TestClock.adjust(25)
        yield* bench.call("c", options)
        assert.deepStrictEqual(starts(bench), ["a1"])
        yield* TestClock.adjust(9)
        assert.deepStrictEqual(starts(bench), ["a1"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(starts(bench), ["a1", "c1"])
      })
    )
  )

  it.effect("a drain that is over before then ends it at once; one that is not waits for it", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const a = yield* bench.call("a", { ...replace, debounce: 10 })
        const b = yield* bench.call("b", { ...replace, primaryKey: "other", debounce: 100 })
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: 50 }), { startImmediately: true })
        assert.deepStrictEqual([state(a), state(b)], ["waits", "RequestInterrupted"])
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([state(a), state(drain)], ["success", "success"])
      })
    )
  )

  it.effect.each([
    [{ debounce: 10 }, "debounce", 'unset, unless `duplicate` is "replace" or "latest"'],
    [{ ...join, debounce: 10 }, "debounce", 'unset, unless `duplicate` is "replace" or "latest"'],
    [{ ...replace, debounce: 0 }, "debounce", "a finite duration above zero"],
    [{ ...replace, debounce: "none" as never }, "debounce", "a finite duration above zero"],
    [{ ...replace, debounceAtMost: 10 }, "debounceAtMost", "unset, without a `debounce`"],
    [{ ...replace, debounce: 10, debounceAtMost: 9 }, "debounceAtMost", "at least `debounce`"],
    [{ duplicate: "merge" as never }, "duplicate", '"allow" or "join" or "reject" or "replace" or "latest"'],
    [{ primaryKey: "" }, "primaryKey", "a text that is not empty"],
    [{ duplicate: "join" }, "primaryKey", 'a text that says of what it is a duplicate, with `duplicate` "join"'],
    [
      { duplicate: "latest", debounce: 10 },
      "primaryKey",
      'a text that says of what it is a duplicate, with `duplicate` "latest"'
    ],
    [{ primaryKey: 7 as never }, "primaryKey", "a text that is not empty"],
    [{ group: "" }, "group", "a text that is not empty"]
  ] satisfies ReadonlyArray<readonly [Options, string, string]>)("%o is refused", ([options, field, expected]) =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.execute("a", options))
        assert.deepInclude(error, { _tag: "InvalidRequestOption", field, expected })
      })
    )
  )
})

describe("the primary key of an Rpc", () => {
  const Keyed = Rpc.make("Keyed", { payload: { key: Schema.Any }, primaryKey: ({ key }) => key() }).annotate(
    RequestPolicy.RequestPolicy,
    { duplicate: "join" }
  )
  const None = Rpc.make("None").annotate(RequestPolicy.RequestPolicy, { duplicate: "join" })
  const All = RpcGroup.make(Keyed, None)
  const handlers = Handlers.layer(All).pipe(
    Layer.provide(All.toLayer({ Keyed: () => Effect.never, None: () => Effect.never }))
  )
  const withKeyed = <A, E>(body: (pool: WorkerPool.WorkerPool["Service"]) => Effect.Effect<A, E>) =>
    Effect.flatMap(WorkerPool.WorkerPool, body).pipe(
      Effect.provide(ElasticPool.layer({ scaling: "none", drainDeadline: 0 }).pipe(Layer.provide(handlers)))
    )

  it.effect("is one, also where the call says what it is to its like", () =>
    withKeyed((pool) =>
      Effect.gen(function* () {
        for (const options of [undefined, { duplicate: "join" }] as const) {
          yield* pool.submit(Keyed, { key: () => "k" }, options)
        }
        assert.deepInclude(yield* pool.snapshot, { offered: 1, joined: 1 })
      })
    )
  )

  it.effect.each([
    ["empty", (): unknown => "", "a function that gives a text, not an empty one", '""'],
    ["no text", (): unknown => 7, "a function that gives a text, or undefined", "number"]
  ] as const)("that is %s is refused", ([, key, expected, actual]) =>
    withKeyed((pool) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(pool.submit(Keyed, { key }))
        assert.deepInclude(error, { _tag: "InvalidRequestOption", field: "primaryKey", expected, actual })
        assert.deepInclude(yield* pool.snapshot, { offered: 0, invalid: 1 })
      })
    )
  )

  it.effect("that is not there is like no other, where only the Rpc says what that would be", () =>
    withKeyed((pool) =>
      Effect.gen(function* () {
        for (const options of [undefined, { priority: 1 }]) yield* pool.submit(None, undefined, options)
        assert.deepInclude(yield* pool.snapshot, { offered: 2, joined: 0 })
        assert.strictEqual(yield* hears(pool.submit(None, undefined, { duplicate: "reject" })), "InvalidRequestOption")
        yield* pool.submit(None, undefined, { duplicate: "allow" })
      })
    )
  )
})

describe("identities", () => {
  it.effect("of 100,000 nothing is kept", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ minWorkers: 4, deadLetters: 0 })
      const { identities } = world.core
      const policies = ["join", "reject", "replace", "latest"] as const
      for (let at = 0; at < 100_000; at++) {
        const act = { key: at, behaviour: at % 8 > 5 ? ("fail" as const) : ("sync" as const) }
        yield* Effect.exit(world.pool.execute(Act, act, { primaryKey: String(at), duplicate: policies[at % 4] }))
        world.ended.clear()
      }
      assert.strictEqual(identities.size, 0)
      const held = { primaryKey: "k", duplicate: "latest", debounce: 10 } as const
      const waits = yield* Effect.forkChild(world.pool.execute(Act, { key: 1, behaviour: "sync" }, held), {
        startImmediately: true
      })
      assert.strictEqual(identities.size, 1)
      yield* Fiber.interrupt(waits)
      assert.strictEqual(identities.size, 0)
    }).pipe(Effect.scoped)
  )
})
