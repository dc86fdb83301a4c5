/** Metrics. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
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
          yield* hears(bench.execute("fails"))
          yield* bench.execute("fine")
          yield* bench.submit("runs")
          yield* bench.submit("waits")
          yield* hears(bench.pool.submitUnknown("Nothing", {}))
          const metrics = yield* read
          const expected = {
            "worker_pool_requests_total mine failed": 1,
            "worker_pool_requests_total mine succeeded": 1,
            "worker_pool_refused_total mine not_found": 1,
            "worker_pool_accepted_total mine": 4,
            "worker_pool_attempts_total mine": 3,
            "worker_pool_requests mine running": 1,
            "worker_pool_requests mine waiting": 1,
            "worker_pool_workers mine running": 1,
            "worker_pool_workers mine target": 1
          }
          for (const [key, value] of Object.entries(expected)) assert.strictEqual(metrics.get(key), value, key)
          yield* TestClock.adjust(1500)
          assert.strictEqual((yield* read).get("worker_pool_ran_seconds_total mine"), 1.5)
        })
      )
      assert.deepStrictEqual([...(yield* read).keys()], [])
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
