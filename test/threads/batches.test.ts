/** Batches on threads: one message to one thread, and each request has an end of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import { ElasticPool, Handlers, PoolError, RetryPolicy, type Call, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group, Halve, Odd } from "./modules/batchGroup.ts"
import { isolations, poolOf } from "./support.ts"

/** All of them are there when a worker comes. */
const halves = (numbers: ReadonlyArray<number>, options: Call.Options = {}) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    yield* pool.pause
    const fibers: Array<Fiber.Fiber<any, any>> = []
    for (const n of numbers) {
      const call = pool.execute(Halve, { n }, { id: `r${n}`, ...options })
      fibers.push(yield* Effect.forkChild(Effect.exit(call), { startImmediately: true }))
    }
    yield* pool.resume
    return (yield* Effect.forEach(fibers, Fiber.join)) as ReadonlyArray<
      Exit.Exit<{ readonly half: number; readonly with: ReadonlyArray<string>; readonly thread: number }, unknown>
    >
  })

const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

describe("a batch on a thread", () => {
  const on = <A, E>(
    test: Effect.Effect<A, E, WorkerPool.WorkerPool | Threads.Threads>,
    isolation: "thread" | "process" = "thread"
  ) => Effect.provide(test, poolOf(group, "batching.ts", { isolation }, { interruptGrace: 5000 }))

  it.live.each(isolations)("is one attempt there, and each has its own end, as its schemas say: a %s", (isolation) =>
    on(
      Effect.gen(function* () {
        const [four, three, six, zero] = yield* halves([4, 3, 6, 0])
        const ids = ["r4/1", "r3/1", "r6/1", "r0/1"]
        assert.deepInclude((four as Exit.Success<any>).value, { half: 2, with: ids })
        assert.deepStrictEqual(errorOf(three!), new Odd({ n: 3, when: new Date(3) }))
        assert.deepInclude((six as Exit.Success<any>).value, { half: 3, with: ids })
        assert.deepInclude((zero as Exit.Success<any>).value, { half: 0, with: ids })
        const { attempts, handlers } = yield* Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.snapshot)
        assert.strictEqual(attempts, 4)
        assert.deepInclude(handlers["Halve"], { succeeded: 3, failed: 1 })
        // One alone is a batch too.
        const [alone] = yield* halves([8])
        assert.deepInclude((alone as Exit.Success<any>).value, { half: 4, with: ["r8/1"] })
      }),
      isolation
    )
  )

  it.live("what cannot come back is a defect of that one", () =>
    on(
      Effect.gen(function* () {
        const [good, bad] = yield* halves([2, 99])
        assert.isTrue(Exit.isSuccess(good!))
        assert.match(String(errorOf(bad!)), /the end of "Halve" cannot be encoded/)
      })
    )
  )

  it.live("that fails, dies, or answers wrongly as a whole does so for each", () =>
    on(
      Effect.gen(function* () {
        const died = yield* halves([-1, 2])
        for (const exit of died) assert.match(String(errorOf(exit)), /all/)
        const wrong = yield* halves([-2, 2])
        for (const exit of wrong) assert.match(String(errorOf(exit)), /0 exits to 2 payloads/)
        const failed = yield* halves([-3, 2])
        for (const exit of failed) assert.deepStrictEqual(errorOf(exit), new Odd({ n: -3, when: new Date(0) }))
      })
    )
  )

  it.live("whose thread ends under it fails each, and each is tried again by itself", () =>
    on(
      Effect.gen(function* () {
        const once = yield* halves([-5, 2])
        for (const exit of once) assert.instanceOf(errorOf(exit), PoolError.ThreadCrashed)
        const retry = RetryPolicy.make({ times: 1, base: 0, failures: true })
        const [minus, two] = yield* halves([-5, 2], { retry })
        assert.deepStrictEqual(errorOf(minus!), new Odd({ n: -5, when: new Date(-5) }))
        assert.deepInclude((two as Exit.Success<any>).value, { half: 1 })
      })
    )
  )

  it.live("is interrupted there when its time is over", () =>
    on(
      Effect.gen(function* () {
        const exits = yield* halves([-4, 2], { timeout: "300 millis" })
        for (const exit of exits) assert.instanceOf(errorOf(exit), PoolError.RequestTimeout)
        const [next] = yield* halves([2])
        assert.isTrue(Exit.isSuccess(next!))
        assert.strictEqual((yield* Threads.stats).killed, 0)
      })
    )
  )
})

describe("threads", () => {
  it.live("whose module has no batched handler for it are refused, and the Rpc is named", () =>
    Effect.gen(function* () {
      const made = Threads.layer(group, { module: new URL("./modules/single.ts", import.meta.url), max: 1 })
      const error = yield* Effect.flip(
        Layer.build(ElasticPool.layer().pipe(Layer.provide(Handlers.layer(group)), Layer.provide(made)))
      ).pipe(Effect.scoped)
      assert.strictEqual(error._tag, "ThreadsFailed")
      assert.match(error.message, /"?Halve"?.*Handlers\.batched/s)
    })
  )
})
