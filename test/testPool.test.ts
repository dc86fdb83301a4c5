/** The pools for users' tests: virtual time, inline, step by step. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { type Call, Handlers, Limit, NotBefore, RetryPolicy, WorkerPool } from "../src/index.ts"
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

const api = Limit.make({ name: "api", rate: { limit: 1, period: "1 second" } })

describe("an inline pool", () => {
  it.effect("holds back what a limit does not let start, until the clock opens it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const first = yield* pool.submit(Add, { a: 1, b: 2 })
      const second = yield* pool.submit(Add, { a: 3, b: 4 })
      const urgent = yield* pool.submit(Add, { a: 5, b: 6 }, { priority: 1 })
      expect([yield* first.status, yield* second.status]).toEqual(["ended", "waiting"])
      yield* TestClock.adjust(999)
      expect(yield* urgent.status).toBe("waiting")
      yield* TestClock.adjust(1)
      expect([yield* urgent.status, yield* second.status]).toEqual(["ended", "waiting"])
      yield* TestClock.adjust(1000)
      expect(yield* second.await).toBe(7)
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerInline({ limits: [api] }), handlers)))
  )

  it.effect("lets the next one go when one ends, and by key where the limit says so", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const wait = (key: string) => pool.submit(Wait, { millis: 100 }, { key })
      const tickets = [yield* wait("a"), yield* wait("a"), yield* wait("b")]
      const statuses = () => Effect.all(tickets.map(({ status }) => status))
      expect(yield* statuses()).toEqual(["running", "waiting", "running"])
      yield* TestClock.adjust(100)
      expect(yield* statuses()).toEqual(["ended", "running", "ended"])
      yield* TestClock.adjust(100)
      expect(yield* pool.snapshot).toMatchObject({ succeeded: 3, workers: 0 })
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerInline({ limits: [Limit.serial("key")] }), handlers)))
  )

  it.effect("obeys a handler that says when to come back", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      let isTold = false
      const ask = Effect.suspend(() => {
        if (isTold) return Effect.succeed("done")
        isTold = true
        return Effect.fail(NotBefore.of(50))
      })
      const call = yield* Effect.forkChild(pool.run(ask), { startImmediately: true })
      yield* TestClock.adjust(49)
      expect(call.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(call)).toBe("done")
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

  const add = (id: string, options?: Call.Options) =>
    WorkerPool.WorkerPool.use((pool) => pool.submit(Add, { a: 1, b: 2 }, { ...options, id }))
  /** The requests in the order in which `steps` of them have run. */
  const order = (steps: number) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { step } = yield* TestPool.Steps
      const left = Effect.map(pool.list(), (views) => views.map(({ id }) => id))
      const ran: Array<string> = []
      for (let n = 0; n < steps; n++) {
        const before = yield* left
        expect(yield* step).toBe(true)
        const after = yield* left
        ran.push(...before.filter((id) => !after.includes(id)))
      }
      return ran
    })

  it.effect("steps by priority, and takes turns among keys", () =>
    Effect.gen(function* () {
      for (const [id, key, priority] of [
        ["hog 1", "hog", 0],
        ["hog 2", "hog", 0],
        ["hog 3", "hog", 1]
      ] as const) {
        yield* add(id, { key, priority })
      }
      yield* add("small", { key: "small" })
      expect(yield* order(1)).toEqual(["hog 3"])
      const { runAll } = yield* TestPool.Steps
      expect(yield* runAll).toBe(3)
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerManual({ aging: "none" }), handlers)))
  )

  it.effect("shares time among keys, of which there is none but what the test lets pass", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { step } = yield* TestPool.Steps
      for (const id of ["hog 1", "hog 2", "hog 3"]) yield* pool.submit(Wait, { millis: 100 }, { id, key: "hog" })
      yield* pool.submit(Wait, { millis: 100 }, { id: "small", key: "small" })
      const ran: Array<string | undefined> = []
      for (let n = 0; n < 4; n++) {
        const stepping = yield* Effect.forkChild(step, { startImmediately: true })
        ran.push((yield* pool.list({ phase: "running" }))[0]?.id)
        yield* TestClock.adjust(100)
        expect(yield* Fiber.join(stepping)).toBe(true)
      }
      expect(ran).toEqual(["hog 1", "small", "hog 2", "hog 3"])
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerManual(), handlers)))
  )

  it.effect("a closed gate holds back, and the clock opens that of a rate", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { runAll, step } = yield* TestPool.Steps
      for (const id of ["a", "b", "c"]) yield* add(id)
      expect(yield* runAll).toBe(1)
      expect(yield* step).toBe(false)
      expect(yield* pool.snapshot).toMatchObject({ waiting: 2, heldBack: 2 })
      yield* TestClock.adjust(999)
      expect(yield* step).toBe(false)
      yield* TestClock.adjust(1)
      expect(yield* runAll).toBe(1)
      yield* pool.setLimit("api", { concurrency: 1, rate: "none" })
      expect(yield* runAll).toBe(1)
    }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerManual({ limits: [api] }), handlers)))
  )

  it.effect("counts no step in which nothing could start", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { runAll, step } = yield* TestPool.Steps
      yield* add("a")
      yield* add("b", { key: "other" })
      yield* pool.pauseOnly({ tag: "Add" })
      expect(yield* step).toBe(false)
      expect(yield* runAll).toBe(0)
      yield* pool.resumeOnly({ tag: "Add" })
      expect(yield* runAll).toBe(2)
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
