/** Deadlines by a clock that stands still, steps, or disagrees with the timers: none is lost, and none comes too early. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Deadline, Deadlines } from "../../src/internal/deadlines.ts"
import { Alarm, Turn } from "../../src/internal/runtime.ts"
import { Time } from "../../src/internal/time.ts"
import { randomOf } from "../support/random.ts"
import { unsteadyClock } from "../support/unsteadyClock.ts"

/** Deadlines by an unsteady clock over the test's own, which tells what is true. */
const running = (precision: "exact" | "host") =>
  Effect.gen(function* () {
    const base = yield* Clock.Clock
    const clock = unsteadyClock(base, precision)
    const parts = Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const time = new Time(context)
      const deadlines = new Deadlines(time, new Alarm(context, yield* Effect.scope), new Turn(context, () => {}))
      return { deadlines, now: time.now }
    })
    const { deadlines, now } = yield* Effect.provideService(parts, Clock.Clock, clock)
    return { clock, deadlines, now, trueNow: () => Number(base.monotonicTimeNanosUnsafe()) / 1e6 }
  })

/** A timer of a host may ring this much before its time. */
const earlyMillis = 2

describe("Time", () => {
  it.effect("goes by the monotonic clock, however the wall clock is set and however early the timers ring", () =>
    Effect.gen(function* () {
      const { clock, deadlines, now, trueNow } = yield* running("host")
      yield* TestClock.adjust(0.3)
      const fired: Array<number> = []
      for (let round = 0; round < 2000; round++) {
        const due = trueNow() + 1 + (round % 7)
        deadlines.set(new Deadline(() => fired.push(trueNow() - due)), now(), 1 + (round % 7))
        if (round % 100 === 0) clock.setWall(round % 200 === 0 ? 3_600_000 : -3_600_000)
        yield* TestClock.adjust(0.7 * (1 + (round % 13)))
      }
      yield* TestClock.adjust(20)
      assert.strictEqual(fired.length, 2000)
      assert.isAtLeast(Math.min(...fired), -1e-5)
      assert.isBelow(Math.max(...fired), 2)
      assert.approximately(now(), trueNow(), 1e-5)
    })
  )

  it.effect("never goes back, whatever the clock does", () =>
    Effect.gen(function* () {
      const { clock, now } = yield* running("exact")
      yield* TestClock.adjust(100)
      assert.strictEqual(now(), 100)
      clock.step(-3_600_000)
      assert.strictEqual(now(), 100)
      yield* TestClock.adjust(50)
      assert.strictEqual(now(), 150)
    })
  )

  it.effect("a clock that stands still does not keep a deadline from coming, at its time", () =>
    Effect.gen(function* () {
      const { clock, deadlines, now, trueNow } = yield* running("host")
      clock.stall()
      const fired: Array<number> = []
      deadlines.set(new Deadline(() => fired.push(trueNow())), now(), 5000)
      yield* TestClock.adjust(4999)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(fired, [5000])
      assert.isBelow(clock.sleeps(), 30)
    })
  )

  it.effect("one that is set while the clock is behind still has all of its time, when that is found", () =>
    Effect.gen(function* () {
      const { clock, deadlines, now, trueNow } = yield* running("exact")
      clock.stall()
      const fired: Array<string> = []
      const watched = new Deadline(() => fired.push(`${trueNow()} watched`))
      deadlines.watch(watched)
      const set = (deadline: Deadline, millis: number) => deadlines.set(deadline, now(), millis)
      set(new Deadline(() => fired.push(`${trueNow()} first`)), 100)
      for (let millis = 0; millis < 60; millis += 10) {
        yield* TestClock.adjust(10)
        // The wall clock is of no help.
        clock.setWall(-10)
      }
      set(watched, 90)
      set(new Deadline(() => fired.push(`${trueNow()} second`)), 100)
      yield* TestClock.adjust(43)
      assert.deepStrictEqual(
        fired.map((line) => line.split(" ")[1]),
        ["first"]
      )
      yield* TestClock.adjust(46)
      assert.strictEqual(fired.length, 1)
      yield* TestClock.adjust(50)
      assert.strictEqual(fired.length, 3)
    })
  )

  it.effect("random clocks: each deadline comes once, none before its time, and nothing spins", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 300; seed++) {
        const random = randomOf(seed)
        const { clock, deadlines, now, trueNow } = yield* running(random.of(["exact", "host"] as const))
        /** How far the clocks have stepped ahead: time has passed by that evidence too, but not an hour within a second. */
        let stepped = 0
        let set = 0
        let ended = 0
        const problems: Array<string> = []
        const pending: Array<Deadline> = []
        const setOne = () => {
          const millis = random.of([1, 2, 5, 20, 100, 1000, 30_000])
          const from = trueNow() + stepped
          let firings = 0
          const deadline = new Deadline(() => {
            ended++
            const passed = trueNow() + stepped - from
            if (passed < millis - earlyMillis) problems.push(`seed ${seed}: one of ${millis} ms after ${passed} ms`)
            if (++firings > 1) problems.push(`seed ${seed}: one fired twice`)
          })
          if (random.below(2) === 0) deadlines.watch(deadline)
          deadlines.set(deadline, now(), millis)
          pending.push(deadline)
          set++
        }
        let last = now()
        for (let command = 0; command < 60; command++) {
          const roll = random.below(100)
          if (roll < 40) setOne()
          else if (roll < 50) {
            const deadline = pending[random.below(pending.length)]
            if (deadline !== undefined && deadline.at !== Infinity) {
              deadlines.clear(deadline)
              ended++
            }
          } else if (roll < 55) clock.stall()
          else if (roll < 60) clock.goOn()
          else if (roll < 65) {
            const millis = random.of([1, 50, 5000])
            stepped += millis
            clock.step(millis)
          } else if (roll < 70) clock.step(-random.of([1, 50, 5000]))
          else if (roll < 78) {
            const millis = random.of([-3_600_000, -40, 40, 3_600_000])
            if (millis === 40) stepped += millis
            clock.setWall(millis)
          } else yield* TestClock.adjust(random.of([0, 0.4, 1, 7, 50, 900, 20_000]))
          if (now() < last) problems.push(`seed ${seed}: time went back by ${last - now()}`)
          last = now()
        }
        yield* TestClock.adjust(31_000)
        assert.deepStrictEqual(problems, [])
        assert.strictEqual(ended, set, `seed ${seed}: a deadline is lost`)
        assert.isBelow(clock.sleeps(), 30 * (set + 60), `seed ${seed}`)
      }
    })
  )
})
