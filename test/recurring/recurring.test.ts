/** Calls that recur: when they tick, and what a tick does. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Cron, DateTime, Deferred, Effect, Exit, Fiber, Layer, Random, Schedule, Scope, Stream } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import { type ElasticPool, type PoolEvent, Recurring, WorkerPool } from "../../src/index.ts"
import { type Bench, state, withPool as withPoolOf, Work } from "../support/bench.ts"
import { unsteadyClock } from "../support/unsteadyClock.ts"

const minute = 60_000

const withPool = (options: ElasticPool.Options = {}) => withPoolOf({ timeout: "none", ...options })

const Unknown = Rpc.make("Unknown", { payload: {} })

/** Each request is named by the minute of its tick. */
const everyMinute: Recurring.Options = {
  name: "every minute",
  cron: Cron.parseUnsafe("* * * * *", "UTC"),
  call: (tick) => WorkerPool.call(Work, { id: `${tick.epochMilliseconds / minute}` })
}

const starts = (bench: Bench) => bench.log.filter((line) => line.endsWith("start"))
const ran = (bench: Bench) => starts(bench).map((line) => Number(line.split(" ")[1]!.slice(0, -1)))

const lasting = (bench: Bench, ids: ReadonlyArray<number>, millis: number) => {
  for (const id of ids) bench.on(`${id}`, Effect.as(Effect.sleep(millis), `${id}`))
}

describe("a tick", () => {
  it.effect("comes at its instant, not before, with the instant it was planned for", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const view = yield* Recurring.make(bench.pool, everyMinute)
        assert.deepInclude(yield* view, { state: "ticking", nextEpochMillis: minute, asked: 0, last: undefined })
        yield* TestClock.adjust(minute - 1)
        assert.deepStrictEqual(bench.log, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.log, [`${minute} 11 start`, `${minute} 11 success`])
        yield* TestClock.adjust(minute)
        assert.deepStrictEqual(ran(bench), [1, 2])
        assert.deepStrictEqual(yield* view, {
          name: "every minute",
          pool: bench.pool.name,
          state: "ticking",
          nextEpochMillis: 3 * minute,
          last: { atEpochMillis: 2 * minute, result: "asked", id: "2" },
          lastEnd: "succeeded",
          pending: 0,
          waiting: 0,
          asked: 2,
          skipped: 0,
          missed: 0,
          refused: 0,
          replaced: 0
        })
        assert.deepStrictEqual(yield* Recurring.of(bench.pool), [yield* view])
      })
    )
  )

  it.effect("of a schedule comes so long after the one before, until the schedule has ended", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const view = yield* Recurring.make(bench.pool, {
          name: "thrice",
          schedule: Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 3 })),
          call: WorkerPool.call(Work, { id: "a" })
        })
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(starts(bench), ["1000 a1 start", "3000 a2 start", "7000 a3 start"])
        assert.deepInclude(yield* view, { state: "stopped", nextEpochMillis: undefined, asked: 3 })
      })
    )
  )

  it.effect("of a cron text by the machine's zone, of a schedule without delays at most once a millisecond", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* Recurring.make(bench.pool, { ...everyMinute, cron: "* * * * *" })
        const view = yield* Recurring.make(bench.pool, {
          name: "forever",
          schedule: Schedule.forever,
          call: WorkerPool.call(Work, { id: "a" })
        })
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* view, { asked: 10 })
      })
    )
  )

  it.effect("comes later by its jitter, which is random and below its bound", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* Recurring.make(bench.pool, { ...everyMinute, jitter: "30 seconds" })
        yield* TestClock.adjust(100 * minute + 30_000)
        assert.strictEqual(starts(bench).length, 100)
        const late = starts(bench).map((line) => {
          const [at, id] = line.split(" ")
          return Number(at) - minute * Number(id!.slice(0, -1))
        })
        assert.isTrue(late.every((millis) => millis >= 0 && millis < 30_000))
        assert.isTrue(Math.max(...late) - Math.min(...late) > 15_000)
      }).pipe(Random.withSeed("jitter"))
    )
  )

  it.effect("is told by an event", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        const events: Array<PoolEvent.PoolEvent> = []
        yield* Effect.forkChild(
          Stream.runForEach(bench.pool.events, (event) => Effect.sync(() => events.push(event))),
          { startImmediately: true }
        )
        yield* Recurring.make(bench.pool, everyMinute)
        bench.on("blocker", Effect.as(Effect.sleep(minute), ""))
        yield* TestClock.adjust(2.5 * minute)
        yield* bench.call("blocker")
        yield* bench.call("other")
        yield* TestClock.adjust(1.5 * minute)
        assert.deepStrictEqual(
          events.flatMap((event) => (event._tag === "Ticked" ? [[event.name, event.atEpochMillis, event.result]] : [])),
          [1, 2, 3, 4].map((at) => ["every minute", at * minute, at === 3 ? "refused" : "asked"])
        )
      })
    )
  )

  it.effect("that is refused, or whose call throws, is counted and not tried again", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        bench.on("blocker", Effect.sleep(2.5 * minute).pipe(Effect.as("")))
        yield* bench.call("blocker")
        yield* bench.call("other")
        const view = yield* Recurring.make(bench.pool, {
          ...everyMinute,
          call: (tick) => {
            if (tick.epochMilliseconds === 4 * minute) throw new Error("no")
            return (everyMinute.call as (tick: DateTime.Utc) => never)(tick)
          }
        })
        yield* TestClock.adjust(2 * minute)
        assert.deepInclude(yield* view, { refused: 2, asked: 0 })
        yield* TestClock.adjust(3 * minute)
        assert.deepStrictEqual(ran(bench).filter(Number.isFinite), [3, 5])
        assert.deepInclude(yield* view, { refused: 3, asked: 2, state: "ticking" })
      })
    )
  )
})

