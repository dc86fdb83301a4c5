/** The load of late: what is kept of it in memory, for how long, and how much at most. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../../src/ElasticPool.ts"
import { recordedIn } from "../../src/recording/chunks.ts"
import { hear, type Hearing, type HearingOptions } from "../../src/recording/hearing.ts"
import * as RetryPolicy from "../../src/RetryPolicy.ts"
import { WorkerMinutes } from "../../src/recording/workerMinutes.ts"
import { type Bench, withPool } from "../support/bench.ts"

const hour = 3_600_000
const bounds = { keepMillis: hour, mostRequests: 1_000_000, mostBytes: 1e9 }

const heard =
  (options: ElasticPool.Options, most: Partial<HearingOptions> = {}) =>
  <A, E, R>(test: (bench: Bench, hearing: Hearing) => Effect.Effect<A, E, R>) =>
    withPool(options)((bench) =>
      Effect.scoped(Effect.flatMap(hear(bench.pool, { ...bounds, ...most }), (hearing) => test(bench, hearing!)))
    )

const requestsOf = (hearing: Hearing) => {
  const { chunks, fromMillis } = hearing()
  return [...recordedIn(chunks, fromMillis)]
}

const one = { minWorkers: 1, maxWorkers: 1 }

describe("what is heard", () => {
  it.effect("is when a request came, how its attempts went, and how it ended", () =>
    heard({ ...one, retry: RetryPolicy.make({ times: 1, delay: () => 100 }) })((bench, hearing) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        bench.on("b", Effect.andThen(Effect.sleep(50), Effect.fail("no")))
        yield* TestClock.adjust(10)
        yield* bench.submit("a", { key: "acme" })
        yield* TestClock.adjust(5)
        yield* bench.submit("b", { priority: 3 })
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(requestsOf(hearing), [
          {
            atMillis: 10,
            type: "Work",
            key: "acme",
            attempts: [{ startedAtMillis: 10, millis: 100, end: "succeeded" }],
            end: "succeeded",
            endedAtMillis: 110
          },
          {
            atMillis: 15,
            type: "Work",
            priority: 3,
            attempts: [
              { startedAtMillis: 110, millis: 50, end: "failed" },
              { startedAtMillis: 260, millis: 50, end: "failed" }
            ],
            end: "failed",
            endedAtMillis: 310
          }
        ])
        const { fromMillis, requests, untilMillis, workers } = hearing()
        assert.deepStrictEqual([untilMillis - fromMillis, requests, workers], [1015, 2, { mean: 1, most: 1 }])
      })
    )
  )

  it.effect("is heard beside a recording, and nothing is after its scope has ended", () =>
    withPool(one)((bench) =>
      Effect.gen(function* () {
        bench.on("quick", Effect.succeed("quick"))
        const outer = (yield* hear(bench.pool, bounds))!
        const inner = yield* Effect.scoped(
          Effect.gen(function* () {
            const inner = (yield* hear(bench.pool, bounds))!
            yield* bench.submitMany(1)
            return inner
          })
        )
        yield* bench.submitMany(1)
        assert.deepStrictEqual([requestsOf(outer).length, requestsOf(inner).length], [2, 1])
      })
    )
  )
})

describe("what is kept", () => {
  it.effect("is no older than an hour", () =>
    heard(one)((bench, hearing) =>
      Effect.gen(function* () {
        bench.on("quick", Effect.succeed("quick"))
        yield* bench.submitMany(3)
        assert.strictEqual(hearing().requests, 3)
        yield* TestClock.adjust(1000)
        yield* bench.submitMany(2)
        yield* TestClock.adjust(hour - 1000)
        assert.strictEqual(requestsOf(hearing).length, 5)
        yield* TestClock.adjust(1)
        const { fromMillis, requests, untilMillis } = hearing()
        assert.deepStrictEqual([untilMillis - fromMillis, requests], [hour, 2])
      })
    )
  )

  it.effect("is no more than so many requests: the oldest go, and what is left is complete", () =>
    heard(
      { ...one, capacity: 10_000 },
      { mostRequests: 2048 }
    )((bench, hearing) =>
      Effect.gen(function* () {
        bench.on("quick", Effect.succeed("quick"))
        for (let second = 0; second < 6; second++) {
          yield* bench.submitMany(512)
          yield* TestClock.adjust(1000)
        }
        const { fromMillis, requests, untilMillis } = hearing()
        // Two blocks of 1024 are left, and what came at the instant of the last that is gone is not all there.
        assert.deepStrictEqual([untilMillis - fromMillis, requests], [5000, 2048])
        const kept = requestsOf(hearing)
        assert.deepStrictEqual([kept.length, kept[0]!.atMillis, kept.at(-1)!.atMillis], [2048, 1000, 4000])
      })
    )
  )

  it.effect("is no more than so many bytes, of keys too", () =>
    heard(
      { ...one, capacity: 10_000 },
      { mostBytes: 100_000 }
    )((bench, hearing) =>
      Effect.gen(function* () {
        bench.on("quick", Effect.succeed("quick"))
        for (let n = 0; n < 8; n++) {
          yield* bench.submitMany(512, { key: `${n}`.repeat(10_000) })
          yield* TestClock.adjust(1000)
        }
        const { chunks, requests } = hearing()
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
        assert.isAtMost(bytes, 100_000)
        assert.strictEqual(requests, 1024)
      })
    )
  )
})

describe("the workers", () => {
  it("are counted minute by minute, however long nothing changes", () => {
    const minutes = new WorkerMinutes({ startedAt: 500, workers: 2, keepMillis: hour })
    assert.deepStrictEqual(minutes.between(500, 500), { mean: 0, most: 0 })
    minutes.change(6, 30_500)
    assert.deepStrictEqual(minutes.between(500, 60_500), { mean: 4, most: 6 })
    minutes.change(1, 120_500)
    assert.deepStrictEqual(minutes.between(60_500, 120_500), { mean: 6, most: 6 })
    assert.deepStrictEqual(minutes.between(500, 180_500), { mean: 11 / 3, most: 6 })
    // Half of a minute counts as half of what it was.
    assert.deepStrictEqual(minutes.between(30_500, 60_500), { mean: 4, most: 6 })
    assert.deepStrictEqual(minutes.between(500 + 9 * hour, 500 + 10 * hour), { mean: 1, most: 1 })
    minutes.change(3, 500 + 10 * hour)
    assert.deepStrictEqual(minutes.between(500 + 9 * hour, 500 + 10 * hour + 60_000), { mean: 63 / 61, most: 3 })
  })
})
