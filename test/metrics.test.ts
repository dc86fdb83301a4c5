/** Metrics. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Metric, Schema, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../src/CircuitBreaker.ts"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as Limit from "../src/Limit.ts"
import * as RequestPolicy from "../src/RequestPolicy.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { hears, withPool, Work, Works } from "./support/bench.ts"

describe("metrics", () => {
  const read = Effect.map(
    Metric.snapshot,
    (all) =>
      new Map(
        all.map(({ attributes, id, state }) => [
          [id, ...Object.values(attributes ?? {})].join(" "),
          "count" in state ? state.count : "value" in state ? state.value : undefined
        ])
      )
  )

  it.effect("mirror the pool's counts, tagged with its name, and go when it is closed", () =>
    Effect.gen(function* () {
      yield* withPool({ name: "mine", maxWorkers: 1 })((bench) =>
        Effect.gen(function* () {
          bench.on("fails", Effect.fail("f"))
          bench.on("runs", Effect.as(Effect.sleep(1500), "runs"))
          bench.on("dies", Effect.die("d"))
          yield* hears(bench.execute("fails"))
          yield* hears(bench.execute("dies"))
          yield* bench.execute("fine")
          yield* bench.submit("runs")
          yield* bench.submit("waits")
          yield* hears(bench.pool.submitUnknown("Nothing", {}))
          const metrics = yield* read
          const expected = {
            "worker_pool_requests_total mine failed": 2,
            "worker_pool_requests_total mine succeeded": 1,
            "worker_pool_defects_total mine": 1,
            "worker_pool_refused_total mine not_found": 1,
            "worker_pool_accepted_total mine": 5,
            "worker_pool_attempts_total mine": 4,
            "worker_pool_requests mine running": 1,
            "worker_pool_requests mine waiting": 1,
            "worker_pool_workers mine running": 1,
            "worker_pool_workers mine target": 1,
            "worker_pool_state mine open": 1,
            "worker_pool_state mine draining": 0,
            "worker_pool_paused mine": 0,
            "worker_pool_min_workers mine": 1,
            "worker_pool_max_workers mine": 1,
            "worker_pool_capacity mine": 10_000,
            "worker_pool_held_back mine": 0,
            "worker_pool_keys mine": 0,
            "worker_pool_handler_offered_total mine Work": 5,
            "worker_pool_handler_attempts_total mine Work succeeded": 1,
            "worker_pool_handler_attempts_total mine Work failed": 2,
            "worker_pool_handler_attempts_total mine Work timed_out": 0,
            "worker_pool_handler_running mine Work": 1,
            "worker_pool_handler_offered_total mine run": 0
          }
          for (const [key, value] of Object.entries(expected)) assert.strictEqual(metrics.get(key), value, key)
          yield* TestClock.adjust(1500)
          assert.strictEqual((yield* read).get("worker_pool_ran_seconds_total mine"), 1.5)
          assert.strictEqual((yield* read).get("worker_pool_handler_busy_seconds_total mine Work"), 1.5)
          yield* bench.pool.setBounds({ maxWorkers: 3 })
          yield* bench.pool.run(Effect.void)
          const later = yield* read
          assert.strictEqual(later.get("worker_pool_max_workers mine"), 3)
          assert.strictEqual(later.get("worker_pool_handler_attempts_total mine run succeeded"), 1)
          yield* bench.pool.pause
          assert.strictEqual((yield* read).get("worker_pool_paused mine"), 1)
          yield* bench.pool.drain()
          const closed = yield* read
          assert.strictEqual(closed.get("worker_pool_state mine open"), 0)
          assert.strictEqual(closed.get("worker_pool_state mine closed"), 1)
        })
      )
      assert.deepStrictEqual([...(yield* read).keys()], [])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("count what is held back, keys and limits; a bound comes and goes with `setLimit`", () =>
    Effect.gen(function* () {
      const limits = [
        Limit.make({ name: "few", concurrency: 1 }),
        Limit.make({ name: "slow", per: "key", rate: { limit: 90, period: "1 minute" } })
      ]
      yield* withPool({ name: "mine", limits, maxWorkers: 4, minWorkers: 4 })((bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.as(Effect.sleep(1000), "a"))
          for (const key of ["k1", "k2", "k3"]) yield* bench.submit("a", { key })
          yield* TestClock.adjust(500)
          const metrics = yield* read
          const expected = {
            "worker_pool_requests mine waiting": 2,
            "worker_pool_held_back mine": 2,
            "worker_pool_handler_held_back mine Work": 2,
            "worker_pool_handler_held_back mine run": 0,
            "worker_pool_keys mine": 3,
            "worker_pool_limit_started_total mine few": 1,
            "worker_pool_limit_running mine few": 1,
            "worker_pool_limit_held_back mine few": 2,
            "worker_pool_limit_concurrency mine few": 1,
            "worker_pool_limit_starts_per_second mine few": undefined,
            "worker_pool_limit_held_back mine slow": 0,
            "worker_pool_limit_concurrency mine slow": undefined,
            "worker_pool_limit_starts_per_second mine slow": 1.5
          }
          for (const [key, value] of Object.entries(expected)) assert.strictEqual(metrics.get(key), value, key)
          assert.deepStrictEqual(
            [...metrics.keys()].filter((key) => key.includes("k1")),
            []
          )
          yield* bench.pool.setLimit("few", { concurrency: "none", rate: { limit: 5, period: "1 second" } })
          yield* read
          const later = yield* read
          assert.isFalse(later.has("worker_pool_limit_concurrency mine few"))
          assert.strictEqual(later.get("worker_pool_limit_starts_per_second mine few"), 5)
        })
      )
      assert.deepStrictEqual([...(yield* read).keys()], [])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("tell how often a worker took a batch, of types that have batches", () =>
    Effect.gen(function* () {
      const Index = Rpc.make("Index", { payload: { n: Schema.Number }, success: Schema.Number }).annotate(
        RequestPolicy.RequestPolicy,
        { batch: { size: 2, within: 10 } }
      )
      const group = RpcGroup.make(Index)
      const batched = Handlers.batched(Index, (all) => Effect.succeed(all.map(({ n }) => Exit.succeed(n))))
      const handlers = Handlers.layer(group).pipe(Layer.provide(group.toLayer({ Index: batched })))
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.WorkerPool
        const calls = Effect.all(
          [1, 2, 3].map((n) => pool.execute(Index, { n })),
          { concurrency: "unbounded" }
        )
        const fiber = yield* Effect.forkChild(calls, { startImmediately: true })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3])
        const metrics = yield* read
        assert.strictEqual(metrics.get("worker_pool_handler_attempts_total mine Index succeeded"), 3)
        assert.strictEqual(metrics.get("worker_pool_handler_batches_total mine Index"), 2)
        assert.isFalse(metrics.has("worker_pool_handler_batches_total mine run"))
      }).pipe(Effect.provide(ElasticPool.layer({ name: "mine" }).pipe(Layer.provide(handlers))))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect(
    "tell of breakers by type, of a budget, shedding and batches where there are any, and of nothing else",
    () =>
      Effect.gen(function* () {
        const names = Effect.map(read, (metrics) => [...metrics.keys()].filter((key) => uses.test(key)))
        const uses = /shed|overloaded|denied|batche|breaker/
        yield* withPool({ name: "plain" })(() => Effect.map(names, (there) => assert.deepStrictEqual(there, [])))
        const budget = RetryBudget.make({ ratio: 0, minPerSecond: 0 })
        const retry = RetryPolicy.make({ times: 3, base: 0 })
        const breaker = CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(2) })
        yield* withPool({ name: "mine", strategy: "shedding", retryBudget: budget, retry, breaker })((bench) =>
          Effect.gen(function* () {
            const before = yield* read
            for (const key of [
              "worker_pool_shed_total mine",
              "worker_pool_overloaded mine",
              "worker_pool_retries_denied_total mine",
              "worker_pool_breaker_open mine Work",
              "worker_pool_breaker_half_open mine Work",
              "worker_pool_breaker_opened_total mine Work"
            ])
              assert.strictEqual(before.get(key), 0, key)
            bench.on("fails", Effect.fail("f"))
            for (const key of ["k1", "k2"]) yield* hears(bench.execute("fails", { key }))
            const after = yield* read
            assert.strictEqual(after.get("worker_pool_retries_denied_total mine"), 2)
            assert.strictEqual(after.get("worker_pool_breaker_open mine Work"), 1)
            assert.strictEqual(after.get("worker_pool_breaker_opened_total mine Work"), 1)
            // It is no limit, and nothing is by key.
            assert.isFalse([...after.keys()].some((key) => key.startsWith("worker_pool_limit_") || key.includes("k1")))
            yield* TestClock.adjust("30 seconds")
            assert.strictEqual((yield* read).get("worker_pool_breaker_opened_total mine Work"), 1)
          })
        )
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect(
    "two living pools of one name have series of their own, and the end of one takes nothing from the other",
    () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${String(message)}`))
        const layer = Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: ({ id }) => Effect.succeed(id) })))
        const open = Effect.gen(function* () {
          const scope = yield* Scope.make()
          const { pool } = yield* ElasticPool.make({ name: "twin", drainDeadline: 0 }).pipe(
            Effect.provide(layer),
            Scope.provide(scope)
          )
          return { pool, close: Scope.close(scope, Exit.void) }
        }).pipe(Effect.provide(Logger.layer([logger])))
        const accepted = Effect.map(read, (metrics) =>
          Object.fromEntries([...metrics].filter(([key]) => key.startsWith("worker_pool_accepted_total")))
        )
        const run = (pool: WorkerPool.WorkerPool["Service"], times: number) =>
          Effect.replicateEffect(pool.execute(Work, { id: "a" }), times)

        const a = yield* open
        yield* run(a.pool, 3)
        assert.deepStrictEqual(lines, [])
        const b = yield* open
        yield* run(b.pool, 5)
        assert.deepStrictEqual(yield* accepted, {
          "worker_pool_accepted_total twin": 3,
          "worker_pool_accepted_total twin 2": 5
        })
        assert.deepStrictEqual(lines, [
          'Warn there is another pool of the name "twin": the metrics of this one have the label instance="2"; give each pool a `name` of its own'
        ])
        yield* b.close
        assert.deepStrictEqual(yield* accepted, { "worker_pool_accepted_total twin": 3 })
        const c = yield* open
        yield* a.close
        yield* run(c.pool, 1)
        assert.deepStrictEqual(yield* accepted, { "worker_pool_accepted_total twin 2": 1 })
        const d = yield* open
        assert.strictEqual((yield* accepted)["worker_pool_accepted_total twin"], 0)
        yield* c.close
        yield* d.close
        assert.deepStrictEqual([...(yield* read).keys()], [])
        // In a registry of its own a pool has no twin.
        const e = yield* open
        const f = yield* Effect.provideService(open, Metric.MetricRegistry, new Map())
        assert.strictEqual(lines.length, 2)
        yield* e.close
        yield* f.close
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("two pools of different names do not mix", () =>
    Effect.gen(function* () {
      const layer = Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: ({ id }) => Effect.succeed(id) })))
      const one = yield* ElasticPool.make({ name: "one" }).pipe(Effect.provide(layer))
      yield* ElasticPool.make({ name: "two" }).pipe(Effect.provide(layer))
      yield* one.pool.execute(Work, { id: "a" })
      const metrics = yield* read
      assert.strictEqual(metrics.get("worker_pool_accepted_total one"), 1)
      assert.strictEqual(metrics.get("worker_pool_accepted_total two"), 0)
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
