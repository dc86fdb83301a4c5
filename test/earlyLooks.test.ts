/** Between two ticks: a request that finds no idle worker does not wait for the clock. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Call from "../src/Call.ts"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import { type Bench, withPool, Work } from "./support/bench.ts"

const scaling = ScalingPolicy.adaptive()

/** So many requests at once, of so long each. */
const submit = (bench: Bench, count: number, millis: number) =>
  Effect.gen(function* () {
    const name = `${millis} ms `
    for (let n = 0; n < count; n++) {
      bench.on(name + n, Effect.as(Effect.sleep(millis), ""))
      yield* bench.submit(name + n)
    }
  })

const workers = (bench: Bench) => Effect.map(bench.pool.snapshot, (snapshot) => snapshot.workers)

/** When how many workers were asked for, and what asked for it; only changes. */
const changes = (bench: Bench) =>
  Effect.map(bench.scaler.recent, (recent) =>
    recent.flatMap(({ after, before, cause, signals }) =>
      after === before ? [] : [`${signals.atMillis} ${cause} ${before} -> ${after}`]
    )
  )

/** A policy that wants these numbers, one a tick, and then keeps to the last. */
const wishes = (...numbers: ReadonlyArray<number>): ScalingPolicy.ScalingPolicy<number> => ({
  name: "wishes",
  initial: 0,
  decide: (_, tick) => ({
    workers: numbers[Math.min(tick, numbers.length - 1)]!,
    reason: `tick ${tick}`,
    state: tick + 1
  })
})

describe("with the defaults", () => {
  for (const [before, count, millis] of [
    ["before any request", 0, 0],
    ["after many that were quick", 50, 1],
    ["after some that took a second", 3, 1000]
  ] as const) {
    it.effect(`${before}, a second request starts within 100 ms of coming, whatever the first does`, () =>
      withPool({ scaling })((bench) =>
        Effect.gen(function* () {
          for (let n = 0; n < count; n++) {
            yield* submit(bench, 1, millis)
            yield* TestClock.adjust(2000)
          }
          yield* TestClock.adjust(20_400)
          assert.strictEqual(yield* workers(bench), 1)
          yield* submit(bench, 1, 3000)
          yield* TestClock.adjust(5)
          const ticket = yield* bench.submit("second")
          yield* TestClock.adjust(99)
          assert.strictEqual(yield* ticket.status, "ended")
        })
      )
    )
  }

  it.effect("64 requests of a second at once all run within 400 ms", () =>
    withPool({ scaling })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 64, 1000)
        yield* TestClock.adjust(399)
        assert.strictEqual(bench.running, 64)
        assert.deepStrictEqual(yield* changes(bench), [
          "0 shortage 1 -> 2",
          "50 shortage 2 -> 4",
          "100 shortage 4 -> 8",
          "150 shortage 8 -> 16",
          "200 shortage 16 -> 32",
          "250 shortage 32 -> 64"
        ])
      })
    )
  )

  it.effect("20 requests of a second take little more than that in all, two of three seconds just those", () =>
    Effect.gen(function* () {
      for (const [count, millis, all] of [
        [20, 1000, 1200],
        [2, 3000, 3000]
      ] as const) {
        yield* withPool({ scaling })((bench) =>
          Effect.gen(function* () {
            yield* submit(bench, count, millis)
            yield* TestClock.adjust(all)
            assert.strictEqual((yield* bench.pool.snapshot).succeeded, count)
          })
        )
      }
    })
  )

  it.effect("there is no more than one worker for each request, and the next ticks take none back", () =>
    withPool({ scaling })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(800)
        yield* submit(bench, 5, 300)
        yield* TestClock.adjust(5000)
        assert.deepStrictEqual(yield* changes(bench), [
          "800 shortage 1 -> 2",
          "850 shortage 2 -> 4",
          "900 shortage 4 -> 5"
        ])
      })
    )
  )

  it.effect("requests of a stream are requests like any other", () =>
    withPool({ scaling })((bench) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 30 }, (_, n) => `${n}`)
        for (const id of ids) bench.on(id, Effect.as(Effect.sleep(1000), id))
        const calls = Stream.fromIterable(ids.map((id) => Call.make(Work, { id })))
        const all = yield* Effect.forkChild(Stream.runDrain(bench.pool.process(calls)), { startImmediately: true })
        yield* TestClock.adjust(0)
        yield* TestClock.adjust(400)
        assert.strictEqual(bench.running, 30)
        yield* TestClock.adjust(1000)
        yield* Fiber.join(all)
      })
    )
  )
})

