/** A durable pool on a store in memory: what is asked in one process is done in another, and told to whoever waits. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import { getEventListeners } from "node:events"
import * as Durable from "../../src/durable/Durable.ts"
import { PoolError } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster

describe("a durable pool", () => {
  it.effect("does what it is asked, and tells the outcome with its deliveries", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      const ticket = yield* pool.submit(Work, { id: "one" })
      const outcome = yield* ticket.outcome
      assert.deepStrictEqual(outcome.exit, Exit.succeed("one by a"))
      assert.strictEqual(outcome.end, "succeeded")
      assert.strictEqual(outcome.deliveries, 1)
      assert.strictEqual(outcome.id, ticket.id)
      assert.strictEqual(yield* pool.execute(Work, { id: "two" }), "two by a")
      assert.deepStrictEqual(Durable.lawViolations(yield* durable.counts), [])
      assert.strictEqual((yield* durable.counts).succeeded, 2)
      yield* close
    })
  )

  it.effect("answers a process that only asks, whoever works", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const worker = yield* cluster.start("worker", {}, "layerWorker")
      assert.strictEqual(yield* client.pool.execute(Work, { id: "one" }), "one by worker")
      cluster.on("bad", () => Effect.fail("no"))
      assert.deepStrictEqual(yield* Effect.exit(client.pool.execute(Work, { id: "bad" })), Exit.fail("no"))
      yield* worker.close
      yield* client.close
    })
  )

  it.effect("answers callers without a fiber, and gives up what they give up", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      const begun = yield* Deferred.make<void>()
      cluster.on("bad", () => Effect.fail("no"))
      cluster.on("long", () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      cluster.on("longer", () => Effect.never)
      const ask = (id: string, signal?: AbortSignal) =>
        Effect.flip(
          Effect.tryPromise({ try: () => pool.executePromise(Work, { id }, { signal }), catch: (error) => error })
        )
      assert.strictEqual(yield* Effect.promise(() => pool.executePromise(Work, { id: "one" })), "one by a")
      assert.strictEqual(yield* ask("bad"), "no")
      const heard: Array<Exit.Exit<string, unknown>> = []
      pool.executeCallback(Work, { id: "two" }, (exit) => heard.push(exit))
      const cancel = pool.executeCallback(Work, { id: "long" }, (exit) => heard.push(exit))
      yield* Deferred.await(begun)
      cancel()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(heard, [
        Exit.succeed("two by a"),
        Exit.fail(new PoolError.RequestCancelled({ tag: "Work" }))
      ])
      const gone = new AbortController()
      const asking = yield* Effect.forkChild(
        Effect.all([ask("longer", gone.signal), ask("longer", gone.signal)], { concurrency: 2 }),
        { startImmediately: true }
      )
      assert.lengthOf(getEventListeners(gone.signal, "abort"), 1)
      gone.abort("gone")
      assert.deepStrictEqual(yield* Fiber.join(asking), ["gone", "gone"])
      assert.lengthOf(getEventListeners(gone.signal, "abort"), 0)
      assert.strictEqual(yield* ask("never", gone.signal), "gone")
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* durable.counts, { succeeded: 2, failed: 1, cancelled: 3, waiting: 0 })
      assert.deepInclude(yield* pool.snapshot, { running: 0, waiting: 0 })
      yield* close
    })
  )

  it.effect("logs what a callback throws: neither who asks nor the pool hears of it", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => {
      if (String(message).startsWith("an observer of a caller threw")) lines.push(String(message))
    })
    return Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, pool } = yield* cluster.start("a")
      cluster.on("long", () => Effect.never)
      const throws = () => {
        throw new Error("mine")
      }
      pool.executeCallback(Work, { id: 1 as never }, throws)
      const cancel = pool.executeCallback(Work, { id: "long" }, throws)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(lines.length, 1)
      cancel()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(lines.length, 2)
      yield* close
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("says what is wrong with a signal that is none", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      const signal = {} as AbortSignal
      const error = yield* Effect.flip(
        Effect.tryPromise({
          try: () => pool.executePromise(Work, { id: "one" }, { signal }),
          catch: (error) => error
        })
      )
      assert.instanceOf(error, PoolError.InvalidRequestOption)
      assert.deepInclude(yield* durable.counts, { waiting: 0, succeeded: 0 })
      yield* close
    })
  )

  it.effect("gives what a killed process had to another, which is told that it is the second delivery", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const begun = yield* Deferred.make<void>()
      const deliveries: Array<number | undefined> = []
      cluster.on("one", (_, process) =>
        Effect.gen(function* () {
          deliveries.push((yield* Durable.Delivery)?.deliveries)
          if (process === "b") return "done by b"
          yield* Deferred.succeed(begun, undefined)
          return yield* Effect.never
        })
      )
      const a = yield* cluster.start("a", { timeout: "none" })
      const ticket = yield* client.pool.submit(Work, { id: "one" })
      yield* Deferred.await(begun)
      yield* a.kill
      const b = yield* cluster.start("b")
      const waiting = yield* Effect.forkChild(ticket.outcome)
      yield* TestClock.adjust("15 seconds")
      const outcome = yield* Fiber.join(waiting)
      assert.deepStrictEqual(outcome.exit, Exit.succeed("done by b"))
      assert.strictEqual(outcome.deliveries, 2)
      assert.deepStrictEqual(deliveries, [1, 2])
      yield* b.close
      yield* client.close
    })
  )

  it.effect("cancels from any process: what runs elsewhere is interrupted there", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const worker = yield* cluster.start("worker", { timeout: "none" })
      const begun = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      cluster.on("one", () =>
        Effect.onInterrupt(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never), () =>
          Deferred.succeed(interrupted, undefined)
        )
      )
      const ticket = yield* client.pool.submit(Work, { id: "one" })
      yield* Deferred.await(begun)
      assert.strictEqual(yield* client.durable.cancel(ticket.id), "interrupting")
      yield* Deferred.await(interrupted)
      const outcome = yield* ticket.outcome
      assert.strictEqual(outcome.end, "cancelled")
      assert.strictEqual(outcome.deliveries, 1)
      assert.instanceOf(
        Exit.isFailure(outcome.exit) && (outcome.exit.cause.reasons[0] as any).error,
        PoolError.RequestCancelled
      )
      assert.strictEqual(yield* client.durable.cancel(ticket.id), "settled")
      assert.deepStrictEqual(Durable.lawViolations(yield* client.durable.counts), [])
      yield* worker.close
      yield* client.close
    })
  )

  it.effect("gives back at a drain what has not begun, uncounted", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const gate = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      cluster.on("slow", (id, process) =>
        process === "b"
          ? Effect.succeed(id)
          : Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(gate)), id)
      )
      const a = yield* cluster.start("a", { maxWorkers: 1 })
      const first = yield* client.pool.submit(Work, { id: "slow" })
      yield* Deferred.await(begun)
      const second = yield* client.pool.submit(Work, { id: "next" })
      yield* TestClock.adjust("3 seconds")
      const closing = yield* Effect.forkChild(a.close)
      yield* TestClock.adjust("1 second")
      const b = yield* cluster.start("b")
      const outcome = yield* second.outcome
      assert.deepStrictEqual(outcome.exit, Exit.succeed("next by b"))
      assert.strictEqual(outcome.deliveries, 1)
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.strictEqual(yield* first.await, "slow")
      yield* b.close
      yield* client.close
    })
  )
})
