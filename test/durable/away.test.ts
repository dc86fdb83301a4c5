/** A store that is away, or seems to be: nothing is lost, nothing done twice for it, and whoever waits is told in time. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import { PoolError } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster

describe("a store that is away", () => {
  it.effect("lets a submit wait until it is there again", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      cluster.memory.faults.setReach("away")
      const asked = yield* Effect.forkChild(pool.execute(Work, { id: "one" }))
      yield* TestClock.adjust("10 seconds")
      assert.isTrue((yield* durable.local).isAway)
      cluster.memory.faults.setReach("here")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* Fiber.join(asked), "one by a")
      assert.isFalse((yield* durable.local).isAway)
      yield* close
    })
  )

  it.effect("fails a submit with `StoreUnavailable` after `storeTimeout`", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, pool } = yield* cluster.start("a", { storeTimeout: "5 seconds" })
      cluster.memory.faults.setReach("away")
      const asked = yield* Effect.forkChild(Effect.flip(pool.submit(Work, { id: "one" })))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(asked.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.instanceOf(yield* Fiber.join(asked), PoolError.StoreUnavailable)
      cluster.memory.faults.setReach("here")
      yield* close
    })
  )

  it.effect("stores once what is asked again with its id, though the answer was lost", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      cluster.memory.faults.setReach("answersLost")
      const asked = yield* Effect.forkChild(pool.execute(Work, { id: "one" }, { id: "mine" }))
      yield* TestClock.adjust("1 second")
      cluster.memory.faults.setReach("here")
      // It may have been claimed, too, by an answer that was lost: then it lapses.
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* Fiber.join(asked), "one by a")
      assert.strictEqual((yield* durable.counts).stored, 1)
      assert.strictEqual(yield* pool.execute(Work, { id: "other" }, { id: "mine" }), "one by a")
      yield* close
    })
  )

  it.effect("records an end once whose answer was lost, and takes it for no lapsed claim", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      const gate = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      cluster.on("one", () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.as(Deferred.await(gate), "")))
      const lapsed: Array<unknown> = []
      yield* pool.events.pipe(
        Stream.filter(({ _tag }) => _tag === "ClaimLapsed"),
        Stream.runForEach((event) => Effect.sync(() => lapsed.push(event))),
        Effect.forkChild({ startImmediately: true })
      )
      const ticket = yield* pool.submit(Work, { id: "one" })
      yield* Deferred.await(begun)
      cluster.memory.faults.setReach("answersLost")
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("2 seconds")
      cluster.memory.faults.setReach("here")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* ticket.await, "")
      assert.deepStrictEqual([lapsed, (yield* durable.local).held], [[], 0])
      yield* close
    })
  )

  it.effect("is told the ends of what ran meanwhile; none of two processes takes the other for dead", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      for (let at = 0; at < 20; at++) cluster.on(`${at}`, (id) => Effect.as(Deferred.await(gate), id))
      const a = yield* cluster.start("a", { timeout: "none", minWorkers: 10 })
      const b = yield* cluster.start("b", { timeout: "none", minWorkers: 10 })
      const tickets = yield* Effect.forEach(Array.from({ length: 20 }), (_, at) => a.pool.submit(Work, { id: `${at}` }))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(cluster.log.length, 20)
      cluster.memory.faults.setReach("away")
      yield* TestClock.adjust("20 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 second")
      cluster.memory.faults.setReach("here")
      yield* TestClock.adjust("20 seconds")
      const outcomes = yield* Effect.forEach(tickets, ({ outcome }) => outcome)
      assert.isTrue(outcomes.every(({ deliveries, end }) => end === "succeeded" && deliveries === 1))
      assert.strictEqual(cluster.log.length, 20)
      yield* a.close
      yield* b.close
    })
  )

  it.effect("does not hold up a drain for ever", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, pool } = yield* cluster.start("a")
      const begun = yield* Deferred.make<void>()
      cluster.on("one", () =>
        Effect.andThen(Deferred.succeed(begun, undefined), Effect.as(Effect.sleep("2 seconds"), ""))
      )
      yield* pool.submit(Work, { id: "one" })
      yield* Deferred.await(begun)
      cluster.memory.faults.setReach("away")
      const closing = yield* Effect.forkChild(close)
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.join(closing)
    })
  )
})

describe("a process that stood still for longer than its claims", () => {
  it.effect("records no second end, hears of it, and its attempt is interrupted", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      cluster.on("one", (_, process) =>
        process === "b"
          ? Effect.succeed("by b")
          : Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(gate)), "by a")
      )
      const a = yield* cluster.start("a", { timeout: "none" })
      const lapsed = yield* a.pool.events.pipe(
        Stream.filter(({ _tag }) => _tag === "ClaimLapsed"),
        Stream.take(1),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      const ticket = yield* a.pool.submit(Work, { id: "one" })
      yield* Deferred.await(begun)
      cluster.memory.faults.freeze(a.durable.process)
      const b = yield* cluster.start("b")
      yield* TestClock.adjust("15 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 second")
      cluster.memory.faults.thaw(a.durable.process)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* ticket.outcome).exit, Exit.succeed("by b"))
      assert.strictEqual((yield* Fiber.join(lapsed)).length, 1)
      assert.deepStrictEqual(Durable.lawViolations(yield* b.durable.counts), [])
      assert.strictEqual((yield* b.durable.counts).succeeded, 1)
      yield* a.close
      yield* b.close
    })
  )
})