describe("when it looks", () => {
  it.effect("not before 50 ms have passed since the last look, tick or early", () =>
    withPool({ maxWorkers: 9, scaling: ScalingPolicy.make("a worker more than run", ({ running }) => running + 1) })(
      (bench) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(1010)
          yield* submit(bench, 3, 1_000_000)
          yield* TestClock.adjust(39)
          assert.strictEqual(yield* workers(bench), 1)
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* workers(bench), 2)
          yield* TestClock.adjust(49)
          assert.strictEqual(yield* workers(bench), 2)
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* workers(bench), 3)
        })
    )
  )

  it.effect("at once when the last look is longer ago", () =>
    withPool({ scaling: wishes(2) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(333)
        yield* submit(bench, 2, 1000)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* changes(bench), ["333 shortage 1 -> 2"])
      })
    )
  )

  it.effect("as soon as a paused pool is resumed, and never while it is paused", () =>
    withPool({ scaling: ScalingPolicy.make("three", () => 3) })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        yield* submit(bench, 3, 1000)
        yield* TestClock.adjust(700)
        assert.strictEqual(yield* workers(bench), 1)
        yield* bench.pool.resume
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* changes(bench), ["700 shortage 1 -> 3"])
      })
    )
  )

  for (const [what, options, prepare] of [
    ["held by hand", {}, (bench: Bench) => bench.scaler.hold(1)],
    ["at its bound", { maxWorkers: 1 }, () => Effect.void],
    ["with ticks that are no longer apart than early looks", { scalingInterval: 50 }, () => Effect.void]
  ] as const) {
    it.effect(`never ${what}`, () =>
      withPool({ scaling: ScalingPolicy.make("three", () => 3), ...options })((bench) =>
        Effect.gen(function* () {
          yield* prepare(bench)
          yield* submit(bench, 3, 1000)
          yield* TestClock.adjust(49)
          assert.strictEqual(yield* workers(bench), 1)
          yield* TestClock.adjust(3000)
          assert.notInclude((yield* changes(bench)).join(), "shortage")
        })
      )
    )
  }

  it.effect("never once it drains", () =>
    withPool({ scaling: ScalingPolicy.make("three", () => 3) })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 3, 1000)
        const drain = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust(3000)
        yield* Fiber.join(drain)
        assert.deepStrictEqual(yield* bench.scaler.recent, [])
      })
    )
  )

  const asMany = ScalingPolicy.make("as many", ({ running, waiting }) => running + waiting)
  for (const [what, options, forbid, allow] of [
    ["a hold", {}, (bench: Bench) => bench.scaler.hold(1), (bench: Bench) => bench.scaler.release],
    [
      "a pause that began between a request and the look that it asked for",
      {},
      (bench: Bench) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(10_010)
          yield* submit(bench, 2, 59_000)
          yield* TestClock.adjust(10)
          yield* bench.pool.pause
        }),
      (bench: Bench) => bench.pool.resume
    ],
    ["a bound", { maxWorkers: 1 }, () => Effect.void, (bench: Bench) => bench.pool.setBounds({ maxWorkers: 9 })],
    [
      "a policy that waits for its ticks",
      { scaling: ScalingPolicy.queueLength({ threshold: 99 }) },
      () => Effect.void,
      (bench: Bench) => bench.scaler.setPolicy(asMany)
    ],
    [
      "a policy that breaks",
      { scaling: { ...asMany, early: () => assert.fail("broken") } },
      () => Effect.void,
      (bench: Bench) => bench.scaler.setPolicy(asMany)
    ]
  ] as const) {
    it.effect(`again within 50 ms of the end of ${what}, however long ticks take`, () =>
      withPool({ scaling: asMany, scalingInterval: "10 seconds", ...options })((bench) =>
        Effect.gen(function* () {
          yield* forbid(bench)
          yield* submit(bench, 2, 60_000)
          yield* TestClock.adjust(10)
          yield* submit(bench, 1, 61_000)
          yield* TestClock.adjust(500)
          assert.strictEqual(yield* workers(bench), 1)
          yield* allow(bench)
          yield* TestClock.adjust(49)
          const { target, waiting } = yield* bench.pool.snapshot
          assert.deepStrictEqual([target > 1, waiting], [true, 0])
        })
      ).pipe(Effect.provide(Logger.layer([])))
    )
  }
})