describe("while an earlier one has not ended", () => {
  for (const [overlap, maxPending, expected, counts] of [
    ["skip", undefined, [1, 4, 5], { asked: 3, skipped: 2, replaced: 0 }],
    ["queue", undefined, [1, 2, 4, 5], { asked: 4, skipped: 1, replaced: 0 }],
    ["queue", 2, [1, 2, 3, 4, 5], { asked: 5, skipped: 0, replaced: 0 }],
    ["replace", undefined, [1, 2, 3, 4, 5], { asked: 5, skipped: 0, replaced: 1 }]
  ] as const) {
    it.effect(`${overlap} ${maxPending ?? ""}`, () =>
      withPool({ maxWorkers: 1 })((bench) =>
        Effect.gen(function* () {
          lasting(bench, [1], 2.5 * minute)
          const view = yield* Recurring.make(bench.pool, { ...everyMinute, overlap, maxPending })
          yield* TestClock.adjust(5 * minute)
          assert.deepStrictEqual(ran(bench), [...expected])
          assert.deepInclude(yield* view, { ...counts, pending: 0, missed: 0 })
        })
      )
    )
  }

  it.effect(
    "queue runs one after the other, in order, where workers are free, and each at the end of the one before",
    () =>
      withPool({ minWorkers: 3 })((bench) =>
        Effect.gen(function* () {
          lasting(bench, [1, 2, 3], 2.5 * minute)
          const view = yield* Recurring.make(bench.pool, { ...everyMinute, overlap: "queue", maxPending: 2 })
          yield* TestClock.adjust(3.5 * minute - 1)
          assert.deepStrictEqual(ran(bench), [1])
          assert.deepInclude(yield* view, {
            asked: 1,
            pending: 1,
            waiting: 2,
            skipped: 0,
            last: { atEpochMillis: minute, result: "asked", id: "1" }
          })
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(ran(bench), [1, 2])
          yield* TestClock.adjust(1.5 * minute)
          assert.deepInclude(yield* view, { asked: 2, pending: 1, waiting: 2, skipped: 1 })
          yield* TestClock.adjust(5 * minute)
          assert.strictEqual(bench.peak, 1)
          assert.deepStrictEqual(starts(bench).slice(0, 4), [
            `60000 11 start`,
            `210000 21 start`,
            `360000 31 start`,
            `510000 41 start`
          ])
        })
      )
  )

  it.effect("queue asks for what waits after the last tick of a schedule, and what waits ends with a drain", () =>
    withPool({ minWorkers: 3 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(2.5 * minute), ""))
        const options = { overlap: "queue", maxPending: 5, call: WorkerPool.call(Work, { id: "a" }) } as const
        const view = yield* Recurring.make(bench.pool, {
          ...options,
          name: "thrice",
          schedule: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 3 }))
        })
        yield* TestClock.adjust(3 * minute)
        assert.deepInclude(yield* view, { state: "ticking", asked: 1, waiting: 2, nextEpochMillis: undefined })
        yield* TestClock.adjust(3 * minute)
        assert.deepInclude(yield* view, { state: "stopped", asked: 3, waiting: 0 })
        yield* TestClock.adjust(3 * minute)
        assert.strictEqual(bench.peak, 1)
        const other = yield* Recurring.make(bench.pool, { ...everyMinute, ...options, name: "other" })
        yield* TestClock.adjust(2 * minute)
        assert.deepInclude(yield* other, { asked: 1, waiting: 1 })
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: "10 minutes" }), { startImmediately: true })
        yield* TestClock.adjust(10 * minute)
        yield* Fiber.join(drain)
        assert.deepInclude(yield* other, { state: "stopped", asked: 1, waiting: 0, refused: 0 })
      })
    )
  )

  it.effect("replace cancels what waits, and what runs", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        lasting(bench, [1, 2, 3], 10 * minute)
        bench.on("blocker", Effect.as(Effect.sleep(2.5 * minute), ""))
        yield* bench.call("blocker")
        const view = yield* Recurring.make(bench.pool, { ...everyMinute, overlap: "replace" })
        yield* TestClock.adjust(3 * minute)
        assert.deepStrictEqual(bench.log.slice(2), [
          `${2.5 * minute} 21 start`,
          `${3 * minute} 21 interrupted`,
          `${3 * minute} 31 start`
        ])
        assert.deepInclude(yield* view, { asked: 3, replaced: 2, lastEnd: "cancelled", pending: 1 })
      })
    )
  )
})

