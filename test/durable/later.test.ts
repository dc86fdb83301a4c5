/** Requests for later, and calls that recur, where several processes share a store. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Cron, Effect, Stream } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import { type PoolEvent, Recurring, WorkerPool } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster
const minute = 60_000

const ofCluster = <A, E>(
  test: (cluster: Cluster.Cluster, a: Cluster.Process, b: Cluster.Process) => Effect.Effect<A, E>,
  isKilled = false
) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.make
    const [a, b] = [yield* cluster.start("a"), yield* cluster.start("b")]
    yield* test(cluster, a, b)
    assert.deepStrictEqual(Durable.lawViolations(yield* b.durable.counts), [])
    if (!isKilled) yield* a.close
    yield* b.close
  })

describe("a start later", () => {
  for (const [way, options] of [
    ["a delay", { delay: "1 hour" }],
    ["a date", { startAt: 60 * minute }]
  ] as const) {
    it.effect(`by ${way} outlives the process that has asked for it`, () =>
      ofCluster(
        (cluster, a, b) =>
          Effect.gen(function* () {
            const ticket = yield* a.pool.submit(Work, { id: "one" }, options)
            assert.strictEqual(yield* ticket.status, "delayed")
            const [view] = yield* b.pool.list()
            assert.deepInclude(view, { phase: "delayed", startsInMillis: 60 * minute })
            assert.deepStrictEqual(yield* b.pool.list({ group: "none" }), [])
            yield* TestClock.adjust(minute)
            assert.strictEqual(yield* ticket.startsInMillis, 59 * minute)
            yield* a.kill
            yield* TestClock.adjust(59 * minute - 1)
            assert.deepStrictEqual(cluster.log, [])
            // Nobody tells of it: it is found by the next look.
            yield* TestClock.adjust(2001)
            assert.deepStrictEqual(cluster.log, ["b one"])
          }),
        true
      )
    )
  }

  it.effect("of a date that is past is now", () =>
    ofCluster((cluster, a) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(1000)
        yield* Cluster.soon(
          Effect.flatMap(a.pool.submit(Work, { id: "one" }, { startAt: 1 }), (ticket) => ticket.await)
        )
        assert.strictEqual(cluster.log.length, 1)
      })
    )
  )

  it.effect("that cannot be is the caller's mistake, and is not stored", () =>
    ofCluster((_, a) =>
      Effect.gen(function* () {
        for (const [options, field] of [
          [{ delay: -1 }, "delay"],
          [{ startAt: "soon" }, "startAt"],
          [{ startAt: 1, delay: 1 }, "startAt"]
        ] as const) {
          const error = yield* Effect.flip(a.pool.submit(Work, { id: "one" }, options))
          assert.deepInclude(error, { _tag: "InvalidRequestOption", field })
        }
        assert.strictEqual((yield* a.durable.counts).stored, 0)
      })
    )
  )
})

it.effect("a primary key of the call is its identity, where it has no id", () =>
  ofCluster((cluster, a, b) =>
    Effect.gen(function* () {
      const one = yield* a.pool.submit(Work, { id: "one" }, { primaryKey: "order 7" })
      const two = yield* b.pool.submit(Work, { id: "two" }, { primaryKey: "order 7" })
      assert.deepStrictEqual([one.id, two.id], Array(2).fill(a.durable.idOf("Work", "order 7")))
      yield* Cluster.soon(two.await)
      assert.strictEqual(cluster.log.length, 1)
    })
  )
)

describe("a call that recurs in two processes", () => {
  const everyMinute = (options: Partial<Recurring.Plan> = {}): Recurring.Options => ({
    name: "every minute",
    cron: Cron.parseUnsafe("* * * * *", "UTC"),
    call: (tick) => WorkerPool.call(Work, { id: `${tick.epochMilliseconds / minute}` }, { id: "the same" }),
    ...options
  })

  it.effect("is run once for each tick, also when they come at different times", () =>
    ofCluster((cluster, a, b) =>
      Effect.scoped(
        Effect.gen(function* () {
          const ofA = yield* Recurring.make(a.pool, everyMinute())
          const ofB = yield* Recurring.make(b.pool, everyMinute({ jitter: "30 seconds" }))
          yield* TestClock.adjust(10 * minute + 40_000)
          assert.deepStrictEqual(
            cluster.log.map((line) => line.split(" ")[1]),
            ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
          )
          assert.deepInclude(yield* ofA, { asked: 10, pending: 0, lastEnd: "succeeded" })
          assert.deepInclude(yield* ofB, { asked: 10, pending: 0, lastEnd: "succeeded" })
          assert.strictEqual((yield* a.durable.counts).stored, 10)
        })
      )
    )
  )

  it.effect("is told at once that its payload does not fit; its Rpc may be one that others have", () =>
    ofCluster((_, a) =>
      Effect.scoped(
        Effect.gen(function* () {
          const call = WorkerPool.call(Work, { id: 1 } as never)
          assert.deepInclude(yield* Effect.flip(Recurring.make(a.pool, everyMinute({ call }))), { field: "call" })
          yield* Recurring.make(a.pool, everyMinute({ call: WorkerPool.call(Rpc.make("Others"), undefined as void) }))
        })
      )
    )
  )

  it.effect("goes on in one when the other is gone", () =>
    ofCluster(
      (cluster, a, b) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* Recurring.make(a.pool, everyMinute())
            yield* Recurring.make(b.pool, everyMinute())
            yield* TestClock.adjust(2 * minute + 3000)
            yield* a.kill
            yield* TestClock.adjust(2 * minute)
            assert.deepStrictEqual(
              cluster.log.map((line) => line.split(" ")[1]),
              ["1", "2", "3", "4"]
            )
          })
        ),
      true
    )
  )

  for (const [overlap, ids, replaced] of [
    ["skip", ["1", "4"], 0],
    // The fourth tick waits for the second, in both.
    ["queue", ["1", "2"], 0],
    ["replace", ["1", "2", "3", "4"], 2]
  ] as const) {
    it.effect(`overlaps by what the store knows: ${overlap}`, () =>
      ofCluster((cluster, a, b) =>
        Effect.scoped(
          Effect.gen(function* () {
            cluster.on("1", () => Effect.as(Effect.sleep(2.5 * minute), ""))
            cluster.on("2", () => Effect.as(Effect.sleep(1.5 * minute), ""))
            const withTimeout = (process: Cluster.Process) =>
              Recurring.make(
                process.pool,
                everyMinute({
                  overlap,
                  call: (tick) =>
                    WorkerPool.call(Work, { id: `${tick.epochMilliseconds / minute}` }, { timeout: "none" })
                })
              )
            const views = [yield* withTimeout(a), yield* withTimeout(b)]
            yield* TestClock.adjust(4 * minute + 5000)
            assert.deepStrictEqual(
              cluster.log.map((line) => line.split(" ")[1]),
              [...ids]
            )
            const all = yield* Effect.all(views)
            assert.strictEqual(
              all.reduce((sum, view) => sum + view.replaced, 0),
              replaced
            )
            if (overlap !== "queue") return
            yield* TestClock.adjust(minute)
            assert.deepStrictEqual(cluster.log.map((line) => line.split(" ")[1]).slice(0, 3), ["1", "2", "4"])
          })
        )
      )
    )
  }

  it.effect("is told by events, and ends with a drain", () =>
    ofCluster((_, a) =>
      Effect.scoped(
        Effect.gen(function* () {
          const events: Array<PoolEvent.PoolEvent> = []
          yield* Effect.forkChild(
            Stream.runForEach(a.pool.events, (event) => Effect.sync(() => events.push(event))),
            { startImmediately: true }
          )
          const view = yield* Recurring.make(a.pool, everyMinute())
          yield* TestClock.adjust(minute + 5000)
          assert.deepStrictEqual(
            events.flatMap((event) => (event._tag === "Ticked" ? [event.result] : [])),
            ["asked"]
          )
          assert.deepStrictEqual(yield* Recurring.of(a.pool), [yield* view])
          yield* a.pool.drain()
          assert.deepInclude(yield* view, { state: "stopped" })
          assert.isAbove(yield* Clock.currentTimeMillis, minute)
        })
      )
    )
  )
})
