/** Looks of a scaler keep their pace. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Ticking from "../../src/internal/ticking.ts"

/** When ticks began that took so long each, at one look a second, within ten seconds. */
const ticksOf = (took: ReadonlyArray<number>, firstTick?: number) =>
  Effect.gen(function* () {
    const at: Array<number> = []
    const start = yield* Clock.currentTimeMillis
    const ticks = yield* Ticking.make({}, 1000).pipe(Effect.provideService(Ticking.FirstTick, firstTick))
    const tick = Effect.gen(function* () {
      at.push((yield* Clock.currentTimeMillis) - start)
      yield* Effect.sleep(took[at.length - 1] ?? 0)
      return at.length < took.length
    })
    yield* Effect.forkChild(ticks.each(tick), { startImmediately: true })
    yield* TestClock.adjust(10_000)
    return at
  })

describe("ticks", () => {
  it.effect("come each interval from the first one on, which is where it was asked for", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ticksOf([0, 0, 0]), [1000, 2000, 3000])
      assert.deepStrictEqual(yield* ticksOf([0, 0, 0], 1), [1, 1001, 2001])
      assert.deepStrictEqual(yield* ticksOf([0, 0, 0], 250), [250, 1250, 2250])
    })
  )

  it.effect("that take their time, or are late, move none that follow", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ticksOf([7, 7, 7, 7]), [1000, 2000, 3000, 4000])
      assert.deepStrictEqual(yield* ticksOf([499, 500, 0]), [1000, 2000, 3000])
    })
  )

  it.effect("are not followed within half an interval", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ticksOf([501, 0, 0]), [1000, 3000, 4000])
      assert.deepStrictEqual(yield* ticksOf([1000, 0, 0]), [1000, 3000, 4000])
      assert.deepStrictEqual(yield* ticksOf([1700, 0, 0]), [1000, 4000, 5000])
    })
  )

  it.effect("go with the timers where the clock stands still", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const standing = { ...clock, sleep: clock.sleep.bind(clock), monotonicTimeNanosUnsafe: () => 0n }
      const at: Array<number> = []
      const ticks = yield* Effect.provideService(Ticking.make({}, 1000), Clock.Clock, standing as Clock.Clock)
      const tick = Effect.map(Clock.currentTimeMillis, (now) => at.push(now) < 3)
      yield* Effect.forkChild(ticks.each(tick), { startImmediately: true })
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(at, [1000, 2000, 3000])
    })
  )
})
