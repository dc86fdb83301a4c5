/** What callers, handlers, clocks and single requests may do, and must hurt nobody else. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import type * as Durable from "../../src/durable/Durable.ts"
import { type Call, Limit } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { messageOf, Other, soon, Work } = Cluster
const group = Cluster.Works as unknown as RpcGroup.RpcGroup<any>

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

describe("a pool", () => {
  it.effect("cancels all that is there, though more comes all the time", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const ids = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.map(client.pool.submit(Work, { id: "before" }), ({ id }) => id)
      )
      cluster.memory.faults.setPace(10, 10)
      const submit = Effect.forkChild(client.pool.submit(Work, { id: "more" }))
      const load = yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.sleep("10 millis"), submit)))
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(yield* soon(client.pool.cancelAll({ tag: "Work" })), 20)
      yield* Fiber.interrupt(load)
      yield* TestClock.adjust("1 second")
      cluster.memory.faults.setPace(0, 0)
      const ends = yield* Effect.forEach(ids, client.durable.find)
      assert.isTrue(ends.every(({ end }) => end?.end === "cancelled"))
      yield* client.close
    })
  )

  it.effect("that has closed asks a store that is away for nothing any more", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const ticket = yield* client.pool.submit(Work, { id: "one" })
      cluster.memory.faults.setReach("away")
      const asked = [yield* Effect.forkChild(Effect.asVoid(ticket.cancel)), yield* Effect.forkChild(client.pool.pause)]
      yield* TestClock.adjust("10 seconds")
      yield* client.close
      for (const fiber of asked) assert.include(messageOf(yield* soon(Fiber.await(fiber))), "StoreUnavailable")
    })
  )

  it.effect("with a bound for each key, as one in memory may have, claims no less", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      cluster.on("slow", () => Effect.never)
      const options = { keyCapacity: 1, minWorkers: 2, scaling: "none", timeout: "none" } as Durable.Options
      const limits = [Limit.make({ name: "one", concurrency: 1, tags: ["Work"] })]
      const a = yield* cluster.start("a", { ...options, limits })
      for (let at = 0; at < 3; at++) yield* a.pool.submit(Work, { id: "slow" }, { key: "hog" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* soon(a.pool.execute(Other, { id: "other" })), "other by a")
      yield* a.kill
    })
  )
})

describe("an id", () => {
  it.effect("that is none is nobody's, and one is the same in upper case", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      cluster.on("bad", () => Effect.fail("no"))
      const asked: Array<string> = []
      const { close, durable, pool } = yield* cluster.start("a", {}, "layer", group, (session) => ({
        ...session,
        find: (id) => (asked.push(id), session.find(id)),
        discard: (id) => (asked.push(id), session.discard(id))
      }))
      for (const id of ["", "abc", "x\0y", "'; --"]) {
        assert.strictEqual((yield* Effect.flip(durable.ticket(id)))._tag, "NoSuchRequest")
        assert.strictEqual((yield* Effect.flip(durable.cancel(id)))._tag, "NoSuchRequest")
        assert.strictEqual((yield* Effect.flip(durable.resubmit(id)))._tag, "DeadLetterNotFound")
        assert.isFalse(yield* durable.discard(id))
      }
      assert.deepStrictEqual(asked, [])
      const { id } = yield* pool.submit(Work, { id: "bad" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* durable.find(id.toUpperCase())).request.id, id)
      const again = yield* durable.resubmit(id.toUpperCase())
      assert.strictEqual((yield* soon(again.outcome)).resubmittedFrom, id)
      yield* close
    })
  )

  it.effect("is one of each type: the same text, or UUID, names a request of either", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a")
      for (const id of [
        "order 7",
        crypto.randomUUID(),
        durable.idOf("Work", "order 8"),
        crypto.randomUUID().toUpperCase()
      ]) {
        const work = yield* pool.submit(Work, { id: "work" }, { id })
        const other = yield* pool.submit(Other, { id: "other" }, { id })
        assert.deepStrictEqual([yield* soon(work.await), yield* soon(other.await)], ["work by a", "other by a"])
        assert.deepStrictEqual([work.id, other.id], [durable.idOf("Work", id), durable.idOf("Other", id)])
        assert.strictEqual(durable.idOf("Work", id.toLowerCase()), work.id)
        // As who has asked for the id before will give it.
        assert.strictEqual(durable.idOf("Work", work.id), work.id)
        assert.strictEqual((yield* pool.submit(Work, { id: "again" }, { id: work.id })).id, work.id)
      }
      yield* close
    })
  )
})
