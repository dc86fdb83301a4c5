/**
 * An attempt that should end is asked first, and its thread is killed when it does not hear. Nobody else is hurt. The work is real; the
 * times of pool and threads are virtual, so that nothing here depends on how fast a thread is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Call, RetryPolicy, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Block, Deaf, Match, Native, Sleep, Spin, Who } from "./modules/workGroup.ts"
import { isolations, isSound, poolOf, snapshot, turn, when } from "./pools.ts"

const pool = WorkerPool.WorkerPool
const who = Effect.flatMap(pool, ({ execute }) => execute(Who, undefined))
const timeout = 1000
const answerWithin = 50
const killAfter = 300

/** What was told to end has ended. */
const quiet = when(({ busy, dying }) => busy + dying === 0)

const tagOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>) =>
  Exit.isSuccess(exit)
    ? "succeeded"
    : exit.cause.reasons.map((reason) => (reason._tag === "Fail" ? reason.error._tag : reason._tag)).join()

/** On a thread, as soon as one is ready. */
const begin = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { busy } = yield* when(({ idle }) => idle > 0)
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    yield* when((now) => now.busy > busy)
    return fiber
  })

const spin = (options: Call.Options = {}) =>
  Effect.flatMap(pool, ({ execute }) => begin(execute(Spin, { millis: Infinity }, { timeout, ...options })))

