/** Any effect on a worker, and streams of requests. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Outcome, Rejected } from "../src/Outcome.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { hears, slowly, state, withPool, Work } from "./support/bench.ts"

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

const words = (outcomes: ReadonlyArray<Outcome | Rejected>) =>
  outcomes.map((outcome) => (outcome._tag === "Outcome" ? `${outcome.id} ${outcome.end}` : outcome.error._tag))

const calls = (...ids: ReadonlyArray<string>) =>
  Stream.fromIterable(ids.map((id) => WorkerPool.call(Work, { id }, { id })))

describe("process", () => {
  it.effect("emits outcomes as they come, or in the order of the calls", () =>
    withPool({ minWorkers: 3 })((bench) =>
      Effect.gen(function* () {
        bench.on("slow", Effect.as(Effect.sleep(30), "slow"))
        bench.on("bad", Effect.andThen(Effect.sleep(20), Effect.fail("bad")))
        const both = yield* Effect.forkChild(
          Effect.all([
            Stream.runCollect(bench.pool.process(calls("slow", "bad", "quick"))),
            Stream.runCollect(bench.pool.process(calls("slow", "bad", "quick"), { ordered: true }))
          ])
        )
        yield* TestClock.adjust("1 second")
        const [asTheyCome, inOrder] = yield* Fiber.join(both)
        assert.deepStrictEqual(words(asTheyCome), ["quick succeeded", "bad failed", "slow succeeded"])
        assert.deepStrictEqual(words(inOrder), ["slow succeeded", "bad failed", "quick succeeded"])
      })
    )
  )

  it.effect("what is not accepted is a Rejected, and the others go on", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const all = yield* Effect.forkChild(
          Stream.runCollect(bench.pool.process(calls("a", "b", "c"), { ordered: true, outstanding: 3 }))
        )
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(words(yield* Fiber.join(all)), ["a succeeded", "b succeeded", "QueueFull"])
      })
    )
  )

  it.effect("pulls no more than `outstanding` calls ahead", () =>
    withPool({ minWorkers: 10 })((bench) =>
      Effect.gen(function* () {
        let pulled = 0
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const source = Stream.fromIterable(Array.from({ length: 20 }, () => "a")).pipe(
          Stream.rechunk(1),
          Stream.map((id) => {
            pulled++
            return WorkerPool.call(Work, { id })
          })
        )
        const all = yield* Effect.forkChild(Stream.runCollect(bench.pool.process(source, { outstanding: 4 })))
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 4)
        assert.isAtMost(pulled, 5)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(all)).length, 20)
        assert.strictEqual(bench.peak, 4)
      })
    )
  )

  it.effect("interrupting the stream cancels what it has not emitted", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const emitted = yield* Queue.unbounded<unknown>()
        const all = yield* Effect.forkChild(
          Stream.runForEach(bench.pool.process(calls("a", "b")), (outcome) => Queue.offer(emitted, outcome))
        )
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 1)
        yield* Fiber.interrupt(all)
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 0)
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 2, accepted: 2 })
      })
    )
  )

  it.effect("a stream that fails fails after the outcomes of what is out", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const emitted: Array<Outcome | Rejected> = []
        const all = yield* Stream.concat(calls("a"), Stream.fail("source")).pipe(
          bench.pool.process,
          Stream.runForEach((outcome) => Effect.sync(() => emitted.push(outcome))),
          Effect.forkChild
        )
        yield* TestClock.adjust(9)
        assert.strictEqual(state(all), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(all), "failure")
        assert.deepStrictEqual(words(emitted), ["a succeeded"])
      })
    )
  )
})
