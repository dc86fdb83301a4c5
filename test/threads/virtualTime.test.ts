/** Threads under a virtual clock: the times of the pool and of its threads are virtual, the work is real. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Sleep, Spin, Who } from "./modules/workGroup.ts"
import { isolations, poolOf, snapshot, turn, when } from "./pools.ts"

const pool = WorkerPool.WorkerPool

describe.each(isolations)("virtual time, isolation %s", (isolation) => {
  it.effect(
    "nothing ends before its time, however long it really takes, and all of it at its time",
    () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        yield* execute(Who, undefined)
        const caller = yield* Effect.forkChild(Effect.flip(execute(Spin, { millis: Infinity }, { timeout: 1000 })), {
          startImmediately: true
        })
        yield* when(({ busy }) => busy === 1)
        yield* TestClock.adjust(999)
        for (let moment = 0; moment < 20; moment++) yield* turn
        assert.deepInclude(yield* snapshot, { running: 1, timedOut: 0 })
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* Fiber.join(caller), { _tag: "RequestTimeout", timeoutMillis: 1000 })
        yield* TestClock.adjust(49)
        for (let moment = 0; moment < 20; moment++) yield* turn
        assert.deepInclude(yield* Threads.stats, { busy: 1, killed: 0 })
        yield* TestClock.adjust(1)
        yield* when(({ busy, dying }) => busy + dying === 0)
        assert.deepInclude(yield* Threads.stats, { killed: 1 })
        assert.strictEqual((yield* snapshot).handlers["Spin"]!.occupiedMillis, 1050)
      }).pipe(Effect.provide(poolOf({ isolation, max: 1, idleFor: "1 hour" }))),
    60_000
  )

  it.effect(
    "who has answered in time has until `killAfter`, counted from the interruption",
    () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        yield* execute(Who, undefined)
        const sleep = execute(Sleep, { millis: 60_000, cleanUpMillis: Infinity }, { timeout: 1000 })
        const caller = yield* Effect.forkChild(Effect.flip(sleep), { startImmediately: true })
        yield* when(({ busy }) => busy === 1)
        yield* TestClock.adjust(1000)
        yield* Fiber.join(caller)
        // Its answer is a real message.
        for (let moment = 0; moment < 300; moment++) yield* turn
        yield* TestClock.adjust(499)
        for (let moment = 0; moment < 20; moment++) yield* turn
        assert.deepInclude(yield* Threads.stats, { busy: 1, killed: 0 })
        yield* TestClock.adjust(1)
        yield* when(({ busy, dying }) => busy + dying === 0)
        assert.deepInclude(yield* Threads.stats, { killed: 1 })
      }).pipe(Effect.provide(poolOf({ isolation, max: 1, idleFor: "1 hour" }))),
    60_000
  )

  it.effect(
    "a `killAfter` that is shorter than `answerWithin` holds for those that do not answer too",
    () =>
      Effect.gen(function* () {
        const { execute } = yield* pool
        const spin = execute(Spin, { millis: Infinity }, { timeout: 1000 })
        const caller = yield* Effect.forkChild(Effect.flip(spin), { startImmediately: true })
        yield* when(({ busy }) => busy === 1)
        yield* TestClock.adjust(1000)
        yield* Fiber.join(caller)
        yield* TestClock.adjust(20)
        yield* when(({ busy, dying }) => busy + dying === 0)
        assert.deepInclude(yield* Threads.stats, { killed: 1 })
      }).pipe(Effect.provide(poolOf({ isolation, max: 1, answerWithin: 50, killAfter: 20, idleFor: "1 hour" }))),
    60_000
  )
})
