/** Histograms of how long requests waited and ran. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { bucketCount, bucketOf, lowerOf } from "../src/internal/buckets.ts"
import { LatencyHistogram } from "../src/internal/histogram.ts"
import * as Latencies from "../src/Latencies.ts"
import { withPool } from "./support/bench.ts"

describe("buckets", () => {
  it("each begins where the one before ends, and none is wider than an eighth", () => {
    for (let bucket = 1; bucket < bucketCount; bucket++) {
      const lower = lowerOf(bucket)
      assert.strictEqual(bucketOf(lower), bucket)
      assert.strictEqual(bucketOf(lower * (1 - 1e-9)), bucket - 1)
      if (bucket >= 8) assert.isAtMost(lowerOf(bucket + 1) / lower, 1.125)
    }
    assert.deepStrictEqual([0, -1, Number.NaN].map(bucketOf), [0, 0, 0])
    assert.deepStrictEqual([1e12, Infinity].map(bucketOf), [bucketCount - 1, bucketCount - 1])
  })

  it("tell quantiles no more than an eighth too high, and of any span", () => {
    const histogram = new LatencyHistogram()
    for (let millis = 1; millis <= 1000; millis++) histogram.record(millis)
    const before = histogram.counts
    for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
      const exact = share * 1000
      const told = Latencies.quantile(before, share)
      assert.isTrue(told >= exact && told <= exact * 1.126, `${share}: ${told}`)
    }
    for (let n = 0; n < 10; n++) histogram.record(5000)
    const later = Latencies.difference(histogram.counts, before)
    assert.deepStrictEqual([later.count, later.sumMillis], [10, 50_000])
    assert.isAbove(Latencies.quantile(later, 0.01), 4999)
    assert.strictEqual(Latencies.quantile(Latencies.difference(before, before), 0.5), 0)
    assert.strictEqual(Latencies.countBelow(before, 512), 511)
  })
})

it.effect("a pool counts each ended request once, and how long it ran if it did", () =>
  withPool({ maxWorkers: 1, name: "timed" })((bench) =>
    Effect.gen(function* () {
      bench.on("a", Effect.as(Effect.sleep(100), "a"))
      bench.on("b", Effect.as(Effect.sleep(300), "b"))
      yield* bench.submit("a")
      yield* bench.submit("b")
      const withdrawn = yield* bench.submit("c")
      yield* withdrawn.cancel
      yield* TestClock.adjust(400)
      const { ran, waited } = yield* bench.pool.latencies
      assert.deepStrictEqual([waited.count, waited.sumMillis], [3, 100])
      assert.deepStrictEqual([ran.count, ran.sumMillis], [2, 400])
      const text = (yield* PrometheusMetrics.format()).split("\n")
      const lines = [
        "# TYPE worker_pool_ran_seconds histogram",
        'worker_pool_ran_seconds_bucket{pool="timed",le="0.064"} 0',
        'worker_pool_ran_seconds_bucket{pool="timed",le="0.128"} 1',
        'worker_pool_ran_seconds_bucket{pool="timed",le="0.512"} 2',
        'worker_pool_ran_seconds_bucket{pool="timed",le="65.536"} 2',
        'worker_pool_ran_seconds_bucket{pool="timed",le="+Inf"} 2',
        'worker_pool_ran_seconds_sum{pool="timed"} 0.4',
        'worker_pool_ran_seconds_count{pool="timed"} 2',
        'worker_pool_waited_seconds_count{pool="timed"} 3'
      ]
      for (const line of lines) assert.include(text, line)
    })
  ).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
)