describe.each(isolations)("kills, isolation %s", (isolation) => {
  const threads = { isolation, answerWithin, killAfter, idleFor: "1 hour" } as const

  it.layer(poolOf({ ...threads, min: 2, max: 2 }), { timeout: 60_000 })("one after another", (it) => {
    it.effect("one that computes for ever times out, and the spare thread serves the next request", () =>
      Effect.gen(function* () {
        const { id } = yield* who
        const { killed } = yield* Threads.stats
        const caller = yield* spin()
        yield* TestClock.adjust(timeout)
        assert.strictEqual(tagOf(yield* Fiber.join(caller)), "RequestTimeout")
        // It has its time to answer still.
        assert.deepInclude(yield* Threads.stats, { busy: 1, dying: 0, killed })
        yield* TestClock.adjust(answerWithin)
        assert.strictEqual((yield* quiet).killed, killed + 1)
        assert.notStrictEqual((yield* who).id, id)
      })
    )

    it.effect("one that listens cleans up and keeps its thread, which is not killed though time goes on", () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const before = yield* who
        const { killed } = yield* Threads.stats
        const caller = yield* begin(execute(Sleep, { millis: 60_000, cleanUpMillis: 20 }, { timeout }))
        yield* TestClock.adjust(timeout)
        assert.strictEqual(tagOf(yield* Fiber.join(caller)), "RequestTimeout")
        yield* quiet
        yield* TestClock.adjust(2 * killAfter)
        assert.deepStrictEqual(yield* who, { id: before.id, cleanUps: before.cleanUps + 1 })
        assert.strictEqual((yield* Threads.stats).killed, killed)
      })
    )

    it.effect("one whose finalizers do not end is killed, and so is one that is not to be interrupted", () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        for (const effect of [
          execute(Sleep, { millis: 60_000, cleanUpMillis: Infinity }, { timeout }),
          execute(Deaf, { millis: 60_000 }, { timeout })
        ]) {
          const { id } = yield* who
          const { killed } = yield* Threads.stats
          const caller = yield* begin(effect)
          yield* TestClock.adjust(timeout)
          assert.strictEqual(tagOf(yield* Fiber.join(caller)), "RequestTimeout")
          yield* TestClock.adjust(killAfter)
          assert.strictEqual((yield* quiet).killed, killed + 1)
          assert.notStrictEqual((yield* who).id, id)
        }
      })
    )

    it.effect("a caller that gives up waits until the thread is gone", () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const { killed } = yield* when(({ idle }) => idle > 0)
        const caller = yield* Effect.forkChild(execute(Spin, { millis: Infinity }), { startImmediately: true })
        yield* when(({ busy }) => busy === 1)
        const givingUp = yield* Effect.forkChild(Fiber.interrupt(caller), { startImmediately: true })
        yield* TestClock.adjust(answerWithin)
        yield* Fiber.join(givingUp)
        assert.deepInclude(yield* Threads.stats, { busy: 0, dying: 0, killed: killed + 1 })
      })
    )

    it.effect("one that blocks its thread, and one whose expression has no end, are killed", () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const blocking = yield* begin(execute(Block, undefined, { timeout }))
        const matching = yield* begin(execute(Match, undefined, { timeout }))
        yield* TestClock.adjust(timeout)
        yield* TestClock.adjust(answerWithin)
        assert.strictEqual(tagOf(yield* Fiber.join(blocking)), "RequestTimeout")
        assert.strictEqual(tagOf(yield* Fiber.join(matching)), "RequestTimeout")
        yield* quiet
      })
    )

    it.effect("each retry has a thread of its own, and the last one times out", () =>
      Effect.gen(function* () {
        const { killed } = yield* quiet
        const caller = yield* spin({ retry: RetryPolicy.make({ times: 2, base: 0 }) })
        for (let attempt = 1; attempt <= 3; attempt++) {
          yield* when((now) => now.busy === 1 && now.killed === killed + attempt - 1)
          yield* TestClock.adjust(timeout)
          yield* TestClock.adjust(answerWithin)
        }
        const exit = yield* Fiber.join(caller)
        assert.strictEqual(tagOf(exit), "RequestTimeout")
        const reason = Exit.isFailure(exit) && exit.cause.reasons[0]
        assert.deepInclude(reason && reason._tag === "Fail" ? reason.error : {}, { attempt: 3 })
        assert.strictEqual((yield* quiet).killed, killed + 3)
      })
    )

    it.effect("one whose time has come is killed while it runs", () =>
      Effect.gen(function* () {
        const caller = yield* spin({ expiresIn: timeout, timeout: "none" })
        yield* TestClock.adjust(timeout)
        assert.strictEqual(tagOf(yield* Fiber.join(caller)), "RequestExpired")
        yield* TestClock.adjust(answerWithin)
        yield* quiet
      })
    )

    it.effect("what runs beside one that is killed goes on", () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const good = yield* begin(execute(Sleep, { millis: 300, cleanUpMillis: 0 }))
        const bad = yield* spin()
        yield* TestClock.adjust(timeout)
        yield* TestClock.adjust(answerWithin)
        assert.strictEqual(tagOf(yield* Fiber.join(bad)), "RequestTimeout")
        assert.strictEqual(tagOf(yield* Fiber.join(good)), "succeeded")
      })
    )

    it.effect("after all that nothing is stuck, and every request has its end", () =>
      Effect.gen(function* () {
        yield* quiet
        assert.deepStrictEqual(yield* isSound, [])
        assert.deepInclude(yield* Threads.stats, { crashed: 0, stuck: 0 })
      })
    )
  })

  it.effect(
    "with no time to answer it is killed without being asked",
    () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const { id } = yield* who
        const caller = yield* begin(execute(Sleep, { millis: 60_000, cleanUpMillis: 0 }, { timeout }))
        yield* TestClock.adjust(timeout)
        assert.strictEqual(tagOf(yield* Fiber.join(caller)), "RequestTimeout")
        assert.strictEqual((yield* quiet).killed, 1)
        assert.notStrictEqual((yield* who).id, id)
      }).pipe(Effect.provide(poolOf({ ...threads, max: 1, answerWithin: 0 }))),
    60_000
  )

  it.effect(
    "a drain stops what computes and what waits, and gives up on neither",
    () =>
      Effect.gen(function* () {
        const { drain, execute } = yield* pool
        const sleeping = yield* begin(execute(Sleep, { millis: 60_000, cleanUpMillis: 0 }))
        const spinning = yield* begin(execute(Spin, { millis: Infinity }))
        const draining = yield* Effect.forkChild(drain({ deadline: 100 }), { startImmediately: true })
        yield* TestClock.adjust(100)
        yield* when(({ busy }) => busy === 1)
        yield* TestClock.adjust(answerWithin)
        const report = yield* Fiber.join(draining)
        const exits = yield* Effect.forEach([sleeping, spinning], Fiber.join)
        assert.deepStrictEqual(exits.map(tagOf), ["RequestInterrupted", "RequestInterrupted"])
        assert.deepInclude(report, { forced: true, interruptedCount: 2, stuckCount: 0, tookMillis: 150 })
        assert.deepInclude(yield* Threads.stats, { busy: 0, dying: 0, killed: 1 })
      }).pipe(Effect.provide(poolOf({ ...threads, min: 2, max: 2 }))),
    60_000
  )

  it.effect(
    "native code keeps a thread beyond its kill, not a process; somebody else computes meanwhile",
    () =>
      Effect.gen(function* () {
        const file = join(mkdtempSync(join(tmpdir(), "native-")), "end")
        const { drain, execute } = yield* pool
        yield* Effect.addFinalizer(() => Effect.sync(() => writeFileSync(file, "")))
        const isThread = isolation === "thread"
        const caller = yield* begin(execute(Native, { file }, { timeout }))
        while (!existsSync(`${file}.begun`)) yield* turn
        yield* TestClock.adjust(timeout)
        assert.strictEqual(tagOf(yield* Fiber.join(caller)), "RequestTimeout")
        yield* TestClock.adjust(answerWithin)
        if (!isThread) yield* quiet
        yield* TestClock.adjust("2 seconds")
        assert.deepInclude(yield* Threads.stats, { stuck: isThread ? 1 : 0, dying: 0, killed: 1 })
        assert.deepInclude(yield* snapshot, { stuck: isThread ? 1 : 0 })
        // It is on the one place that there is: another one is given for as long as that lasts.
        yield* who
        const draining = yield* Effect.forkChild(drain(), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(draining)
        assert.deepStrictEqual(
          report.stuck.map(({ tag }) => tag),
          isThread ? ["Native"] : []
        )
        assert.deepInclude(report.ends, { timedOut: 1, succeeded: 1 })
        writeFileSync(file, "")
        yield* quiet
      }).pipe(
        Effect.scoped,
        Effect.provide(poolOf({ ...threads, max: 1 }, { minWorkers: 1, maxWorkers: 1, maxStuckWorkers: 1 }))
      ),
    60_000
  )
})
