/** Unbroken work: each handler computes for a millisecond, and the pool's own timers and the host come in between. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { Work, Works } from "./support/bench.ts"
import { type OwnClock, ownClock } from "./support/ownClock.ts"

/** A pool of one worker, whose handler takes a millisecond of the clock and of the thread; `"hang"` never ends. */
const computing = <A, E>(
  use: (pool: WorkerPool.WorkerPool["Service"], clock: OwnClock) => Effect.Effect<A, E>,
  options: ElasticPool.Options = {},
  submits: () => Effect.Effect<unknown> = () => Effect.void
) => {
  const clock = ownClock()
  const handlers = Layer.provide(
    Handlers.layer(Works),
    Works.toLayer({
      Work: ({ id }) => {
        clock.pass(1)
        if (id === "submits") return Effect.as(Effect.suspend(submits), id)
        return id === "hang" ? Effect.never : Effect.succeed(id)
      }
    })
  )
  return ElasticPool.make({ maxWorkers: 1, scaling: "none", ...options }).pipe(
    Effect.provide(handlers),
    Effect.flatMap(({ pool }) => use(pool, clock)),
    Effect.scoped,
    Effect.provideService(Clock.Clock, clock)
  )
}

type Ticket = Effect.Success<ReturnType<typeof submitAll>>[number]

const submitAll = (pool: WorkerPool.WorkerPool["Service"], count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, at) => String(at)),
    (id) => pool.submit(Work, { id })
  )

describe("while there is unbroken work", () => {
  it.effect("what waits expires at its instant", () =>
    computing(
      (pool) =>
        Effect.gen(function* () {
          yield* pool.pause
          const tickets = yield* submitAll(pool, 500)
          yield* pool.resume
          const ends = yield* Effect.forEach(tickets, ({ outcome }) => Effect.map(outcome, ({ end }) => end))
          const expired = ends.filter((end) => end === "expired").length
          // 50 run in 50 ms, and what one turn does at most may come before the expiry.
          assert.isAtLeast(expired, 440)
          assert.isAtMost(expired, 450)
        }),
      { expiresIn: 50 }
    )
  )

  it.effect("an attempt beside it times out at its instant", () =>
    computing(
      (pool, clock) =>
        Effect.gen(function* () {
          const hanging = yield* pool.submit(Work, { id: "hang" })
          const began = clock.currentTimeMillisUnsafe()
          const ended = yield* Effect.forkChild(
            Effect.map(hanging.outcome, ({ end }) => [end, clock.currentTimeMillisUnsafe() - began] as const)
          )
          yield* submitAll(pool, 1000)
          const [end, millis] = yield* Fiber.join(ended)
          assert.strictEqual(end, "timedOut")
          assert.isAtMost(millis, 60)
        }),
      { maxWorkers: 2, minWorkers: 2, timeout: 50 }
    )
  )

  it.effect("a drain is forced at its deadline", () =>
    computing((pool) =>
      Effect.gen(function* () {
        yield* pool.pause
        yield* submitAll(pool, 1000)
        const { forced, interruptedCount, tookMillis } = yield* pool.drain({ deadline: 100 })
        assert.isTrue(forced)
        assert.isAtLeast(interruptedCount, 880)
        assert.isAtMost(tookMillis, 120)
      })
    )
  )

  it.effect("a stream of calls lets the host have its turns", () =>
    computing((pool, clock) =>
      Effect.gen(function* () {
        let last = 0
        let longest = 0
        const look = (): void => {
          const now = clock.currentTimeMillisUnsafe()
          longest = Math.max(longest, now - last)
          last = now
          next = setImmediate(look)
        }
        let next = setImmediate(look)
        const calls = Array.from({ length: 640 }, (_, at) =>
          WorkerPool.call(Work, {
            // Making the request takes its time as well.
            get id() {
              clock.pass(0.1)
              return String(at)
            }
          })
        )
        yield* Stream.runDrain(pool.process(Stream.fromIterable(calls)))
        clearImmediate(next)
        // A turn, and 64 calls that are made between two looks at the clock.
        assert.isAtMost(longest, 5 + 6.4 + 1)
      })
    )
  )

  it.effect("a call that pushes out a younger request has not made it wait for less than no time", () => {
    let submitsAnother: Effect.Effect<unknown> = Effect.void
    return computing(
      (pool) =>
        Effect.gen(function* () {
          const pushedOut = yield* Deferred.make<Ticket>()
          submitsAnother = pool.submit(Work, { id: "younger" }).pipe(
            Effect.flatMap((ticket) => Deferred.succeed(pushedOut, ticket)),
            Effect.orDie,
            Effect.andThen(Effect.yieldNow)
          )
          const calls = [WorkerPool.call(Work, { id: "submits" }), WorkerPool.call(Work, { id: "older" })]
          yield* Effect.forkChild(Stream.runDrain(pool.process(Stream.fromIterable(calls), { outstanding: 2 })), {
            startImmediately: true
          })
          const outcome = yield* (yield* Deferred.await(pushedOut)).outcome
          assert.strictEqual(outcome.end, "evicted")
          assert.isAtLeast(outcome.waitedMillis, 0)
        }),
      { capacity: 1, strategy: "sliding" },
      () => submitsAnother
    )
  })
})