describe("ticks that were missed", () => {
  /** The wall clock is set forward by so many minutes, 5 s after the first tick. */
  const leapt = (minutes: number, options: Partial<Recurring.Options>, lasts = 0) =>
    withPool({ minWorkers: 4, maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        const clock = unsteadyClock(yield* Clock.Clock)
        lasting(bench, [1], lasts)
        const view = yield* Recurring.make(bench.pool, { ...everyMinute, ...options } as Recurring.Options).pipe(
          Effect.provideService(Clock.Clock, clock)
        )
        yield* TestClock.adjust(minute + 5000)
        clock.setWall(minutes * minute)
        yield* TestClock.adjust(minute)
        return [ran(bench), yield* view] as const
      })
    )

  /** Every five minutes, so that the last one that was leapt over is some minutes old. */
  const everyFive = { cron: Cron.parseUnsafe("1-59/5 * * * *", "UTC") }

  for (const [missed, overlap, lasts, expected, counts] of [
    ["latest", "skip", 0, [1, 11], { missed: 1, asked: 2, skipped: 0 }],
    ["skip", "skip", 0, [1], { missed: 2, asked: 1, skipped: 0 }],
    ["latest", "skip", 3 * minute, [1], { missed: 1, asked: 1, skipped: 1 }],
    ["latest", "queue", 3 * minute, [1], { missed: 1, asked: 1, waiting: 1, skipped: 0 }],
    ["skip", "queue", 3 * minute, [1], { missed: 2, asked: 1, skipped: 0 }],
    ["latest", "replace", 3 * minute, [1, 11], { missed: 1, asked: 2, replaced: 1 }],
    ["skip", "replace", 3 * minute, [1], { missed: 2, asked: 1, replaced: 0 }]
  ] as const) {
    it.effect(`${missed}, ${overlap}${lasts > 0 ? ", while the first one runs" : ""}`, () =>
      Effect.gen(function* () {
        const [starts, view] = yield* leapt(13, { ...everyFive, missed, overlap }, lasts)
        assert.deepStrictEqual(starts, [...expected])
        assert.deepInclude(view, { ...counts, nextEpochMillis: 16 * minute })
      })
    )
  }

  for (const missed of ["latest", "skip"] as const) {
    it.effect(`are none that come a little late: those run under ${missed} as well`, () =>
      Effect.gen(function* () {
        const [starts, view] = yield* leapt(10.5, { missed })
        assert.deepStrictEqual(starts, [1, 12])
        assert.deepInclude(view, { missed: 10, asked: 2 })
      })
    )
  }

  it.effect("are never all, nor are they all counted, after a very long sleep", () =>
    Effect.gen(function* () {
      const [starts, view] = yield* leapt(1_000_000.5, {})
      assert.deepStrictEqual(starts, [1, 1_000_002])
      assert.isAtLeast(view.missed, 100)
      assert.isBelow(view.missed, 200)
    })
  )

  it.effect("of a schedule too: it goes on from now", () =>
    Effect.gen(function* () {
      const [starts, view] = yield* leapt(1_000_000, { cron: undefined, schedule: Schedule.spaced("1 minute") })
      assert.strictEqual(starts.length, 2)
      assert.isBelow(view.missed, 200)
      assert.isAbove(view.nextEpochMillis!, 1_000_000 * minute)
    })
  )

  it.effect("by a clock that is set back none comes twice", () =>
    Effect.gen(function* () {
      const [starts, view] = yield* leapt(-10, {})
      assert.deepStrictEqual(starts, [1])
      assert.deepInclude(view, { missed: 0, nextEpochMillis: 2 * minute })
    })
  )

  for (const [missed, expected, counts] of [
    ["latest", [1, 4, 5], { asked: 3, missed: 2 }],
    ["skip", [1, 5], { asked: 2, missed: 3 }]
  ] as const) {
    it.effect(`before a full pool: ${missed}`, () =>
      withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
        Effect.gen(function* () {
          bench.on("blocker", Effect.as(Effect.sleep(4.5 * minute), ""))
          yield* bench.call("blocker")
          const filler = yield* bench.call("filler")
          const view = yield* Recurring.make(bench.pool, { ...everyMinute, missed, overlap: "queue" })
          yield* TestClock.adjust(4.4 * minute)
          assert.deepInclude(yield* view, { asked: 0, missed: 0 })
          assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1 })
          yield* TestClock.adjust(0.6 * minute)
          assert.strictEqual(state(filler), "success")
          assert.deepStrictEqual(ran(bench).filter(Number.isFinite), [...expected])
          assert.deepInclude(yield* view, counts)
        })
      )
    )
  }
})

