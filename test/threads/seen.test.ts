/** What is seen of threads from outside: in snapshots, events and metrics of the pool whose handlers run on them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Queue, Stream } from "effect"
import { Capacity, ElasticPool, Handlers, type PoolEvent, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Crash, group, Native, Spin } from "./modules/risky.ts"

const module = new URL("./modules/riskyHandlers.ts", import.meta.url)

/** Where the machine is slow, a thread takes its time to end: it is not to be stuck for that. */
const killAfter = "20 seconds"

const poolOf = (options: Omit<Threads.Options, "name"> = {}) =>
  ElasticPool.layer({ name: "mine", scaling: "none", minWorkers: 4 }).pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provide(Threads.layer(group, { module, min: 1, max: 1, spare: 0, killAfter, ...options }))
  )

/** Without a thread: the same handlers in the pool, as many at once as there are places. */
const poolAt = (places: Capacity.Places) =>
  ElasticPool.layer().pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provide(
      group
        .toLayer({
          Spin: () => Effect.void,
          Wait: () => Effect.void,
          Crash: () => Effect.void,
          Native: () => Effect.void
        })
        .pipe(Layer.provide(Layer.succeed(Capacity.Capacity, places)))
    )
  )

const threads = Effect.map(
  Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.snapshot),
  ({ limits }) => limits["threads"]!.threads!
)

const none = { starting: 0, idle: 0, busy: 0, dying: 0, stuck: 0 }

type Changed = Extract<PoolEvent.PoolEvent, { readonly _tag: "ThreadChanged" }>
const isChanged = (event: PoolEvent.PoolEvent): event is Changed => event._tag === "ThreadChanged"

/** Answers what takes events until one says that, and gives all that have come. */
const listen = Effect.gen(function* () {
  const { events } = yield* WorkerPool.WorkerPool
  const heard = yield* Queue.unbounded<Changed>()
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.filter(events, isChanged), (event) => Queue.offer(heard, event)),
    { startImmediately: true }
  )
  const all: Array<Changed> = []
  const until = (thread: number, change: Changed["change"]): Effect.Effect<ReadonlyArray<Changed>> =>
    Effect.suspend(() =>
      all.some((event) => event.thread === thread && event.change === change)
        ? Effect.succeed(all)
        : Effect.flatMap(Queue.take(heard), (event) => {
            all.push(event)
            return until(thread, change)
          })
    )
  return until
})

const of = (thread: number, events: ReadonlyArray<Changed>) =>
  events.flatMap(({ _tag, name: _name, thread: its, ...rest }) => (its === thread ? [rest] : []))

