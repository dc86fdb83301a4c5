/** Shutdown: what becomes of each request, how long it takes at most, and what the report says. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as DrainReport from "../src/DrainReport.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, ignoring, slowly, state, withPool } from "./support/bench.ts"

const startDrain = (bench: Bench, deadline: number) =>
  Effect.forkChild(bench.pool.drain({ deadline }), { startImmediately: true })

/** The report, if there is one by now. */
const reportOf = (fiber: Fiber.Fiber<DrainReport.DrainReport, unknown>): DrainReport.DrainReport | undefined => {
  const exit = fiber.pollUnsafe()
  return exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
}

describe("drain", () => {
  it.effect("an idle pool drains at once", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const report = yield* bench.pool.drain()
        assert.deepInclude(report, { pool: "default", forced: false, tookMillis: 0, accepted: 0, stuckCount: 0 })
        assert.strictEqual(DrainReport.format(report), 'pool "default" drained in 0 ms: no requests')
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", workers: 0 })
      })
    )
  )

  it.effect("gracefully: what was accepted ends by itself, running and waiting, and then it returns", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) bench.on(id, Effect.as(Effect.sleep(100), id))
        const a = yield* bench.call("a")
        const b = yield* bench.call("b")
        const drain = yield* startDrain(bench, 1000)
        yield* TestClock.adjust(199)
        assert.strictEqual(state(drain), "waits")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(a), state(b)], ["success", "success"])
        const report = reportOf(drain)!
        assert.deepInclude(report, { forced: false, tookMillis: 200, accepted: 2, interruptedCount: 0 })
        assert.strictEqual(report.ends.succeeded, 2)
      })
    )
  )

  it.effect("new and blocked callers hear PoolDraining, also once closed", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        yield* bench.call("a")
        yield* bench.call("b")
        const blocked = yield* bench.call("c")
        const blockedSubmit = yield* Effect.forkChild(bench.submit("d"), { startImmediately: true })
        yield* startDrain(bench, 1000)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual([state(blocked), state(blockedSubmit)], ["PoolDraining", "PoolDraining"])
        assert.strictEqual(yield* hears(bench.execute("e")), "PoolDraining")
        assert.deepInclude(yield* bench.pool.snapshot, {
          state: "draining",
          refusedDraining: 3,
          blocked: 0,
          accepted: 2
        })
        yield* TestClock.adjust(100)
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", succeeded: 2 })
        assert.strictEqual(yield* hears(bench.submit("f")), "PoolDraining")
      })
    )
  )

  it.effect("with a deadline of zero blocked callers hear too, and nobody is let in any more", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const calls = [yield* bench.call("a"), yield* bench.call("b"), yield* bench.call("c"), yield* bench.call("d")]
        yield* startDrain(bench, 0)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(calls.map(state), [
          "RequestInterrupted",
          "RequestInterrupted",
          "PoolDraining",
          "PoolDraining"
        ])
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 2, refusedDraining: 2, waiting: 0 })
      })
    )
  )

  it.effect("at the deadline what runs and what waits is interrupted, and the report lists it", () =>
    withPool({ maxWorkers: 1, retry: RetryPolicy.make({ times: 1, base: 50, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(20)(Effect.never))
        const a = yield* Effect.forkChild(Effect.flip(bench.execute("a", { id: "first" })), { startImmediately: true })
        const b = yield* Effect.forkChild(Effect.flip(bench.execute("b")), { startImmediately: true })
        const drain = yield* startDrain(bench, 100)
        yield* TestClock.adjust(99)
        assert.deepStrictEqual([state(a), state(b)], ["waits", "waits"])
        yield* TestClock.adjust(1)
        assert.deepInclude((yield* Fiber.join(a)) as any, { _tag: "RequestInterrupted", phase: "running", attempts: 1 })
        assert.deepInclude((yield* Fiber.join(b)) as any, { _tag: "RequestInterrupted", phase: "waiting", attempts: 0 })
        assert.strictEqual(state(drain), "waits")
        yield* TestClock.adjust(20)
        const report = reportOf(drain)!
        assert.deepInclude(report, { forced: true, tookMillis: 120, accepted: 2, interruptedCount: 2, stuckCount: 0 })
        assert.strictEqual(report.ends.interrupted, 2)
        const byId = Object.fromEntries(
          report.interrupted.map(({ id, tag, phase, attempts }) => [id, [tag, phase, attempts]])
        )
        assert.deepStrictEqual(byId, { first: ["Work", "running", 1], "2": ["Work", "waiting", 0] })
        assert.deepStrictEqual(bench.log, ["0 a1 start", "120 a1 interrupted"])
      })
    )
  )

  it.effect("an uninterruptible handler that never ends: returns at deadline + grace and names it", () =>
    withPool({ maxWorkers: 1, drainGrace: 50 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.uninterruptible(Effect.never))
        const a = yield* bench.call("a", { id: "stubborn" })
        const drain = yield* startDrain(bench, 100)
        yield* TestClock.adjust(149)
        assert.deepStrictEqual([state(a), state(drain)], ["RequestInterrupted", "waits"])
        yield* TestClock.adjust(1)
        const report = reportOf(drain)!
        assert.deepInclude(report, { forced: true, tookMillis: 150, stuckCount: 1 })
        assert.deepInclude(report.stuck[0], { id: "stubborn", tag: "Work", attempts: 1 })
      })
    )
  )

  it.effect("what was interrupted at the deadline has the whole second grace to end, stuck or not", () =>
    withPool({ maxWorkers: 1, drainGrace: 50, interruptGrace: 10 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", ignoring(140))
        yield* bench.call("a")
        const drain = yield* startDrain(bench, 100)
        yield* TestClock.adjust(139)
        assert.strictEqual(state(drain), "waits")
        yield* TestClock.adjust(1)
        assert.deepInclude(reportOf(drain), { forced: true, tookMillis: 140, stuckCount: 0 })
      })
    )
  )

  it.effect("also when it was stuck long before", () =>
    withPool({ timeout: 10, maxWorkers: 1, drainGrace: 50, interruptGrace: 10 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.uninterruptible(Effect.never))
        yield* bench.call("a", { id: "stubborn" })
        const waiting = yield* bench.call("b")
        yield* TestClock.adjust(100)
        const drain = yield* startDrain(bench, 100)
        yield* TestClock.adjust(150)
        assert.strictEqual(state(waiting), "RequestInterrupted")
        assert.deepInclude(reportOf(drain), { forced: true, stuckCount: 1, interruptedCount: 1 })
      })
    )
  )

  it.effect("twice gives the same report, and the earlier deadline wins", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.call("a")
        const slow = yield* startDrain(bench, 1000)
        yield* TestClock.adjust(10)
        const quick = yield* startDrain(bench, 100)
        yield* startDrain(bench, 500)
        yield* TestClock.adjust(99)
        assert.deepStrictEqual([state(slow), state(quick)], ["waits", "waits"])
        yield* TestClock.adjust(1)
        assert.strictEqual(reportOf(slow)!.tookMillis, 110)
        assert.strictEqual(reportOf(slow), reportOf(quick))
        assert.strictEqual(yield* bench.pool.drain(), reportOf(slow))
      })
    )
  )

  it.effect("interrupting its caller does not stop it", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const a = yield* bench.call("a")
        const drain = yield* startDrain(bench, 100)
        yield* Fiber.interrupt(drain)
        yield* TestClock.adjust(100)
        assert.strictEqual(state(a), "RequestInterrupted")
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", workers: 0 })
      })
    )
  )

  it.effect("a delayed request keeps its delay if it ends before the deadline, and otherwise ends at once", () =>
    withPool({ retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) bench.on(id, (n) => (n === 1 ? Effect.fail("once") : Effect.succeed(id)))
        yield* bench.callAndNote("a")
        yield* TestClock.adjust(60)
        yield* bench.callAndNote("b")
        yield* startDrain(bench, 80)
        yield* TestClock.adjust(0)
        yield* bench.note("drain started")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(bench.log.slice(2), [
          "60 b1 start",
          "60 b1 failure",
          "60 b hears RequestInterrupted",
          "60 drain started",
          "100 a2 start",
          "100 a2 success",
          "100 a hears success"
        ])
      })
    )
  )

  it.effect("an attempt that fails while draining is retried only if its delay ends before the deadline", () =>
    withPool({ minWorkers: 2, retry: RetryPolicy.make({ times: 5, base: 40, factor: 1, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("always"))
        bench.on("b", Effect.andThen(Effect.sleep(70), Effect.fail("late")))
        yield* bench.callAndNote("a")
        yield* bench.callAndNote("b")
        const drain = yield* startDrain(bench, 100)
        yield* TestClock.adjust("1 second")
        const heard = bench.log.filter((line) => line.includes("hears"))
        assert.deepStrictEqual(heard, ["70 b hears RequestInterrupted", "80 a hears RequestInterrupted"])
        assert.deepInclude(reportOf(drain), { forced: false, tookMillis: 80, interruptedCount: 2 })
      })
    )
  )

  it.effect("timeouts and expiry go on", () =>
    withPool({ minWorkers: 2, timeout: 50 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        bench.on("b", Effect.never)
        const a = yield* bench.call("a")
        const b = yield* bench.call("b", { expiresIn: 20 })
        const drain = yield* startDrain(bench, 1000)
        yield* TestClock.adjust(50)
        assert.deepStrictEqual([state(a), state(b)], ["RequestTimeout", "RequestExpired"])
        assert.deepInclude(reportOf(drain), { forced: false, tookMillis: 50 })
      })
    )
  )

  it.effect("a paused pool resumes", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        const a = yield* bench.call("a")
        yield* TestClock.adjust(100)
        assert.strictEqual(state(a), "waits")
        const report = yield* bench.pool.drain()
        assert.strictEqual(report.ends.succeeded, 1)
        assert.deepInclude(yield* bench.pool.snapshot, { paused: false })
      })
    )
  )

  it.effect("at least one worker while something waits", () =>
    withPool({ minWorkers: 0 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        const calls = [yield* bench.call("a"), yield* bench.call("b")]
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 0, waiting: 2 })
        assert.strictEqual((yield* bench.pool.drain()).ends.succeeded, 2)
        assert.deepStrictEqual(calls.map(state), ["success", "success"])
      })
    )
  )

  it.effect("the number of workers stays: nobody retires, and the scaler stops", () =>
    withPool({ minWorkers: 3, maxWorkers: 8 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(5000), "a"))
        yield* bench.call("a")
        yield* startDrain(bench, 10_000)
        const { length } = yield* bench.scaler.recent
        yield* TestClock.adjust(4999)
        assert.strictEqual((yield* bench.scaler.recent).length, length)
        assert.deepInclude(yield* bench.pool.snapshot, { workers: 3, idle: 2 })
      })
    )
  )

  it.effect("uses as many workers as the bounds allow: there is nobody left to ask for more", () =>
    withPool({ maxWorkers: 8, capacity: 100 })((bench) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 20 }, (_, at) => `r${at}`)
        for (const id of ids) bench.on(id, Effect.as(Effect.sleep(100), id))
        for (const id of ids) yield* bench.submit(id)
        yield* TestClock.adjust(50)
        assert.strictEqual(bench.running, 1)
        const drain = yield* startDrain(bench, 1000)
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 8)
        yield* TestClock.adjust(300)
        assert.deepInclude(reportOf(drain), { forced: false, tookMillis: 300 })
        assert.strictEqual(bench.peak, 8)
      })
    )
  )

  it.effect("tells of each that it stopped how long it had been where it was", () =>
    withPool({ maxWorkers: 1, retry: RetryPolicy.make({ times: 1, base: "1 minute", jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("no"))
        bench.on("runs", Effect.never)
        for (const id of ["fails", "runs", "waits"]) yield* bench.submit(id, { id })
        yield* TestClock.adjust(30)
        const drain = yield* startDrain(bench, 50)
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(
          reportOf(drain)!.interrupted.map(({ id, millis, phase }) => `${id} ${phase} ${millis}`),
          ["fails delayed 30", "runs running 80", "waits waiting 80"]
        )
      })
    )
  )

  describe("that finishes only what runs", () => {
    it.effect("starts nothing that waits, tells each of them at once, and lists them", () =>
      withPool({ maxWorkers: 4 })((bench) =>
        Effect.gen(function* () {
          for (const id of ["a", "b", "c"]) bench.on(id, Effect.as(Effect.sleep(100), id))
          const [a, b, c] = yield* Effect.all([bench.call("a"), bench.call("b"), bench.call("c")])
          const drain = yield* Effect.forkChild(bench.pool.drain({ waiting: "interrupt" }), { startImmediately: true })
          assert.deepStrictEqual([a, b, c].map(state), ["waits", "RequestInterrupted", "RequestInterrupted"])
          yield* TestClock.adjust(100)
          assert.strictEqual(state(a!), "success")
          const report = reportOf(drain)!
          assert.deepInclude(report, { forced: false, tookMillis: 100, interruptedCount: 2 })
          assert.deepStrictEqual(
            report.interrupted.map(({ phase }) => phase),
            ["waiting", "waiting"]
          )
          assert.deepStrictEqual(bench.log, ["0 a1 start", "100 a1 success"])
        })
      )
    )

    it.effect("tries nothing again, and can be asked for while another drain goes on", () =>
      withPool({ maxWorkers: 1, retry: RetryPolicy.make({ times: 3, base: 10, jitter: "none" }) })((bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.andThen(Effect.sleep(50), Effect.fail("no")))
          const a = yield* bench.call("a")
          const b = yield* bench.call("b")
          const drain = yield* startDrain(bench, 10_000)
          yield* TestClock.adjust(20)
          yield* Effect.forkChild(bench.pool.drain({ waiting: "interrupt" }), { startImmediately: true })
          assert.strictEqual(state(b), "RequestInterrupted")
          yield* TestClock.adjust(30)
          assert.strictEqual(state(a), "RequestInterrupted")
          assert.deepInclude(reportOf(drain), { forced: false, tookMillis: 50, interruptedCount: 2 })
        })
      )
    )

    it.effect("refuses another word", () =>
      withPool()((bench) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(bench.pool.drain({ waiting: "drop" as never }))
          assert.strictEqual(error.message, 'Expected `waiting` to be "finish" or "interrupt", got "drop"')
        })
      )
    )
  })
})
