/** The pools for users' tests: virtual time, inline, step by step. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { Handlers, RetryPolicy, WorkerPool } from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"

const Add = Rpc.make("Add", { payload: { a: Schema.Number, b: Schema.Number }, success: Schema.Number })
const Wait = Rpc.make("Wait", { payload: { millis: Schema.Number }, success: Schema.Number })
const Fail = Rpc.make("Fail", { error: Schema.String })
class Sums extends RpcGroup.make(Add, Wait, Fail) {}
const handlers = Handlers.layer(Sums).pipe(
  Layer.provideMerge(
    Sums.toLayer({
      Add: ({ a, b }) => Effect.succeed(a + b),
      Wait: ({ millis }) => Effect.as(Effect.sleep(millis), millis),
      Fail: () => Effect.fail("no")
    })
  )
)

describe("TestPool.layer", () => {
  it.effect("runs on the clock of the test", () =>
    Effect.gen(function* () {
      const client = yield* WorkerPool.client(Sums)
      const fiber = yield* Effect.forkChild(client.Wait({ millis: 1000 }))
      yield* TestClock.adjust(999)
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(fiber)).toBe(1000)
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layer(), handlers)))
  )

  it("brings a clock where there is none", async () => {
    const millis = await Effect.gen(function* () {
      const client = yield* WorkerPool.client(Sums)
      const fiber = yield* Effect.forkChild(client.Wait({ millis: 3_600_000 }))
      yield* TestClock.adjust("1 hour")
      return yield* Fiber.join(fiber)
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layer({ timeout: "none" }), handlers)), Effect.runPromise)
    expect(millis).toBe(3_600_000)
  })

  const delays = (seed: number) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const ticket = yield* pool.submit(Fail, undefined)
      yield* TestClock.adjust("1 minute")
      return (yield* ticket.outcome).waitedMillis
    }).pipe(
      Effect.provide(
        Layer.provideMerge(TestPool.layer({ seed, retry: RetryPolicy.make({ times: 3, base: "1 second" }) }), handlers)
      )
    )

  it.effect("draws the same delays from the same seed, and others from another", () =>
    Effect.gen(function* () {
      const first = yield* delays(1)
      expect(first).toBeGreaterThan(0)
      expect(yield* delays(1)).toBe(first)
      expect(yield* delays(2)).not.toBe(first)
    })
  )
})

describe("TestPool.layerInline", () => {
  it.effect("has run a request before the call goes on, and keeps no workers", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const ticket = yield* pool.submit(Add, { a: 1, b: 2 })
      expect(yield* ticket.status).toBe("ended")
      expect(yield* pool.execute(Add, { a: 2, b: 2 })).toBe(4)
      expect(yield* pool.snapshot).toMatchObject({ workers: 0, succeeded: 2 })
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerInline(), handlers)))
  )
})

describe("TestPool.layerManual", () => {
  it.effect("runs nothing until it is told to, and then one attempt at a time", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { runAll, step } = yield* TestPool.Steps
      const first = yield* pool.submit(Add, { a: 1, b: 2 })
      const second = yield* pool.submit(Add, { a: 3, b: 4 })
      expect(yield* first.status).toBe("waiting")
      expect(yield* step).toBe(true)
      expect(yield* first.await).toBe(3)
      expect(yield* second.status).toBe("waiting")
      yield* pool.submit(Fail, undefined, { retry: RetryPolicy.make({ times: 1, base: 0 }) })
      expect(yield* runAll).toBe(3)
      expect(yield* step).toBe(false)
      expect(yield* pool.snapshot).toMatchObject({ succeeded: 2, failed: 1, attempts: 4, workers: 0 })
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerManual(), handlers)))
  )

  it.effect("closes at once, whatever still waits", () =>
    Effect.gen(function* () {
      const ticket = yield* WorkerPool.WorkerPool.use((pool) => pool.submit(Add, { a: 1, b: 2 })).pipe(
        Effect.provide(Layer.provideMerge(TestPool.layerManual(), handlers))
      )
      expect(yield* Effect.flip(ticket.await)).toMatchObject({ _tag: "RequestInterrupted", phase: "waiting" })
    })
  )
})
