/** Requests of a store that run in batches: how much is claimed for them, and that each is delivered by itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import { Handlers, PoolError, RequestPolicy } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

type Answer = (ids: ReadonlyArray<string>, process: string) => Effect.Effect<unknown>

/** Processes whose `Work` is batched, and whose `Other` is not. `sizes`: of each batch that began, in each process. */
const withBatches = (batch: RequestPolicy.Batch, answer: Answer = () => Effect.sleep("1 second")) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.make
    const client = yield* cluster.start("client", {}, "layerClient")
    const Work = Cluster.Work.annotate(RequestPolicy.RequestPolicy, { batch, timeout: "none" })
    const group = RpcGroup.make(Work, Cluster.Other)
    const begun: Array<string> = []
    const deliveries: Array<ReadonlyArray<Durable.DeliveryInfo>> = []
    const start = (name: string, options: Durable.Options = {}) =>
      cluster.start(
        name,
        { scaling: "none", minWorkers: 4, maxWorkers: 4, ...options },
        "layer",
        group as any,
        undefined,
        (run) =>
          group.toLayer({
            Work: Handlers.batched(Work, (payloads) =>
              Effect.gen(function* () {
                const ids = payloads.map(({ id }) => id)
                begun.push(`${name} ${ids.length}`)
                deliveries.push(yield* Durable.Deliveries)
                yield* answer(ids, name)
                return ids.map((id) => Exit.succeed(id))
              })
            ),
            Other: run as any
          }) as any
      )
    const ask = (count: number, of?: Cluster.Asked) => Cluster.askMany(client, count, of)
    return { ask, begun, client, cluster, deliveries, start }
  })

describe("a process claims for batches", () => {
  it.effect("what fills those that its workers will soon begin, and no more", () =>
    Effect.gen(function* () {
      const { ask, begun, client, start } = yield* withBatches({ size: 10, within: "20 millis" }, () => Effect.never)
      yield* ask(200)
      const a = yield* start("a", { timeout: "none" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(begun, Array(4).fill("a 10"))
      // Four that run and two more, as with single ones four and two.
      assert.strictEqual((yield* a.durable.local).held, 60)
      assert.deepStrictEqual(Durable.lawViolations(yield* client.durable.counts), [])
      const b = yield* start("b", { timeout: "none" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* b.durable.local).held, 60)
      yield* a.kill
      yield* b.kill
      yield* client.close
    })
  )

  it.effect("so that they are full, though the first waits for others", () =>
    Effect.gen(function* () {
      const { ask, begun, client, start } = yield* withBatches({ size: 10, within: "50 millis" })
      const a = yield* start("a")
      yield* TestClock.adjust("1 second")
      yield* ask(200)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 200)
      assert.deepStrictEqual(begun, Array(20).fill("a 10"))
      yield* a.close
      yield* client.close
    })
  )

  it.effect("and for those that run one by one, each in turn", () =>
    Effect.gen(function* () {
      const { ask, begun, client, cluster, start } = yield* withBatches({ size: 10, within: "20 millis" })
      for (let at = 0; at < 40; at++) cluster.on(`${at}`, (id) => Effect.as(Effect.sleep("1 second"), id))
      yield* ask(200)
      yield* ask(40, Cluster.Other)
      const a = yield* start("a")
      yield* TestClock.adjust("4 seconds")
      assert.isAtLeast(begun.length, 4)
      assert.isAtLeast(cluster.log.length, 4)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 240)
      yield* a.close
      yield* client.close
    })
  )

  it.effect("no more of what a batch waits for than would fill it", () =>
    Effect.gen(function* () {
      const { ask, begun, client, start } = yield* withBatches({ size: 100, within: "1 hour" })
      const a = yield* start("a")
      yield* ask(30)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(begun, [])
      assert.strictEqual((yield* a.durable.local).held, 30)
      yield* ask(70)
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(begun, ["a 100"])
      yield* a.close
      yield* client.close
    })
  )

  it.effect("with what waits for its batch already taken for a part of it", () =>
    Effect.gen(function* () {
      const { ask, client, start } = yield* withBatches({ size: 50, within: "1 hour" }, () => Effect.never)
      const a = yield* start("a", { timeout: "none" })
      yield* ask(30)
      yield* TestClock.adjust("1 second")
      yield* ask(500)
      yield* TestClock.adjust("1 second")
      // One that is not full counts as one.
      const { held } = yield* a.durable.local
      assert.isAbove(held, 250)
      assert.isAtMost(held, 300)
      yield* a.kill
      yield* client.close
    })
  )

  it.effect("by how many batches have ended lately, and not how many requests", () =>
    Effect.gen(function* () {
      const { ask, client, start } = yield* withBatches({ size: 10 }, () => Effect.sleep("100 millis"))
      yield* ask(800)
      const a = yield* start("a")
      let most = 0
      for (let at = 0; at < 200; at++) {
        yield* TestClock.adjust("10 millis")
        most = Math.max(most, (yield* a.durable.local).held)
      }
      // Four that run, and as many as they have done in the 100 ms before.
      assert.isAtMost(most, 100)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* client.durable.counts).succeeded, 800)
      yield* a.close
      yield* client.close
    })
  )

  it.effect("and keeps what waits for its batch, where others could have it", () =>
    Effect.gen(function* () {
      const { ask, begun, client, cluster, start } = yield* withBatches({ size: 100, within: "30 seconds" })
      // Something that runs, and does not end: else nothing would be taken for stalled.
      cluster.on("0", () => Effect.never)
      const a = yield* start("a", { timeout: "none" })
      yield* ask(1, Cluster.Other)
      yield* TestClock.adjust("1 second")
      yield* ask(5)
      yield* TestClock.adjust("1 second")
      const b = yield* start("b", { timeout: "none" })
      yield* TestClock.adjust("27 seconds")
      assert.deepStrictEqual(begun, [])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(begun, ["a 5"])
      yield* a.kill
      yield* b.close
      yield* client.close
    })
  )
})

