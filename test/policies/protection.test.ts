/** What a pool does to protect itself is load, or none: what was shed would have run, what is for later or refused by a breaker would not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../src/CircuitBreaker.ts"
import { adaptive, clamp } from "../../src/ScalingPolicy.ts"
import { type Bench, hears, withPool } from "../support/bench.ts"
import { live, times } from "../support/signals.ts"

describe("what was shed", () => {
  /** Ten workers are busy for all of the time, and a few wait: as many as before, since the others are given up. */
  const busy = { arrived: 100, ended: 100, millis: 100, running: 10, waiting: 30 }

  const policy = clamp(adaptive(), { maxWorkers: 10 })

  it("is load that cannot be seen in what waits", () => {
    const [, second, third] = live(policy, times(3, { ...busy, shed: 50 }), 10)
    assert.match(second!.reason, /; 50 were given up, as they had waited for too long/)
    assert.match(third!.reason, /all workers are busy and the backlog does not shrink/)
  })

  it("counts as not shrinking, though fewer wait", () => {
    const fewer = [30, 25, 20, 15].map((waiting) => ({ ...busy, waiting }))
    const reasons = (shed: number) =>
      live(
        policy,
        fewer.map((second) => ({ ...second, shed })),
        10
      ).map(({ reason }) => reason)
    assert.isFalse(reasons(0).some((reason) => reason.includes("does not shrink")))
    assert.isTrue(reasons(10).some((reason) => reason.includes("does not shrink")))
  })

  it("is told no more once nothing is shed any more", () => {
    const reasons = live(policy, [{ ...busy, shed: 50 }, busy], 10).map(({ reason }) => reason)
    assert.deepStrictEqual(
      reasons.map((reason) => reason.includes("given up")),
      [true, false]
    )
  })
})

/** Since the pool is half a minute old, and knows how long an attempt takes. */
const wantsOne = ({ scaler }: Bench) =>
  Effect.map(scaler.recent, (decisions) => {
    const later = decisions.filter(({ signals }) => signals.atMillis > 30_000)
    assert.isAtLeast(later.length, 9)
    for (const { reason, wanted } of later) assert.isAtMost(wanted, 1, reason)
  })

describe("what is for later", () => {
  const options = { maxWorkers: 64, scaling: adaptive(), capacity: "unbounded" } as const

  it.effect("is no load until its time has come, and then all of it", () =>
    withPool(options)((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(1000), ""))
        yield* bench.submit("a")
        yield* TestClock.adjust("30 seconds")
        for (let n = 0; n < 500; n++) yield* bench.submit("a", { delay: "30 seconds" })
        yield* TestClock.adjust("29 seconds")
        const { handlers, scheduled, target } = yield* bench.pool.snapshot
        assert.deepStrictEqual([scheduled, handlers["Work"]!.needless, target], [500, 500, 1])
        yield* wantsOne(bench)
        yield* TestClock.adjust("3 seconds")
        const due = yield* bench.pool.snapshot
        assert.strictEqual(due.handlers["Work"]!.needless, 0)
        assert.isAbove(due.target, 20)
      })
    )
  )

  it.effect("is none either when it is cancelled before", () =>
    withPool(options)((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(1000), ""))
        yield* bench.submit("a")
        yield* TestClock.adjust("30 seconds")
        for (let n = 0; n < 500; n++) yield* bench.submit("a", { delay: "1 minute" })
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* bench.pool.cancelAll({ phase: "delayed" }), 500)
        yield* TestClock.adjust("10 seconds")
        yield* wantsOne(bench)
      })
    )
  )
})

describe("what a breaker refuses", () => {
  it.effect("is no load", () =>
    withPool({
      maxWorkers: 64,
      scaling: adaptive(),
      breaker: CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(1),
        openDuration: "1 hour",
        whenOpen: "fail"
      })
    })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.andThen(Effect.sleep(1000), Effect.fail("down")))
        yield* bench.submit("fails")
        yield* TestClock.adjust("30 seconds")
        for (let second = 0; second < 10; second++) {
          for (let n = 0; n < 200; n++) yield* hears(bench.execute("a"))
          yield* TestClock.adjust("1 second")
        }
        const { handlers, refusedOpen, target } = yield* bench.pool.snapshot
        assert.deepStrictEqual([refusedOpen, handlers["Work"]!.needless, target], [2000, 2000, 1])
        yield* wantsOne(bench)
      })
    )
  )
})