describe("threads are seen", () => {
  it.live("idle, busy, killed and replaced", () =>
    Effect.gen(function* () {
      const until = yield* listen
      const { startMillis, ...ready } = yield* threads
      assert.deepStrictEqual(ready, { now: { ...none, idle: 1 }, total: { started: 1, killed: 0, crashed: 0 } })
      assert.isAbove(startMillis!, 0)
      const { submit } = yield* WorkerPool.WorkerPool
      const ticket = yield* submit(Spin, undefined)
      yield* Effect.repeat(threads, { until: ({ now }) => now.busy === 1 })
      assert.deepStrictEqual((yield* threads).now, { ...none, busy: 1 })
      yield* ticket.cancel
      yield* until(1, "ended")
      const events = yield* until(2, "ready")
      assert.deepStrictEqual(of(1, events), [
        { change: "killed", tag: "Spin" },
        { change: "ended", tag: "Spin" }
      ])
      assert.deepStrictEqual(of(2, events), [{ change: "started" }, { change: "ready" }])
      assert.deepStrictEqual(new Set(events.map(({ name }) => name)), new Set(["threads"]))
      const { startMillis: _, ...replaced } = yield* threads
      assert.deepStrictEqual(replaced, { now: { ...none, idle: 1 }, total: { started: 2, killed: 1, crashed: 0 } })
    }).pipe(Effect.scoped, Effect.provide(poolOf()))
  )

  it.live("crashed, with what they have thrown, cut to a length that can be read", () =>
    Effect.gen(function* () {
      const until = yield* listen
      const { execute } = yield* WorkerPool.WorkerPool
      yield* Effect.flip(execute(Crash, { message: `nobody${"!".repeat(1000)}` }))
      const [first, ...others] = of(1, yield* until(2, "ready"))
      assert.deepStrictEqual(others, [])
      assert.deepInclude(first, { change: "crashed", tag: "Crash" })
      assert.match(first!.detail!, /^uncaught: nobody!+$/)
      assert.strictEqual(first!.detail!.length, 500)
      const { now, total } = yield* threads
      assert.deepStrictEqual(
        { now, total },
        { now: { ...none, idle: 1 }, total: { started: 2, killed: 0, crashed: 1 } }
      )
    }).pipe(Effect.scoped, Effect.provide(poolOf()))
  )

  it.live("stuck, each counted once, until what they are in has ended by itself", () =>
    Effect.gen(function* () {
      const until = yield* listen
      const { submit } = yield* WorkerPool.WorkerPool
      const ticket = yield* submit(Native, { seconds: 3 })
      yield* Effect.repeat(threads, { until: ({ now }) => now.busy === 1 })
      yield* ticket.cancel
      yield* until(1, "stuck")
      const { now } = yield* threads
      assert.deepInclude(now, { busy: 0, dying: 0, stuck: 1 })
      assert.strictEqual(now.starting + now.idle, 1)
      assert.deepStrictEqual(
        of(1, yield* until(1, "ended")).map(({ change }) => change),
        ["killed", "stuck", "ended"]
      )
      assert.strictEqual((yield* threads).now.stuck, 0)
    }).pipe(Effect.scoped, Effect.provide(poolOf({ killAfter: 100 })))
  )

  const series = Effect.map(
    Metric.snapshot,
    (all) =>
      new Map(
        all.flatMap(({ attributes, id, state }) =>
          id.startsWith("worker_pool_threads")
            ? [
                [
                  [id, ...Object.values(attributes ?? {})].join(" "),
                  "count" in state ? state.count : (state as any).value
                ]
              ]
            : []
        )
      )
  )

  it.live("in metrics, by name and state, which go with their pool", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const until = yield* listen
        const { submit } = yield* WorkerPool.WorkerPool
        const ticket = yield* submit(Spin, undefined)
        yield* Effect.repeat(threads, { until: ({ now }) => now.busy === 1 })
        const metrics = yield* series
        assert.isAbove(metrics.get("worker_pool_threads_start_seconds mine threads"), 0)
        metrics.delete("worker_pool_threads_start_seconds mine threads")
        assert.deepStrictEqual(Object.fromEntries(metrics), {
          "worker_pool_threads mine threads starting": 0,
          "worker_pool_threads mine threads idle": 0,
          "worker_pool_threads mine threads busy": 1,
          "worker_pool_threads mine threads dying": 0,
          "worker_pool_threads mine threads stuck": 0,
          "worker_pool_threads_started_total mine threads": 1,
          "worker_pool_threads_killed_total mine threads": 0,
          "worker_pool_threads_crashed_total mine threads": 0
        })
        yield* ticket.cancel
        yield* until(1, "ended")
        const later = yield* series
        assert.strictEqual(later.get("worker_pool_threads_killed_total mine threads"), 1)
        assert.strictEqual(later.get("worker_pool_threads_started_total mine threads"), 2)
      }).pipe(Effect.scoped, Effect.provide(poolOf()))
      assert.deepStrictEqual([...(yield* series).keys()], [])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("nowhere where there are none: a capacity of something else has neither counts nor series", () =>
    Effect.gen(function* () {
      const { limits } = yield* Effect.flatMap(WorkerPool.WorkerPool, ({ snapshot }) => snapshot)
      assert.deepStrictEqual(Object.keys(limits["licences"]!).includes("threads"), false)
      assert.deepStrictEqual([...(yield* series).keys()], [])
    }).pipe(
      Effect.provide(poolAt(Capacity.make({ name: "licences", places: 3 }))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  it.effect("by nobody who does not listen, and not after a pool's last event", () =>
    Effect.gen(function* () {
      const places = Capacity.make({ name: "threads", places: 1 })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.WorkerPool
        assert.isFalse(places.isHeard)
        const heard: Array<PoolEvent.PoolEvent["_tag"]> = []
        const listening = yield* Effect.forkChild(
          Stream.runForEach(pool.events, ({ _tag }) => Effect.sync(() => heard.push(_tag))),
          { startImmediately: true }
        )
        assert.isTrue(places.isHeard)
        places.publish({ thread: 7, change: "started" })
        yield* pool.drain()
        assert.isFalse(places.isHeard)
        places.publish({ thread: 7, change: "ended" })
        yield* Fiber.await(listening)
        assert.deepStrictEqual(
          heard.filter((tag) => tag !== "WorkerEnded" && tag !== "WorkerStarted"),
          ["ThreadChanged", "Draining", "Drained"]
        )
      }).pipe(Effect.provide(poolAt(places)))
    })
  )
})