describe("what it may do", () => {
  it.effect("a fold over ticks stays one: an early look has what the next tick would want, and counts as none", () =>
    withPool({ scaling: wishes(2, 5, 7) })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 9, 10_000)
        yield* TestClock.adjust(3000)
        assert.deepStrictEqual(yield* changes(bench), [
          "0 shortage 1 -> 2",
          "1050 shortage 2 -> 5",
          "2050 shortage 5 -> 7"
        ])
        assert.deepStrictEqual(
          (yield* bench.scaler.recent).filter(({ cause }) => cause === "tick").map(({ reason }) => reason),
          ["tick 0", "tick 1", "tick 2"]
        )
      })
    )
  )

  it.effect('a rule that says "one more" adds one in an interval, not one at each look', () =>
    withPool({ scaling: ScalingPolicy.make("one more", ({ target, waiting }) => (waiting > 0 ? target + 1 : target)) })(
      (bench) =>
        Effect.gen(function* () {
          yield* submit(bench, 9, 10_000)
          yield* TestClock.adjust(2999)
          assert.deepStrictEqual(yield* changes(bench), [
            "0 shortage 1 -> 2",
            "1050 shortage 2 -> 3",
            "2050 shortage 3 -> 4"
          ])
        })
    )
  )

  it.effect("what it has added stays until the tick after the next, though nothing may be left to see", () =>
    withPool({ scaling: ScalingPolicy.make("as many", ({ running, waiting }) => running + waiting) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(940)
        yield* submit(bench, 4, 10)
        yield* TestClock.adjust(2000)
        assert.deepStrictEqual(yield* changes(bench), ["940 shortage 1 -> 4", "2000 tick 4 -> 1"])
        assert.deepInclude((yield* bench.scaler.recent)[1], { proposed: 4, wanted: 0, heldBack: "cooldown" })
      })
    )
  )

  it.effect("without a cooldown of its own, adaptive keeps it as long", () =>
    withPool({ scaling: ScalingPolicy.adaptive({ cooldown: 0, fallPerSecond: 1 }) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(940)
        yield* submit(bench, 4, 20)
        yield* TestClock.adjust(60)
        const [, tick] = yield* bench.scaler.recent
        assert.deepInclude(tick, { cause: "tick", before: 2, after: 2, heldBack: "cooldown" })
      })
    )
  )

  it.effect("what a policy's own `early` has seen its next tick knows", () => {
    const seen: Array<number> = []
    const policy: ScalingPolicy.ScalingPolicy<number> = {
      ...wishes(1),
      decide: (_, looks) => {
        seen.push(looks)
        return { workers: 1, reason: "", state: 0 }
      },
      early: (_, looks) => ({ workers: 1, reason: "", state: looks + 1 })
    }
    return withPool({ scaling: policy })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 2, 60_000)
        yield* TestClock.adjust(140)
        yield* TestClock.adjust(1860)
        assert.deepStrictEqual(seen, [20, 19])
      })
    )
  })

  it.effect("the article's rule waits for its ticks: one worker more at each", () =>
    withPool({ scaling: ScalingPolicy.queueLength({ threshold: 1 }) })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 9, 10_000)
        yield* TestClock.adjust(2999)
        assert.deepStrictEqual(yield* changes(bench), ["1000 tick 1 -> 2", "2000 tick 2 -> 3"])
      })
    )
  )

  it.effect("the article's pool has none", () =>
    withPool({ ...ElasticPool.article, timeout: "none" })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 30, 10_000)
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(
          yield* changes(bench),
          Array.from({ length: 10 }, (_, n) => `${n + 1} tick ${n + 1} -> ${n + 2}`)
        )
      })
    )
  )

  it.effect("the bounds hold, and the decision says so", () =>
    withPool({ maxWorkers: 3, scaling: wishes(9) })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 9, 1000)
        yield* TestClock.adjust(0)
        assert.deepInclude((yield* bench.scaler.recent)[0], { after: 3, proposed: 9, heldBack: "maxWorkers" })
      })
    )
  )

  it.effect("a policy that throws is told of once, and asked again with the ticks", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const policy: ScalingPolicy.ScalingPolicy<void> = {
      ...ScalingPolicy.make("breaks", () => 2),
      early: () => {
        throw new Error("broken")
      }
    }
    return withPool({ scaling: policy })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 5, 10_000)
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(lines, [`policy "breaks" failed at this early look`])
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* workers(bench), 2)
      })
    ).pipe(Effect.provide(Logger.layer([logger])))
  })
})

