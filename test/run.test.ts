/** `WorkerPool.run`: any effect on a worker, in its caller's context. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { hears, slowly, state, withPool } from "./support/bench.ts"

class User extends Context.Service<User, string>()("User") {}

describe("run", () => {
  it.effect("runs an effect with its caller's context, on a worker", () =>
    withPool({ maxWorkers: 1 })(({ pool }) =>
      Effect.gen(function* () {
        const caller = yield* Effect.fiberId
        const [user, worker] = yield* pool
          .run(Effect.all([User, Effect.fiberId]))
          .pipe(Effect.provideService(User, "ann"))
        assert.strictEqual(user, "ann")
        assert.notStrictEqual(worker, caller)
      })
    )
  )

  it.effect("one caller's context is not seen by the next request of the same worker", () =>
    withPool({ maxWorkers: 1 })(({ pool }) =>
      Effect.gen(function* () {
        yield* pool.run(User).pipe(Effect.provideService(User, "ann"))
        const seen = yield* pool.run(Effect.serviceOption(User))
        assert.strictEqual(seen._tag, "None")
      })
    )
  )

  it.effect("is bounded, timed out and retried like any request, under the tag run", () =>
    withPool({ maxWorkers: 1, timeout: 100, retry: RetryPolicy.make({ times: 1, base: 10, jitter: "none" }) })(
      ({ pool }) =>
        Effect.gen(function* () {
          let runs = 0
          const body = Effect.andThen(
            Effect.sync(() => runs++),
            Effect.never
          )
          const call = yield* Effect.forkChild(Effect.flip(pool.run(body)), { startImmediately: true })
          yield* TestClock.adjust(210)
          assert.deepInclude(yield* Fiber.join(call), { _tag: "RequestTimeout", tag: "run", attempt: 2 })
          assert.strictEqual(runs, 2)
        })
    )
  )

  it.effect("keeps the effect's own failure, and its defect", () =>
    withPool()(({ pool }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Effect.flip(pool.run(Effect.fail("mine"))), "mine")
        assert.strictEqual(yield* hears(pool.run(Effect.die("bug"))), "defect")
      })
    )
  )

  it.effect("interrupting its caller interrupts the effect and waits for its finalizers", () =>
    withPool()(({ pool }) =>
      Effect.gen(function* () {
        const call = yield* Effect.forkChild(pool.run(slowly(50)(Effect.never)), { startImmediately: true })
        const stopping = yield* Effect.forkChild(Fiber.interrupt(call), { startImmediately: true })
        yield* TestClock.adjust(49)
        assert.strictEqual(state(stopping), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(stopping), "success")
      })
    )
  )

  it.effect("a finalizer of the effect belongs to its caller's scope", () =>
    withPool()(({ pool }) =>
      Effect.gen(function* () {
        const order: Array<string> = []
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* pool.run(Effect.addFinalizer(() => Effect.sync(() => order.push("closed"))))
            order.push("still open")
          })
        )
        assert.deepStrictEqual(order, ["still open", "closed"])
      })
    )
  )
})