describe("each of a batch", () => {
  it.effect("has a delivery of its own, that its handler can know", () =>
    Effect.gen(function* () {
      const { ask, client, deliveries, start } = yield* withBatches({ size: 3 })
      const tickets = yield* ask(3)
      const a = yield* start("a")
      yield* TestClock.adjust("5 seconds")
      const infos = deliveries.flat()
      assert.deepStrictEqual(infos.map(({ id }) => id).toSorted(), tickets.map(({ id }) => id).toSorted())
      assert.isTrue(infos.every(({ deliveries, key }) => deliveries === 1 && key === ""))
      yield* a.close
      yield* client.close
    })
  )

  it.effect("is delivered again by itself: one that ends processes takes none with it", () =>
    Effect.gen(function* () {
      const doomed = new Set<string>()
      const { ask, client, start } = yield* withBatches({ size: 5, within: "20 millis" }, (ids, process) =>
        ids.includes("2")
          ? Effect.andThen(
              Effect.sync(() => void doomed.add(process)),
              Effect.never
            )
          : Effect.void
      )
      const tickets = yield* ask(10)
      const exits = new Map<string, { readonly exit: Exit.Exit<unknown, unknown>; readonly deliveries?: number }>()
      for (const [at, ticket] of tickets.entries()) ticket.onEnd((outcome) => exits.set(`${at}`, outcome))
      let started = 0
      let process = yield* start(`p${started++}`)
      for (let seconds = 0; exits.size < 10 && seconds < 300; seconds++) {
        yield* TestClock.adjust("1 second")
        if (!doomed.has(process.name)) continue
        yield* process.kill
        process = yield* start(`p${started++}`)
      }
      const { "2": poison, ...others } = Object.fromEntries(exits)
      assert.instanceOf(
        Exit.isFailure(poison!.exit) && (poison!.exit.cause.reasons[0] as any).error,
        PoolError.DeliveriesExhausted
      )
      assert.strictEqual(Object.values(others).filter(({ exit }) => Exit.isSuccess(exit)).length, 9)
      assert.deepStrictEqual(Durable.lawViolations(yield* client.durable.counts), [])
      yield* process.close
      yield* client.close
    })
  )
})