describe("a load that comes in bursts, again and again", () => {
  for (const [count, millis, gap] of [
    [20, 60, 1000],
    [20, 60, 1500],
    [8, 100, 700],
    [30, 200, 3000],
    [10, 500, 2000],
    [10, 100, 4000]
  ] as const) {
    it.effect(
      `${count} x ${millis} ms each ${gap} ms: after ten seconds the number of workers hardly changes any more`,
      () =>
        withPool({ scaling })((bench) =>
          Effect.gen(function* () {
            for (let at = 0; at < 100_000; at += gap) {
              yield* submit(bench, count, millis)
              yield* TestClock.adjust(gap)
            }
            const late = (yield* changes(bench)).filter((change) => parseInt(change) > 10_000)
            assert.isAtMost(late.length, 5, late.join())
          })
        )
    )
  }

  it.effect("what is kept for them is gone within 30 s of the last one, and the reason tells of it until then", () =>
    withPool({ scaling, minWorkers: 0 })((bench) =>
      Effect.gen(function* () {
        for (let n = 0; n < 20; n++) {
          yield* submit(bench, 20, 60)
          yield* TestClock.adjust(1000)
        }
        assert.isAbove(yield* workers(bench), 5)
        assert.match((yield* bench.scaler.recent).at(-1)!.reason, /, and bursts that come again call for \d+$/)
        yield* TestClock.adjust(29_000)
        assert.strictEqual(yield* workers(bench), 0)
      })
    )
  )

  it.effect("a minute after the last one no more is kept than the rest of the load needs", () =>
    withPool({ scaling })((bench) =>
      Effect.gen(function* () {
        for (let n = 0; n < 20; n++) {
          yield* submit(bench, 20, 60)
          yield* TestClock.adjust(1000)
        }
        const kept = yield* workers(bench)
        for (let n = 0; n < 80; n++) {
          if (n === 50) assert.strictEqual(yield* workers(bench), kept)
          yield* submit(bench, 1, 60)
          yield* TestClock.adjust(1000)
        }
        assert.isBelow(yield* workers(bench), kept / 2)
      })
    )
  )
})

describe("what it leaves", () => {
  it.effect("a decision like any other, with its cause, in `recent`, on the stream and in the log", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return withPool({ scaling: wishes(2) })((bench) =>
      Effect.gen(function* () {
        const first = yield* Effect.forkChild(Stream.runCollect(Stream.take(bench.scaler.decisions, 1)), {
          startImmediately: true
        })
        yield* submit(bench, 2, 1000)
        yield* TestClock.adjust(100)
        const sentence =
          'At 00:00:00 UTC pool "default" went up from 1 to 2 workers without waiting for the tick: wishes wants 2 because tick 0.'
        assert.strictEqual(yield* bench.scaler.explain, sentence)
        assert.include(lines, sentence)
        assert.deepStrictEqual(yield* Fiber.join(first), yield* bench.scaler.recent)
        assert.deepInclude((yield* bench.scaler.recent)[0], { cause: "shortage", before: 1, after: 2 })
      })
    ).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Debug"))
  })

  it.effect("nothing when it adds nothing, or would take some away", () =>
    withPool({ scaling: wishes(3, 1) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(1000)
        yield* submit(bench, 9, 1000)
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(yield* changes(bench), ["1000 tick 1 -> 3"])
      })
    )
  )

  it.effect("nothing when the number is right", () =>
    withPool({ scaling: wishes(1) })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 9, 1000)
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(yield* bench.scaler.recent, [])
      })
    )
  )
})