describe("it ends", () => {
  it.effect("with its scope; what it has asked for goes on, and its name is free again", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        lasting(bench, [1], 90_000)
        const scope = yield* Scope.make()
        const view = yield* Recurring.make(bench.pool, everyMinute).pipe(Scope.provide(scope))
        yield* TestClock.adjust(minute)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* Recurring.of(bench.pool), [])
        assert.deepInclude(yield* view, { state: "stopped", pending: 1 })
        yield* TestClock.adjust(10 * minute)
        assert.deepStrictEqual(bench.log.at(-1), `${2.5 * minute} 11 success`)
        yield* Recurring.make(bench.pool, everyMinute)
        assert.strictEqual((yield* Recurring.of(bench.pool)).length, 1)
      })
    )
  )

  it.effect("with a drain, and is refused no tick by it", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const view = yield* Recurring.make(bench.pool, everyMinute)
        yield* TestClock.adjust(minute)
        yield* bench.pool.drain()
        assert.deepInclude(yield* view, { state: "stopped", nextEpochMillis: undefined })
        yield* TestClock.adjust(5 * minute)
        assert.deepInclude(yield* view, { asked: 1, refused: 0 })
        assert.deepInclude(yield* bench.pool.snapshot, { refusedDraining: 0 })
      })
    )
  )

  it.effect("with a drain while it stands before a full pool", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("blocker", Effect.as(Effect.sleep(10 * minute), ""))
        yield* bench.call("blocker")
        yield* bench.call("filler")
        const view = yield* Recurring.make(bench.pool, everyMinute)
        yield* TestClock.adjust(minute)
        yield* Effect.forkChild(bench.pool.drain({ deadline: 0 }), { startImmediately: true })
        yield* TestClock.adjust(minute)
        assert.deepInclude(yield* view, { state: "stopped", asked: 0, refused: 0 })
      })
    )
  )
})

