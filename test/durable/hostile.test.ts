/** What callers, handlers, clocks and single requests may do, and must hurt nobody else. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import type * as Durable from "../../src/durable/Durable.ts"
import { idFor } from "../../src/durable/asking/ids.ts"
import type { Session } from "../../src/durable/Store.ts"
import { type Call, Limit, PoolError } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"
import { memberOf } from "./store/fixture.ts"

const { Other, Work } = Cluster
const group = Cluster.Works as unknown as RpcGroup.RpcGroup<any>

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

/** Refuses each step that one of these takes part in, and is away where there are more than so many. */
const choosy =
  (most: number, ...poison: ReadonlyArray<string>) =>
  (session: Session): Session => {
    const chosen =
      <A, B>(step: (all: ReadonlyArray<A>) => Effect.Effect<B, PoolError.StoreUnavailable>, idOf: (one: A) => string) =>
      (all: ReadonlyArray<A>) =>
        all.some((one) => poison.includes(idOf(one)))
          ? Effect.fail(new PoolError.StoreUnavailable({ reason: "refused", detail: "not this one" }))
          : all.length > most
            ? Effect.fail(new PoolError.StoreUnavailable({ reason: "away", detail: "too much for a statement" }))
            : step(all)
    return {
      ...session,
      insert: chosen(session.insert, ({ id }) => id),
      settle: chosen(session.settle, ({ record: { id } }) => id),
      giveBack: chosen(session.giveBack, ({ claim }) => claim.request.id),
      ends: chosen(session.ends, (id) => id)
    }
  }

describe("what the store does not take", () => {
  const poison = idFor("Work", "poison")
  const asked = (client: Cluster.Process, count: number) =>
    Effect.forEach(Array.from({ length: count }), (_, at) =>
      client.pool.submit(Work, { id: `${at}` }, at === 3 ? { id: poison } : {})
    )

  it.effect("is the end of one request, and not of the others", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      yield* asked(client, 100)
      const a = yield* cluster.start("a", { minWorkers: 64 }, "layer", group, choosy(500, poison))
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual([cluster.log.length, (yield* client.durable.counts).succeeded], [100, 99])
      assert.strictEqual(yield* soon(client.pool.execute(Work, { id: "more" })), "more by a")
      yield* a.kill
      yield* client.close
    })
  )

  it.effect("is too much at a time: then it is less, for ends, those who wait for them, and what is given back", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      const client = yield* cluster.start("client", {}, "layerClient", group, choosy(9))
      for (let at = 0; at < 100; at++) cluster.on(`${at}`, (id) => Effect.as(Deferred.await(gate), id))
      const tickets = yield* asked(client, 100)
      const outcomes = yield* Effect.forkChild(Effect.forEach(tickets, ({ outcome }) => outcome, { concurrency: 100 }))
      const a = yield* cluster.start("a", { minWorkers: 64, timeout: "none" }, "layer", group, choosy(9))
      yield* TestClock.adjust("1 second")
      // They come together.
      cluster.memory.faults.setPace(50, 0)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* soon(Fiber.join(outcomes))).length, 100)
      cluster.memory.faults.setPace(0, 0)
      yield* a.close
      yield* client.close
    })
  )

  it.effect("is given back by nobody, and the others are at once", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      for (let at = 0; at < 100; at++) cluster.on(`${at}`, () => Effect.never)
      yield* asked(client, 100)
      const options: Durable.Options = { minWorkers: 64, scaling: "none", timeout: "none", drainDeadline: "1 second" }
      const a = yield* cluster.start("a", options, "layer", group, choosy(20, poison))
      yield* TestClock.adjust("3 seconds")
      const closing = yield* Effect.forkChild(a.close)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(closing)
      const { claimed, waiting } = yield* client.durable.counts
      assert.deepStrictEqual([waiting, claimed], [99, 1])
      yield* client.close
    })
  )

  it.effect("of a result is one that is too long: it ends with a defect that says so", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      cluster.on("long", () => Effect.succeed("x".repeat(40_000_000)))
      const { close, pool } = yield* cluster.start("a")
      const exit = yield* soon(Effect.exit(pool.execute(Work, { id: "long" })))
      assert.include(messageOf(exit), "at most 32000000 are stored")
      yield* close
    })
  )
})

describe("a process", () => {
  it.effect("begins nothing before it knows what is paused", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      yield* client.pool.pauseOnly({ tag: "Work" })
      yield* client.pool.submit(Work, { id: "one" })
      const a = yield* cluster.start("a", {}, "layer", group, (session) => ({
        ...session,
        beat: (says) => Effect.delay(session.beat(says), "2 seconds")
      }))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(cluster.log, [])
      yield* client.pool.resumeOnly({ tag: "Work" })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(cluster.log, ["a one"])
      yield* a.close
      yield* client.close
    })
  )

  it.effect("that closes before it could be heard of does not wait for that", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const a = yield* cluster.start("a", {}, "layer", group, (session) => ({ ...session, beat: () => Effect.never }))
      yield* soon(a.close)
    })
  )

  it.effect("whose beats fail keeps its claims", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      cluster.on("long", (id) => Effect.as(Deferred.await(gate), id))
      let isHeard = true
      const refused = new PoolError.StoreUnavailable({ reason: "refused", detail: "not this process" })
      const a = yield* cluster.start("a", { timeout: "none" }, "layer", group, (session) => ({
        ...session,
        beat: (says) => (isHeard ? session.beat(says) : Effect.fail(refused))
      }))
      const ticket = yield* a.pool.submit(Work, { id: "long" })
      yield* TestClock.adjust("1 second")
      isHeard = false
      const b = yield* cluster.start("b")
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(cluster.log, ["a long"])
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* soon(ticket.await), "long")
      yield* a.close
      yield* b.close
    })
  )

  it.effect("runs a suspect though what it has claimed before may not begin", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      cluster.on("slow", (id) => Effect.as(Deferred.await(gate), id))
      const client = yield* cluster.start("client", {}, "layerClient")
      const options: Durable.Options = { minWorkers: 2, scaling: "none", timeout: "none" }
      const a = yield* cluster.start("a", options)
      for (let at = 0; at < 2; at++) yield* client.pool.submit(Work, { id: "slow" })
      yield* client.pool.submit(Other, { id: "paused" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* a.durable.local).held, 3)
      yield* client.pool.pauseOnly({ tag: "Other" })
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* a.durable.local).held, 1)

      // Delivered twice before.
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* cluster.memory.store.join(memberOf(["Work"]))
          yield* session.setPause({ tag: "Work" }, true)
          yield* TestClock.adjust("4 seconds")
          yield* client.pool.submit(Work, { id: "suspect" })
          for (let at = 0; at < 2; at++) {
            const [claim] = yield* session.claim(["Work"], 1)
            yield* session.giveBack([{ claim: claim!, delayMillis: 0, attempts: 0, counts: true }])
          }
          yield* session.setPause({ tag: "Work" }, false)
        })
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(cluster.log, ["a slow", "a slow", "a suspect"])
      yield* client.pool.resumeOnly({ tag: "Other" })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 4)
      yield* a.close
      yield* client.close
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
