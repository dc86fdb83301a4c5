/** What callers, handlers, clocks and single requests may do, and must hurt nobody else. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import type { Call } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Other, Work } = Cluster

/** The answer that has come within ten seconds. */
const soon = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("10 seconds")
    const exit = fiber.pollUnsafe()
    assert.isDefined(exit, "there is an answer")
    return yield* exit!
  })

const messageOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "none"

describe("a listener that throws", () => {
  it.effect("keeps no end from the others, where it runs and where it was asked", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const worker = yield* cluster.start("worker")
      const client = yield* cluster.start("client", {}, "layerClient")
      for (const { pool } of [worker, client]) {
        const ticket = yield* pool.submit(Work, { id: "one" })
        ticket.onEnd(() => {
          throw new Error("a listener's own")
        })
        const heard = yield* Deferred.make<string>()
        ticket.onEnd(({ id }) => Deferred.doneUnsafe(heard, Exit.succeed(id)))
        assert.strictEqual(yield* soon(Deferred.await(heard)), ticket.id)
        assert.strictEqual(yield* soon(pool.execute(Work, { id: "two" })), "two by worker")
      }
      yield* client.close
      yield* worker.close
    })
  )
})

describe("a result", () => {
  const Any = Rpc.make("Any", { payload: { id: Schema.String }, success: Schema.Any, error: Schema.Any })
  const anys = RpcGroup.make(Any) as unknown as RpcGroup.RpcGroup<any>

  it.effect("that is no JSON ends its request with a defect that says so", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const circle: { self?: unknown } = {}
      circle.self = circle
      const throws = {
        toJSON() {
          throw new Error("not me")
        }
      }
      for (const [id, value] of Object.entries({ big: 1n, circle, throws })) {
        cluster.on(id, () => Effect.succeed(value as any))
        cluster.on(`failed ${id}`, () => Effect.fail(value as any))
      }
      const { close, durable, pool } = yield* cluster.start("a", {}, "layer", anys)
      for (const id of ["big", "circle", "throws", "failed big"]) {
        const exit = yield* soon(Effect.exit(pool.execute(Any, { id })))
        assert.include(messageOf(exit), 'The end of "Any" cannot be written down')
      }
      assert.strictEqual((yield* durable.local).held, 0)
      yield* close
    })
  )

  it.effect("of an Rpc that its process does not know is told as such", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      cluster.on("bad", () => Effect.fail("no"))
      const worker = yield* cluster.start("worker")
      const stranger = yield* cluster.start("stranger", {}, "layerClient", Cluster.Works.omit("Work") as any)
      const ticket = yield* worker.pool.submit(Work, { id: "bad" })
      yield* soon(ticket.outcome)
      const again = yield* stranger.durable.resubmit(ticket.id)
      const { end, exit } = yield* soon(again.outcome)
      assert.strictEqual(end, "failed")
      assert.include(messageOf(exit), 'The end of "Work" cannot be read')
      assert.strictEqual(yield* soon(stranger.pool.execute(Other, { id: "x" })), "x by worker")
      yield* stranger.close
      yield* worker.close
    })
  )
})

/** A clock whose date can be set, as that of a machine; what it measures goes on. */
const settable = (clock: Clock.Clock) => {
  let offset = 0
  return {
    set: (millis: number) => void (offset = millis),
    clock: {
      ...clock,
      sleep: (duration) => clock.sleep(duration),
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + offset,
      currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + offset)
    } satisfies Clock.Clock
  }
}

describe("a date that is set back by an hour", () => {
  it.effect("takes nobody's claims, and work is found as soon as ever", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      cluster.on("long", (id) => Effect.as(Deferred.await(gate), id))
      const { clock, set } = settable(yield* Clock.Clock)
      const a = yield* cluster
        .start("a", { timeout: "none", minWorkers: 2 })
        .pipe(Effect.provideService(Clock.Clock, clock))
      const client = yield* cluster.start("client", {}, "layerClient").pipe(Effect.provideService(Clock.Clock, clock))
      const long = yield* client.pool.submit(Work, { id: "long" })
      yield* TestClock.adjust("1 second")
      set(-3_600_000)
      const b = yield* cluster.start("b", {}, "layer", Cluster.Works.omit("Other") as any)
      cluster.memory.faults.loseNotices(true)
      assert.strictEqual(yield* soon(client.pool.execute(Other, { id: "other" })), "other by a")
      yield* TestClock.adjust("45 seconds")
      assert.deepStrictEqual(cluster.log, ["a long", "a other"])
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* soon(long.outcome)).deliveries, 1)
      yield* a.close
      yield* b.close
      yield* client.close
    })
  )
})

describe("a caller that gives up", () => {
  for (const way of ["execute", "process"] as const) {
    it.effect(`while its statement is under way leaves nothing behind: ${way}`, () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make
        const storing = yield* Deferred.make<void>()
        const group = Cluster.Works as unknown as RpcGroup.RpcGroup<any>
        const client = yield* cluster.start("client", {}, "layerClient", group, (session) => ({
          ...session,
          insert: (requests) => Effect.andThen(Deferred.await(storing), session.insert(requests))
        }))
        const { execute, process } = client.pool
        const call: Call.Call = { payload: { id: "one" }, rpc: Work, options: undefined } as any
        const asked = yield* Effect.forkChild(
          way === "execute" ? execute(Work, { id: "one" }) : Stream.runDrain(process(Stream.make(call)))
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(asked)
        // To cancel takes no time here, and must not come before what it is to cancel.
        yield* TestClock.adjust("1 second")
        yield* Deferred.succeed(storing, undefined)
        yield* TestClock.adjust("1 second")
        const { cancelled, stored, waiting } = yield* client.durable.counts
        assert.deepStrictEqual([stored, waiting, cancelled], [1, 0, 1])
        yield* client.close
      })
    )
  }

  it.effect("takes no request along that somebody else has asked for", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      cluster.on("one", (id) => Effect.as(Deferred.await(gate), id))
      const { close, pool } = yield* cluster.start("a")
      const client = yield* cluster.start("client", {}, "layerClient")
      const first = yield* Effect.forkChild(pool.execute(Work, { id: "one" }, { id: "order 7" }))
      yield* TestClock.adjust("1 second")
      const second = yield* Effect.forkChild(client.pool.execute(Work, { id: "one" }, { id: "order 7" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(second)
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* soon(Fiber.join(first)), "one")
      yield* client.close
      yield* close
    })
  )

  it.effect("need not: a pool that closes while the store is away tells whoever waits to be stored", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      cluster.memory.faults.setReach("away")
      const asked = yield* Effect.forkChild(Effect.flip(client.pool.submit(Work, { id: "one" })))
      yield* TestClock.adjust("1 second")
      yield* client.close
      assert.strictEqual((yield* soon(Fiber.join(asked)))._tag, "StoreUnavailable")
    })
  )
})
