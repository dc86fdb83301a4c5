/** What a store may refuse, and a process may not be told or able to begin, without harm to what it can. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import type * as Durable from "../../src/durable/Durable.ts"
import { idFor } from "../../src/durable/asking/ids.ts"
import type { Session } from "../../src/durable/Store.ts"
import { PoolError } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"
import { memberOf } from "./store/fixture.ts"

const { messageOf, Other, soon, Work } = Cluster
const group = Cluster.Works as unknown as RpcGroup.RpcGroup<any>

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