it.effect("a layer recurs on the pool that it is over, as long as the layer lives", () =>
  withPool()((bench) =>
    Effect.gen(function* () {
      const layer = Recurring.layer(everyMinute).pipe(Layer.provide(Layer.succeed(WorkerPool.WorkerPool, bench.pool)))
      const ended = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(Effect.provide(Deferred.await(ended), layer))
      yield* TestClock.adjust(2 * minute)
      assert.deepStrictEqual(ran(bench), [1, 2])
      yield* Deferred.succeed(ended, undefined)
      yield* Fiber.join(fiber)
      yield* TestClock.adjust(2 * minute)
      assert.deepStrictEqual(ran(bench), [1, 2])
    })
  )
)

it.effect("several pools each have their own", () =>
  withPool({ name: "one" })((one) =>
    withPool({ name: "two" })((two) =>
      Effect.gen(function* () {
        yield* Recurring.make(one.pool, everyMinute)
        yield* Recurring.make(two.pool, { ...everyMinute, cron: Cron.parseUnsafe("*/2 * * * *", "UTC") })
        yield* TestClock.adjust(2 * minute)
        assert.deepStrictEqual([ran(one), ran(two)], [[1, 2], [2]])
        assert.deepStrictEqual(
          (yield* Recurring.of(two.pool)).map(({ pool }) => pool),
          ["two"]
        )
      })
    )
  )
)

it.effect("an option that does not fit is named", () =>
  withPool()((bench) =>
    Effect.gen(function* () {
      const { cron: _, ...rest } = everyMinute
      const wrong: ReadonlyArray<readonly [unknown, string]> = [
        [{ ...everyMinute, name: "" }, "name"],
        [{ ...everyMinute, name: 1 }, "name"],
        [rest, "cron"],
        [null, "options"],
        ["every minute", "options"],
        [{ ...everyMinute, overlaps: "queue" }, "overlaps"],
        [{ ...everyMinute, call: WorkerPool.call(Unknown, {}) }, "call"],
        [{ ...everyMinute, call: WorkerPool.call(Work, {} as never) }, "call"],
        [{ ...everyMinute, call: { rpc: undefined, payload: {} } }, "call"],
        [{ ...rest, cron: "61 * * * *" }, "cron"],
        [{ ...rest, cron: "0 0 30 2 *" }, "cron"],
        [{ ...everyMinute, schedule: Schedule.forever }, "schedule"],
        [{ ...rest, schedule: "soon" }, "schedule"],
        [{ ...everyMinute, call: undefined }, "call"],
        [{ ...everyMinute, call: { id: "a" } }, "call"],
        [{ ...everyMinute, overlap: "both" }, "overlap"],
        [{ ...everyMinute, missed: "all" }, "missed"],
        [{ ...everyMinute, jitter: -1 }, "jitter"],
        [{ ...everyMinute, jitter: Infinity }, "jitter"],
        [{ ...everyMinute, maxPending: 0 }, "maxPending"],
        [{ ...everyMinute, maxPending: 1.5 }, "maxPending"]
      ]
      const both = yield* Effect.flip(
        // @ts-expect-error one of the two says when
        Recurring.make(bench.pool, { ...everyMinute, schedule: Schedule.forever })
      )
      assert.match(both.message, /`schedule` to be unset beside a `cron`/)
      // @ts-expect-error and one of them has to
      const neither = yield* Effect.flip(Recurring.make(bench.pool, rest))
      assert.match(neither.message, /or a `schedule` in its place/)
      for (const [options, field] of wrong) {
        const error = yield* Effect.flip(Recurring.make(bench.pool, options as Recurring.Options))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field }, JSON.stringify(options))
      }
      assert.deepStrictEqual(yield* Recurring.of(bench.pool), [])
      yield* Recurring.make(bench.pool, everyMinute)
      assert.deepInclude(yield* Effect.flip(Recurring.make(bench.pool, everyMinute)), { field: "name" })
    })
  )
)
