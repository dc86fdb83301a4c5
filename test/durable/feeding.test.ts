/** How much a process claims, and that it grows with what waits in the store. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import { Limit, ScalingPolicy } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Other, Work } = Cluster

describe("a process", () => {
  it.effect("claims no more than its workers will begin soon, the others the rest", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      for (let at = 0; at < 100; at++) cluster.on(`${at}`, (id) => Effect.as(Deferred.await(gate), id))
      const client = yield* cluster.start("client", {}, "layerClient")
      const options: Durable.Options = { scaling: "none", minWorkers: 10, maxWorkers: 10 }
      const a = yield* cluster.start("a", options)
      yield* Cluster.askMany(client, 100)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* a.durable.local).held, 15)
      const b = yield* cluster.start("b", options)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* b.durable.local).held, 15)
      const counts = yield* client.durable.counts
      assert.deepStrictEqual([counts.waiting, counts.claimed], [70, 30])
      assert.deepStrictEqual(Durable.lawViolations(counts), [])
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 100)
      assert.strictEqual(cluster.log.length, 100)
      yield* a.close
      yield* b.close
      yield* client.close
    })
  )

  it.effect("gives back what it cannot begin while nothing ends, and another could", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const gate = yield* Deferred.make<void>()
      for (let at = 0; at < 12; at++) cluster.on(`${at}`, (id) => Effect.as(Deferred.await(gate), id))
      const client = yield* cluster.start("client", {}, "layerClient")
      const options: Durable.Options = { scaling: "none", minWorkers: 10, maxWorkers: 10, timeout: "none" }
      const a = yield* cluster.start("a", options)
      yield* Cluster.askMany(client, 12)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([(yield* a.durable.local).held, cluster.log.length], [12, 10])
      const b = yield* cluster.start("b", options)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        [(yield* a.durable.local).held, (yield* b.durable.local).held, cluster.log.length],
        [10, 2, 12]
      )
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 second")
      yield* a.close
      yield* b.close
      yield* client.close
    })
  )

  it.effect("does not let what a limit, or a paused key, holds back take the place of the others", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const never = (id: string) => Effect.as(Effect.never, id)
      cluster.on("limited", never)
      const client = yield* cluster.start("client", {}, "layerClient")
      const limits = [Limit.make({ name: "one", concurrency: 1, tags: ["Other"] })]
      const a = yield* cluster.start("a", { limits, scaling: "none", minWorkers: 4, timeout: "none", maxHeld: 20 })
      yield* client.pool.pauseOnly({ key: "hog" })
      yield* TestClock.adjust("4 seconds")
      for (let at = 0; at < 100; at++) {
        yield* client.pool.submit(Other, { id: "limited" })
        yield* client.pool.submit(Work, { id: "paused" }, { key: "hog" })
      }
      const ticket = yield* client.pool.submit(Work, { id: "one" })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* ticket.status, "ended")
      assert.deepStrictEqual(
        cluster.log.filter((line) => line !== "a limited"),
        ["a one"]
      )
      yield* client.pool.resumeOnly({ key: "hog" })
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 101)
      yield* a.kill
      yield* client.close
    })
  )

  it.effect("has at most `maxHeld`, those included whose ends the store has not recorded", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      yield* Cluster.askMany(client, 500)
      // Each statement takes so long that ends pile up.
      cluster.memory.faults.setPace(50, 0)
      const starting = yield* Effect.forkChild(cluster.start("a", { scaling: "none", minWorkers: 64, maxHeld: 40 }))
      yield* TestClock.adjust("1 second")
      const a = yield* starting.pollUnsafe()!
      let most = 0
      for (let at = 0; at < 400; at++) {
        yield* TestClock.adjust("20 millis")
        most = Math.max(most, (yield* a.durable.local).held)
      }
      cluster.memory.faults.setPace(0, 0)
      assert.isAbove(most, 30)
      assert.isAtMost(most, 40)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 500)
      yield* a.close
      yield* client.close
    })
  )

  it.effect("grows by its share of what waits in the store, not by what it holds alone", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      for (let at = 0; at < 2_000; at++) cluster.on(`${at}`, (id) => Effect.as(Effect.sleep("10 seconds"), id))
      const client = yield* cluster.start("client", {}, "layerClient")
      const scaling = ScalingPolicy.queueLength({ threshold: 300, step: 50 })
      const a = yield* cluster.start("a", { scaling, maxWorkers: 50 })
      const b = yield* cluster.start("b", { scaling, maxWorkers: 50 })
      yield* TestClock.adjust("4 seconds")
      yield* Cluster.askMany(client, 400)
      yield* TestClock.adjust("3 seconds")
      // 200 for each of two are not above 300.
      assert.strictEqual((yield* a.pool.snapshot).target, 1)
      assert.approximately((yield* a.durable.local).share, 200, 3)
      const closing = yield* Effect.forkChild(b.close)
      yield* TestClock.adjust("16 seconds")
      yield* Fiber.join(closing)
      assert.strictEqual((yield* a.durable.local).workers, 1)
      assert.strictEqual((yield* a.pool.snapshot).target, 50)
      yield* a.kill
      yield* client.close
    })
  )

  it.effect("claims nothing that it has no handler of", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const works = yield* cluster.start("works", {}, "layer", Cluster.Works.omit("Other") as any)
      yield* Cluster.askMany(client, 1, Other)
      yield* Cluster.askMany(client, 1, Work)
      yield* TestClock.adjust("5 seconds")
      const { tags } = yield* client.durable.counts
      assert.strictEqual(tags["Other"]!.waiting, 1)
      assert.deepStrictEqual(cluster.log, ["works 0"])
      const others = yield* cluster.start("others", {}, "layer", Cluster.Works.omit("Work") as any)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(cluster.log, ["works 0", "others 0"])
      yield* works.close
      yield* others.close
      yield* client.close
    })
  )
})

describe("a key that is paused", () => {
  it.effect("with much that waits costs few statements, and keeps nobody from the others", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      let claims = 0
      const client = yield* cluster.start("client", {}, "layerClient")
      yield* client.pool.pauseOnly({ key: "hog" })
      yield* Effect.forEach(Array.from({ length: 5_000 }), () =>
        client.pool.submit(Work, { id: "paused" }, { key: "hog" })
      )
      const group = Cluster.Works as unknown as RpcGroup.RpcGroup<any>
      const a = yield* cluster.start("a", {}, "layer", group, (session) => ({
        ...session,
        claim: (tags, most) => (claims++, session.claim(tags, most))
      }))
      const ticket = yield* client.pool.submit(Work, { id: "one" })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(cluster.log, ["a one"])
      assert.strictEqual(yield* ticket.status, "ended")
      yield* TestClock.adjust("25 seconds")
      assert.isBelow(claims, 150)
      yield* client.pool.resumeOnly({ key: "hog" })
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 5_001)
      assert.deepStrictEqual(Durable.lawViolations(yield* client.durable.counts), [])
      yield* a.close
      yield* client.close
    })
  )
})
