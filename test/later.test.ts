/** Starts that are asked for later: at their instant, in their place, within their bound. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Handlers, RetryPolicy, WorkerPool } from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"
import { Bench, hears, show, state, Work, withPool, Works } from "./support/bench.ts"
import { Job, job, withJobs } from "./support/jobs.ts"

describe("a delay", () => {
  it.effect("starts at its instant, not before, and behind those that wait by then", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(150), "a"))
        yield* bench.call("a")
        const later = yield* bench.call("later", { delay: 100 })
        const early = yield* bench.call("early", { delay: "10 millis" })
        yield* TestClock.adjust(50)
        yield* bench.call("b")
        yield* TestClock.adjust(49)
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 4, delayed: 1, scheduled: 1, waiting: 2 })
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 0, scheduled: 0, waiting: 3 })
        yield* TestClock.adjust(50)
        assert.strictEqual(state(later) + state(early), "successsuccess")
        assert.deepStrictEqual(
          bench.log.filter((line) => line.endsWith("start")),
          ["0 a1 start", "150 early1 start", "150 b1 start", "150 later1 start"]
        )
      })
    )
  )

  it.effect("is as long as it says, whatever fraction of a millisecond it begins with", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const late: Array<number> = []
        for (let thousandth = 1; thousandth < 200; thousandth++) {
          yield* TestClock.adjust(Duration.micros(BigInt(1)))
          const call = yield* bench.call("a", { delay: 10 })
          yield* TestClock.adjust(9)
          assert.strictEqual(state(call), "waits")
          yield* TestClock.adjust(Duration.micros(BigInt(1001)))
          if (state(call) !== "success") late.push(thousandth)
          yield* TestClock.adjust(1)
        }
        assert.deepStrictEqual(late, [])
      })
    )
  )

  it.effect("is told by its ticket, and that of a call that has joined", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const options = { primaryKey: "k", duplicate: "join", delay: 100, group: "g" } as const
        const alone = yield* bench.submit("a", { delay: 100 })
        const first = yield* bench.submit("a", options)
        const second = yield* bench.submit("a", options)
        yield* TestClock.adjust(40)
        for (const ticket of [alone, first, second]) assert.strictEqual(yield* ticket.startsInMillis, 60)
        assert.deepStrictEqual([alone.group, first.group, second.group], [undefined, "g", "g"])
        yield* TestClock.adjust(60)
        for (const ticket of [alone, first, second]) assert.isUndefined(yield* ticket.startsInMillis)
      })
    )
  )

  it.effect("of an idle pool wakes a worker at its instant", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* bench.submit("a", { delay: 100 })
        yield* TestClock.adjust(99)
        assert.deepStrictEqual(bench.log, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.log, ["100 a1 start", "100 a1 success"])
      })
    )
  )

  it.effect("of zero is none", () =>
    withPool({ maxScheduled: 0 })((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* hears(bench.execute("a", { delay: 0 })), "success")
        assert.strictEqual(yield* hears(bench.execute("b", { startAt: -1 })), "success")
        assert.strictEqual(yield* hears(bench.execute("c", { startAt: 0 })), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { refused: 0, invalid: 0 })
      })
    )
  )

  it.effect("is once for a request: its retries have delays of their own", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("a")))
        yield* bench.submit("a", { delay: 100, retry: RetryPolicy.make({ times: 1, base: 30, jitter: "none" }) })
        yield* TestClock.adjust(100)
        const [view] = yield* bench.pool.list()
        assert.deepInclude(view, { phase: "delayed", attempts: 1, startsInMillis: 30 })
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 1, scheduled: 0 })
        yield* TestClock.adjust(30)
        assert.deepStrictEqual(bench.log.at(-1), "130 a2 success")
      })
    )
  )

  it.effect("expires by the time of the call, in the phase delayed", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const a = yield* bench.call("a", { delay: 100, expiresIn: 60 })
        yield* TestClock.adjust(59)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        const error = yield* Effect.flip(Fiber.join(a))
        assert.deepInclude(error, { _tag: "RequestExpired", phase: "delayed" })
        assert.deepInclude(yield* bench.pool.snapshot, { expired: 1, scheduled: 0, attempts: 0 })
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(bench.log, [])
      })
    )
  )

  it.effect("holds through a pause, and starts when that ends", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        yield* bench.submit("a", { delay: 100 })
        yield* TestClock.adjust(100)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 1, delayed: 0 })
        yield* bench.pool.resume
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(bench.log, ["100 a1 start", "100 a1 success"])
      })
    )
  )
})

describe("a date", () => {
  it.effect("is that of the wall clock at the call", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 11, 24))
        const at = Date.UTC(2026, 11, 24, 0, 0, 1)
        for (const [id, startAt] of Object.entries({
          number: at,
          date: new Date(at),
          text: "2026-12-24T01:00:01+01:00",
          utc: DateTime.makeUnsafe(at),
          parts: { year: 2026, month: 12, day: 24, second: 1 }
        }))
          yield* bench.submit(id, { startAt, id })
        yield* bench.submit("past", { startAt: at - 2000 })
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.log.length, 2)
        assert.deepStrictEqual(
          (yield* bench.pool.list()).map(({ startsInMillis }) => startsInMillis),
          [1000, 1000, 1000, 1000, 1000]
        )
        yield* TestClock.adjust(999)
        assert.strictEqual(bench.log.length, 2)
        yield* TestClock.adjust(1)
        assert.strictEqual(bench.log.length, 12)
      })
    )
  )

  it.effect("or a delay that is none, or both, are the caller's mistake", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const mistakes: ReadonlyArray<readonly [object, string]> = [
          [{ delay: -1 }, "delay"],
          [{ delay: Infinity }, "delay"],
          [{ delay: Number.NaN }, "delay"],
          [{ delay: "soon" }, "delay"],
          [{ startAt: "soon" }, "startAt"],
          [{ startAt: Number.NaN }, "startAt"],
          [{ startAt: Infinity }, "startAt"],
          [{ startAt: null }, "startAt"],
          [{ startAt: new Date(Number.NaN) }, "startAt"],
          // What other libraries have for a date, and what has the parts of none, would be long past.
          [{ startAt: {} }, "startAt"],
          [{ startAt: { $y: 2099, valueOf: () => 1e15 } }, "startAt"],
          [{ startAt: { year: () => 2099 } }, "startAt"],
          [{ startAt: { hour: 18 } }, "startAt"],
          [{ startAt: [] }, "startAt"],
          [Object.defineProperty({}, "delay", { get: () => assert.fail("read") }), "startAt"],
          [{ delay: 1, startAt: 1 }, "startAt"]
        ]
        for (const [options, field] of mistakes) {
          const error = yield* Effect.flip(bench.execute("a", options))
          assert.deepInclude(error, { _tag: "InvalidRequestOption", field }, JSON.stringify(options))
        }
        assert.deepInclude(yield* bench.pool.snapshot, { offered: 0, invalid: mistakes.length })
      })
    )
  )
})

describe("the bound", () => {
  for (const strategy of ["suspend", "dropping", "sliding"] as const) {
    it.effect(`of those that are not due refuses at once under ${strategy}`, () =>
      withPool({ capacity: 10, maxScheduled: 2, strategy })((bench) =>
        Effect.gen(function* () {
          const [a] = [yield* bench.submit("a", { delay: 100 }), yield* bench.submit("b", { delay: 200 })]
          const error = yield* Effect.flip(bench.submit("c", { delay: 1 }))
          assert.deepInclude(error, { _tag: "QueueFull", capacity: 2, scheduled: true })
          assert.strictEqual(yield* hears(bench.execute("now")), "success")
          assert.deepInclude(yield* bench.pool.snapshot, { refusedFull: 1, scheduled: 2, offered: 4 })
          yield* a.cancel
          assert.strictEqual(yield* hears(bench.submit("c", { delay: 1 })), "success")
          assert.strictEqual(yield* hears(bench.submit("d", { delay: 1 })), "QueueFull")
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* hears(bench.submit("d", { delay: 1 })), "success")
        })
      )
    )
  }

  it.effect("counts blocked callers too, until they give up", () =>
    withPool({ maxWorkers: 1, capacity: 1, maxScheduled: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.call("a")
        yield* bench.call("b")
        const c = yield* bench.call("c", { delay: 100 })
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, scheduled: 0 })
        assert.strictEqual(yield* hears(bench.submit("d", { delay: 1 })), "QueueFull")
        yield* Fiber.interrupt(c)
        const d = yield* bench.call("d", { delay: 1 })
        assert.strictEqual(state(d), "waits")
      })
    )
  )

  it.effect("a place that a full queue refuses is not counted", () =>
    withPool({ maxWorkers: 1, capacity: 1, maxScheduled: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        yield* bench.call("a")
        yield* bench.call("b")
        const error = yield* Effect.flip(bench.submit("c", { delay: 50 }))
        assert.deepInclude(error, { _tag: "QueueFull", capacity: 1 })
        assert.isFalse("scheduled" in error)
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* hears(bench.submit("c", { delay: 50 })), "success")
      })
    )
  )
})

describe("its place", () => {
  it.effect("is one of the capacity", () =>
    withPool({ capacity: 2, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        yield* bench.submit("a", { delay: 100 })
        yield* bench.submit("b", { delay: 100 })
        assert.strictEqual(yield* hears(bench.submit("c")), "QueueFull")
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* hears(bench.submit("c")), "success")
      })
    )
  )

  it.effect("of a caller that was blocked counts its time from the call", () =>
    withPool({ maxWorkers: 1, capacity: 1, maxScheduled: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(60), "a"))
        bench.on("b", Effect.as(Effect.sleep(90), "b"))
        yield* bench.call("a")
        yield* bench.call("b")
        yield* bench.call("c", { delay: 100 })
        yield* bench.call("d", { delay: 100 })
        yield* TestClock.adjust(60)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, delayed: 1, scheduled: 1 })
        yield* TestClock.adjust(39)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, delayed: 1 })
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1, delayed: 0, waiting: 1 })
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(
          bench.log.filter((line) => line.endsWith("start")),
          ["0 a1 start", "60 b1 start", "150 c1 start", "150 d1 start"]
        )
      })
    )
  )

  it.effect("is given up under sliding when nothing waits, the one held for longest first", () =>
    withPool({ capacity: 2, maxScheduled: 3, strategy: "sliding" })((bench) =>
      Effect.gen(function* () {
        const a = yield* bench.call("a", { delay: 100 })
        const b = yield* bench.call("b", { delay: 50 })
        const c = yield* bench.call("c", { delay: 50 })
        assert.deepStrictEqual([a, b, c].map(state), ["RequestEvicted", "waits", "waits"])
        assert.deepInclude(yield* bench.pool.snapshot, { scheduled: 2, evicted: 1 })
        yield* TestClock.adjust(50)
        assert.deepStrictEqual([b, c].map(state), ["success", "success"])
      })
    )
  )

  it.effect("counts for its key", () =>
    withPool({
      capacity: 8,
      strategy: "dropping",
      keyCapacity: 2,
      key: (_, payload) => (payload as { id: string }).id
    })((bench) =>
      Effect.gen(function* () {
        yield* bench.submit("a", { delay: 100 })
        yield* bench.submit("a", { delay: 100 })
        const error = yield* Effect.flip(bench.submit("a", { delay: 100 }))
        assert.deepInclude(error, { _tag: "QueueFull", key: "a" })
        assert.deepInclude(yield* bench.pool.waitingBy("key"), {
          ...(yield* bench.pool.waitingBy("key"))[0]!,
          name: "a",
          delayed: 2
        })
        assert.strictEqual(yield* hears(bench.submit("b")), "success")
        yield* TestClock.adjust(100)
        assert.strictEqual(bench.log.length, 6)
      })
    )
  )

  it.effect("is found, cancelled and given another priority like any other", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("first", Effect.as(Effect.sleep(100), "first"))
        yield* bench.call("first")
        const [a, b, c] = [
          yield* bench.submit("a", { id: "a", delay: 50 }),
          yield* bench.submit("b", { id: "b", delay: 50 }),
          yield* bench.submit("c", { id: "c", delay: 50 })
        ]
        yield* TestClock.adjust(20)
        assert.deepStrictEqual(
          (yield* bench.pool.list({ phase: "delayed" })).map(({ id, startsInMillis }) => [id, startsInMillis]),
          [
            ["a", 30],
            ["b", 30],
            ["c", 30]
          ]
        )
        assert.strictEqual(yield* a.status, "delayed")
        assert.strictEqual(yield* a.cancel, "withdrawn")
        assert.strictEqual(yield* c.setPriority(5), true)
        yield* TestClock.adjust(80)
        assert.strictEqual(yield* b.status, "ended")
        assert.deepStrictEqual(
          bench.log.filter((line) => line.endsWith("start")),
          ["0 first1 start", "100 c1 start", "100 b1 start"]
        )
        assert.strictEqual(yield* bench.pool.cancelAll({ phase: "delayed" }), 0)
      })
    )
  )

  it.effect("by process and run", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const calls = Stream.make(30, 20, 10).pipe(
          Stream.map((delay) => WorkerPool.call(Work, { id: `${delay}` }, { delay }))
        )
        const outcomes = yield* Effect.forkChild(Stream.runCollect(bench.pool.process(calls)))
        const ran = yield* Effect.forkChild(bench.pool.run(Effect.succeed(1), { delay: 20 }))
        yield* TestClock.adjust(19)
        assert.strictEqual(state(ran), "waits")
        yield* TestClock.adjust(11)
        assert.strictEqual(state(ran), "success")
        const ends = (yield* Fiber.join(outcomes)).map((outcome) =>
          outcome._tag === "Outcome" ? show(outcome.exit) + outcome.waitedMillis : ""
        )
        assert.deepStrictEqual(ends, ["success10", "success20", "success30"])
      })
    )
  )

  it.effect("of a request that comes as JSON", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const ticket = yield* bench.pool.submitUnknown("Work", { id: "a" }, { delay: 10 })
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* ticket.status, "ended")
      })
    )
  )
})

describe("a drain", () => {
  const drained = (bench: Bench, options: object) =>
    Effect.forkChild(bench.pool.drain(options), { startImmediately: true })

  it.effect("ends those at once that are due at its deadline or later, and runs the others", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const [a, b, c] = [
          yield* bench.call("a", { delay: 99 }),
          yield* bench.call("b", { delay: 100 }),
          yield* bench.call("c", { delay: 200 })
        ]
        const drain = yield* drained(bench, { deadline: 100 })
        assert.deepStrictEqual([a, b, c].map(state), ["waits", "RequestInterrupted", "RequestInterrupted"])
        assert.deepInclude(yield* Effect.flip(Fiber.join(c)), { phase: "delayed", attempts: 0 })
        yield* TestClock.adjust(99)
        assert.strictEqual(state(a) + state(drain), "successsuccess")
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", scheduled: 0, interrupted: 2 })
      })
    )
  )

  it.effect("that finishes nothing ends all of them", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const a = yield* bench.call("a", { delay: 10 })
        const drain = yield* drained(bench, { deadline: 100, waiting: "interrupt" })
        yield* TestClock.adjust(0)
        assert.strictEqual(state(a) + state(drain), "RequestInterruptedsuccess")
      })
    )
  )

  it.effect("ends at once what is asked for from within for after its deadline", () =>
    withJobs(
      { maxWorkers: 2 },
      (n, pool, nested) =>
        n === 0
          ? Effect.succeed(0)
          : Effect.andThen(
              nested.work(10),
              Effect.map(hears(pool.execute(Job, { n: 0 }, { delay: n })), (heard) => (heard === "success" ? 1 : -1))
            ),
      (pool) =>
        Effect.gen(function* () {
          const [near, far] = [
            yield* Effect.forkChild(job(pool, 20), { startImmediately: true }),
            yield* Effect.forkChild(job(pool, 500), { startImmediately: true })
          ]
          yield* Effect.forkChild(pool.drain({ deadline: 100 }), { startImmediately: true })
          yield* TestClock.adjust(10)
          assert.strictEqual(yield* Fiber.join(far), -1)
          yield* TestClock.adjust(20)
          assert.strictEqual(yield* Fiber.join(near), 1)
        })
    )
  )
})

describe("an attempt that waits for one that is for later", () => {
  it.effect("lends its slot when that is due", () =>
    withJobs(
      { maxWorkers: 1 },
      (n, pool) => (n === 0 ? Effect.succeed(0) : Effect.map(pool.execute(Job, { n: 0 }, { delay: 50 }), () => 1)),
      (pool) =>
        Effect.gen(function* () {
          const a = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          yield* TestClock.adjust(49)
          assert.deepInclude(yield* pool.snapshot, { scheduled: 1, lent: 0, running: 1 })
          yield* TestClock.adjust(1)
          assert.strictEqual(state(a), "success")
        })
    )
  )

  it.effect("which is blocked at a full queue: at its instant, and not before", () =>
    withJobs(
      { maxWorkers: 1, capacity: 1 },
      (n, pool, nested) =>
        n === 0 ? nested.work(0).pipe(Effect.as(0)) : Effect.map(pool.execute(Job, { n: 0 }, { delay: 50 }), () => 1),
      (pool) =>
        Effect.gen(function* () {
          const a = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          const filler = yield* Effect.forkChild(job(pool, 0), { startImmediately: true })
          yield* TestClock.adjust(49)
          assert.strictEqual(state(a), "waits")
          yield* TestClock.adjust(1)
          assert.strictEqual(state(a), "success")
          yield* TestClock.adjust(1)
          assert.strictEqual(state(filler), "success")
        })
    )
  )
})

describe("TestPool", () => {
  const started: Array<string> = []
  const handlers = Handlers.layer(Works).pipe(
    Layer.provideMerge(
      Works.toLayer({
        Work: ({ id }) =>
          Effect.sync(() => {
            started.push(id)
            return id
          })
      })
    )
  )

  it.effect("inline runs it in the step in which it is due", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* pool.submit(Work, { id: "inline" }, { delay: 10 })
      yield* TestClock.adjust(9)
      assert.notInclude(started, "inline")
      yield* TestClock.adjust(1)
      assert.include(started, "inline")
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerInline(), handlers)))
  )

  it.effect("manual runs it when it is due and asked for", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const test = yield* TestPool.Steps
      yield* pool.submit(Work, { id: "manual" }, { delay: 10 })
      assert.strictEqual(yield* test.step, false)
      yield* TestClock.adjust(10)
      assert.notInclude(started, "manual")
      yield* test.step
      assert.include(started, "manual")
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerManual(), handlers)))
  )
})
