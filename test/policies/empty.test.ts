/** After a burst, when nothing comes any more. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import { withPool } from "../support/bench.ts"
import { live, signals } from "../support/signals.ts"

/** The second, counted from the burst, at which the pool is without workers. */
const goneAfter = (count: number, millis: number, spreadMillis = 0) =>
  withPool({ minWorkers: 0, scaling: ScalingPolicy.adaptive() })((bench) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(500)
      bench.on("work", Effect.as(Effect.sleep(millis), ""))
      for (let n = 0; n < count; n++) {
        yield* bench.submit("work")
        yield* TestClock.adjust(spreadMillis / count)
      }
      for (let second = 1; second <= 200; second++) {
        yield* TestClock.adjust(1000)
        if ((yield* bench.pool.snapshot).workers === 0) return second
      }
      return Infinity
    })
  )

describe("a pool that may have no workers has none soon after a burst", () => {
  for (const millis of [20, 100, 1000, 3000]) {
    it.effect(`of ${millis} ms each: within 30 s, and the larger burst is not the faster one`, () =>
      Effect.gen(function* () {
        const seconds: Array<number> = []
        for (const count of [1, 2, 5, 10, 20, 30, 100, 300]) {
          // What is still at work after ten seconds is no pool at rest.
          if ((count * millis) / 64 < 10_000) seconds.push(yield* goneAfter(count, millis))
        }
        assert.isAtMost(Math.max(...seconds), 30)
        // Of a few requests more or less, chance is in the ticks: they lie two seconds apart at most.
        for (const [n, second] of seconds.entries()) assert.isAtLeast(second, Math.max(...seconds.slice(0, n)) - 2)
        assert.isBelow(seconds[0]!, seconds.at(-1)!)
      })
    )
  }

  it.effect("within 30 s after one that took two ticks", () =>
    Effect.gen(function* () {
      assert.isAtMost(yield* goneAfter(30, 1000, 1500), 30)
    })
  )
})

describe("a handler that nobody asks for any more", () => {
  /** What a load of 20 requests of 3 s leaves behind while another handler goes on with 1,000/s of 10 ms. */
  const after = (seconds: number) => {
    const policy = ScalingPolicy.adaptive()
    let state = policy.initial
    let wanted = 0
    for (let tick = 1; tick <= seconds; tick++) {
      const answer = policy.decide(
        {
          ...signals,
          atMillis: 1000 * tick,
          waiting: 0,
          blocked: 0,
          delayed: 0,
          running: 10,
          handlers: { Busy: counts(1000 * tick, 10), Burst: counts(20, 3000) }
        },
        state
      )
      state = answer.state
      wanted = answer.wanted ?? answer.workers
    }
    return wanted
  }
  const counts = (requests: number, millis: number) => ({
    ...signals.handlers["Work"]!,
    offered: requests,
    attempts: requests,
    retries: 0,
    running: 0,
    succeeded: requests,
    failed: 0,
    timedOut: 0,
    occupiedMillis: requests * millis,
    runningMillis: 0,
    succeededMillis: requests * millis,
    heldBack: 0,
    batches: 0,
    needless: 0
  })

  it("is forgotten while others go on", () => {
    assert.isAbove(after(1), 60)
    assert.isAtMost(after(4), 15)
  })

  it("one that is asked for once in five seconds is not", () => {
    const seldom = Array.from({ length: 120 }, (_, n) => ({ arrived: n % 5 === 0 ? 1 : 0, millis: 4000, running: 1 }))
    for (const { wanted, workers } of live(ScalingPolicy.adaptive(), seldom).slice(10)) {
      assert.isAtLeast(wanted ?? workers, 1)
    }
  })
})
