/** What computes on threads tells of itself in shared memory: never two attempts of a request at once, nor more than `max`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { RetryPolicy, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Marks } from "./modules/marks.ts"
import { Mark, Native } from "./modules/workGroup.ts"
import { isSound, poolOf, snapshot, turn, when } from "./pools.ts"

const endless = ({ shared }: Marks, lane: number) => ({ shared, lane, millis: Infinity })

/** Which of these lanes compute at an instant: those that have beaten both before and after it. */
const computing = (marks: Marks, lanes: number) =>
  Effect.gen(function* () {
    const beats = () => Array.from({ length: lanes }, (_, lane) => marks.beats(lane))
    const before = beats()
    yield* turn
    const now = beats()
    yield* turn
    const after = beats()
    return now.flatMap((beat, lane) => (beat !== before[lane] && beat !== after[lane] ? [lane] : []))
  })

/** Until so many compute; never more. */
const untilComputing = (marks: Marks, lanes: number, count: number) =>
  Effect.gen(function* () {
    for (;;) {
      const now = yield* computing(marks, lanes)
      if (now.length >= count) return now
    }
  })

describe("overlap", () => {
  it.effect(
    "a retry begins when the attempt before it has really ended",
    () =>
      Effect.gen(function* () {
        const marks = new Marks()
        const { submit } = yield* WorkerPool.WorkerPool
        const tickets = yield* Effect.forEach([0, 1], (lane) =>
          submit(Mark, endless(marks, lane), { timeout: 60, retry: RetryPolicy.make({ times: 2, base: 0 }) })
        )
        for (const attempt of [1, 2, 3]) {
          while (marks.begunIn(0) < attempt || marks.begunIn(1) < attempt) yield* turn
          yield* TestClock.adjust(60)
          yield* TestClock.adjust(50)
        }
        const exits = yield* Effect.forEach(tickets, (ticket) => Effect.exit(ticket.await))
        assert.isTrue(exits.every(Exit.isFailure))
        const { killed } = yield* when(({ busy, dying }) => busy + dying === 0)
        assert.deepStrictEqual(
          { killed, begun: marks.begun, overlaps: marks.overlaps },
          { killed: 6, begun: 6, overlaps: 0 }
        )
        assert.deepStrictEqual(yield* computing(marks, 2), [])
        assert.deepStrictEqual(yield* isSound, [])
      }).pipe(Effect.provide(poolOf({ max: 2, idleFor: "1 hour" }, { interruptGrace: "1 hour" }))),
    60_000
  )

  it.effect(
    "not even when the thread of the attempt before it ignores that it is killed",
    () =>
      Effect.gen(function* () {
        const file = join(mkdtempSync(join(tmpdir(), "native-")), "end")
        yield* Effect.addFinalizer(() => Effect.sync(() => writeFileSync(file, "")))
        const { submit } = yield* WorkerPool.WorkerPool
        const ticket = yield* submit(Native, { file }, { timeout: 60, retry: RetryPolicy.make({ times: 1, base: 0 }) })
        while (!existsSync(`${file}.begun`)) yield* turn
        yield* TestClock.adjust(60)
        yield* TestClock.adjust(50)
        yield* when(({ dying, idle }) => dying === 1 && idle > 0)
        for (let moment = 0; moment < 20; moment++) yield* turn
        assert.deepInclude(yield* snapshot, { running: 1, attempts: 1 })
        writeFileSync(file, "")
        yield* ticket.await
        assert.deepInclude(yield* snapshot, { succeeded: 1, attempts: 2 })
      }).pipe(Effect.scoped, Effect.provide(poolOf({ max: 2, idleFor: "1 hour" }, { interruptGrace: "1 hour" }))),
    60_000
  )

  it.effect(
    "never more than `max` compute, with spare threads and whatever is killed",
    () =>
      Effect.gen(function* () {
        const marks = new Marks()
        const lanes = 8
        const { submit } = yield* WorkerPool.WorkerPool
        const tickets = yield* Effect.forEach(Array.from({ length: lanes }), (_, lane) =>
          submit(Mark, endless(marks, lane))
        )
        for (let left = lanes; left > 0; left--) {
          const now = yield* untilComputing(marks, lanes, Math.min(2, left))
          assert.isAtMost(now.length, 2)
          assert.isAtMost((yield* Threads.stats).busy, 2)
          const [lane] = now
          if (left % 2 === 0) {
            const cancelling = yield* Effect.forkChild(tickets[lane!]!.cancel, { startImmediately: true })
            yield* TestClock.adjust(50)
            yield* Fiber.join(cancelling)
          } else marks.release(lane!)
          yield* Effect.exit(tickets[lane!]!.await)
          assert.isAtMost((yield* computing(marks, lanes)).length, 2)
        }
        const { killed } = yield* when(({ busy, dying }) => busy + dying === 0)
        assert.deepStrictEqual(
          { killed, begun: marks.begun, ended: marks.ended, overlaps: marks.overlaps },
          { killed: 4, begun: 8, ended: 4, overlaps: 0 }
        )
        assert.deepStrictEqual(yield* isSound, [])
      }).pipe(
        Effect.provide(poolOf({ max: 2, spare: 2, idleFor: "1 hour" }, { minWorkers: 8, interruptGrace: "1 hour" }))
      ),
    60_000
  )
})
