/** What computes on threads tells of itself in shared memory: never two attempts of a request, on a thread, or beyond `max`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { RetryPolicy, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Marks } from "./modules/marks.ts"
import { Mark } from "./modules/workGroup.ts"
import { isSound, poolOf, turn, when } from "./pools.ts"

const mark = ({ shared }: Marks, lane: number, millis: number) => ({ shared, lane, millis })

/** How many of these lanes compute at an instant: those that have beaten both before and after it. */
const computing = (marks: Marks, lanes: number) =>
  Effect.gen(function* () {
    const beats = () => Array.from({ length: lanes }, (_, lane) => marks.beats(lane))
    const before = beats()
    yield* turn
    const now = beats()
    yield* turn
    const after = beats()
    return now.filter((beat, lane) => beat !== before[lane] && beat !== after[lane]).length
  })

describe("overlap", () => {
  it.live(
    "a retry begins when the attempt before it has really ended, killed or not",
    () =>
      Effect.gen(function* () {
        const marks = new Marks()
        const { submit } = yield* WorkerPool.WorkerPool
        const tickets = yield* Effect.forEach([0, 1, 2], (lane) =>
          submit(Mark, mark(marks, lane, Infinity), { timeout: 60, retry: RetryPolicy.make({ times: 2, base: 0 }) })
        )
        const exits = yield* Effect.forEach(tickets, (ticket) => Effect.exit(ticket.await))
        assert.isTrue(exits.every(Exit.isFailure))
        const { killed } = yield* when(({ busy, dying }) => busy + dying === 0)
        assert.strictEqual(killed, 9)
        // On a slow machine a timeout may come before its attempt has begun to compute.
        assert.isAtLeast(marks.begun, 6)
        assert.strictEqual(marks.overlaps, 0)
        assert.strictEqual(yield* computing(marks, 3), 0)
        assert.deepStrictEqual(yield* isSound, [])
      }).pipe(Effect.provide(poolOf({ max: 2, spare: 1 }))),
    60_000
  )

  it.live(
    "never more than `max` compute, the spare ones included, whoever asks and whatever is killed",
    () =>
      Effect.gen(function* () {
        const marks = new Marks()
        const lanes = 12
        const { submit } = yield* WorkerPool.WorkerPool
        const tickets = yield* Effect.forEach(Array.from({ length: lanes }), (_, lane) =>
          submit(Mark, mark(marks, lane, lane % 3 === 0 ? Infinity : 40), { timeout: 500 })
        )
        let most = 0
        const look = Effect.map(computing(marks, lanes), (now) => (most = Math.max(most, now)))
        const looking = yield* Effect.forkChild(Effect.forever(look))
        const exits = yield* Effect.forEach(tickets, (ticket) => Effect.exit(ticket.await))
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 8)
        yield* when(({ busy, dying }) => busy + dying === 0)
        yield* Fiber.interrupt(looking)
        assert.isAtMost(most, 2)
        assert.isAtLeast(most, 1)
        assert.strictEqual(marks.overlaps, 0)
        assert.deepStrictEqual(yield* isSound, [])
      }).pipe(Effect.provide(poolOf({ max: 2, spare: 2 }, { minWorkers: 8 }))),
    60_000
  )
})
