/** The deadlines: each fires once, at its instant, in order. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Deadline, Deadlines } from "../../src/internal/deadlines.ts"
import { Alarm, Turn } from "../../src/internal/runtime.ts"
import { Time } from "../../src/internal/time.ts"

/** Deadlines over the test's clock, and what fired when. */
const running = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const time = new Time(context)
  const { now } = time
  const alarm = new Alarm(context, yield* Effect.scope)
  const deadlines = new Deadlines(time, alarm, new Turn(context, () => {}))
  const fired: Array<string> = []
  const set = (name: string, millis: number) => {
    const deadline = new Deadline((at) => fired.push(`${at} ${name}`))
    deadlines.set(deadline, now(), millis)
    return deadline
  }
  return { deadlines, fired, now, set }
})

describe("Deadlines", () => {
  it.effect("each fires at its instant, not before, and once", () =>
    Effect.gen(function* () {
      const { fired, set } = yield* running
      set("a", 100)
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(fired, ["100 a"])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(fired, ["100 a"])
    })
  )

  it.effect(
    "in the order of their instants, whatever their lengths, and those of one length in that of their setting",
    () =>
      Effect.gen(function* () {
        const { fired, set } = yield* running
        set("late", 300)
        set("early", 10)
        set("first", 50)
        set("second", 50)
        yield* TestClock.adjust(20)
        set("third", 50)
        set("soon", 1)
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(fired, ["10 early", "21 soon", "50 first", "50 second", "70 third", "300 late"])
      })
  )

  it.effect("a cleared one never fires, and the others of its length do", () =>
    Effect.gen(function* () {
      const { deadlines, fired, set } = yield* running
      const [first, , third] = [set("first", 50), set("second", 50), set("third", 50)]
      deadlines.clear(first!)
      deadlines.clear(third!)
      deadlines.clear(third!)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(fired, ["50 second"])
    })
  )

  it.effect("one that is set again fires at its new instant alone", () =>
    Effect.gen(function* () {
      const { deadlines, fired, now, set } = yield* running
      const deadline = set("a", 50)
      yield* TestClock.adjust(40)
      deadlines.set(deadline, now(), 50)
      yield* TestClock.adjust(49)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(fired, ["90 a"])
      deadlines.set(deadline, now(), 5)
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(fired, ["90 a", "95 a"])
    })
  )

  it.effect("one that is set by another, and one that another clears in the same instant", () =>
    Effect.gen(function* () {
      const { deadlines, fired, now, set } = yield* running
      deadlines.set(
        new Deadline((at) => {
          fired.push(`${at} clears`)
          deadlines.clear(victim)
          set("set then", 7)
        }),
        now(),
        50
      )
      const victim = set("victim", 50)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(fired, ["50 clears", "57 set then"])
    })
  )

  it.effect("setting one calls nobody back on the spot, however much is due", () =>
    Effect.gen(function* () {
      const { fired, set } = yield* running
      set("now", 0)
      set("now too", 0)
      set("later", 10)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(fired, ["0 now", "0 now too"])
    })
  )

  it.effect("for ever sets nothing, and zero fires at once", () =>
    Effect.gen(function* () {
      const { fired, set } = yield* running
      set("never", Infinity)
      set("now", 0)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(fired, ["0 now"])
      yield* TestClock.adjust("365 days")
      assert.strictEqual(fired.length, 1)
    })
  )

  it.effect("5,000 of 300 lengths, half of them cleared, all come true", () =>
    Effect.gen(function* () {
      const { deadlines, fired, now } = yield* running
      const expected: Array<number> = []
      let seed = 3
      const below = (n: number) => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
        return (seed >>> 8) % n
      }
      for (let round = 0; round < 50; round++) {
        const set: Array<readonly [Deadline, number]> = []
        for (let n = 0; n < 100; n++) {
          const millis = 1 + below(300)
          const due = now() + millis
          const deadline = new Deadline((at) => fired.push(`${at} ${due}`))
          deadlines.set(deadline, now(), millis)
          set.push([deadline, due])
        }
        for (const [at, [deadline, due]] of set.entries()) {
          if (at % 2 === 0) deadlines.clear(deadline)
          else expected.push(due)
        }
        yield* TestClock.adjust(below(20))
      }
      yield* TestClock.adjust(400)
      assert.deepStrictEqual(
        fired,
        expected.sort((a, b) => a - b).map((due) => `${due} ${due}`)
      )
    })
  )
})

describe("watched deadlines", () => {
  /** One that is watched, like a worker's. */
  const watched = (running: { deadlines: Deadlines; fired: Array<string> }, name: string) => {
    const deadline = new Deadline((at) => running.fired.push(`${at} ${name}`))
    running.deadlines.watch(deadline)
    return deadline
  }

  it.effect("each fires at its instant, in order, among those in lists", () =>
    Effect.gen(function* () {
      const all = yield* running
      const { deadlines, fired, now, set } = all
      const [a, b, c] = [watched(all, "a"), watched(all, "b"), watched(all, "c")]
      deadlines.set(a, now(), 50)
      deadlines.set(b, now(), 20)
      set("listed", 30)
      deadlines.set(c, now(), 40)
      yield* TestClock.adjust(19)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(fired, ["20 b", "30 listed", "40 c", "50 a"])
    })
  )

  it.effect("set again and again it fires once, at the last instant", () =>
    Effect.gen(function* () {
      const all = yield* running
      const deadline = watched(all, "a")
      for (let round = 0; round < 100; round++) {
        all.deadlines.set(deadline, all.now(), 10)
        yield* TestClock.adjust(9)
        all.deadlines.clear(deadline)
        yield* TestClock.adjust(3)
      }
      assert.deepStrictEqual(all.fired, [])
      all.deadlines.set(deadline, all.now(), 10)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(all.fired, ["1210 a"])
    })
  )

  it.effect("one that is set for sooner than any other is in time", () =>
    Effect.gen(function* () {
      const all = yield* running
      const [late, soon] = [watched(all, "late"), watched(all, "soon")]
      all.deadlines.set(late, all.now(), 30_000)
      yield* TestClock.adjust(10)
      all.deadlines.set(soon, all.now(), 5)
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(all.fired, ["15 soon"])
      yield* TestClock.adjust(29_985)
      assert.deepStrictEqual(all.fired, ["15 soon", "30000 late"])
    })
  )

  it.effect("of several that are due at once, one may clear or move another", () =>
    Effect.gen(function* () {
      const all = yield* running
      const { deadlines, fired, now } = all
      const first = new Deadline((at) => {
        fired.push(`${at} first`)
        deadlines.clear(cleared)
        deadlines.set(moved, at, 7)
        deadlines.unwatch(gone)
      })
      deadlines.watch(first)
      const [cleared, moved, gone, last] = ["cleared", "moved", "gone", "last"].map((name) => watched(all, name)) as [
        Deadline,
        Deadline,
        Deadline,
        Deadline
      ]
      for (const deadline of [first, cleared, moved, gone, last]) deadlines.set(deadline, now(), 10)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(fired, ["10 first", "10 last", "17 moved"])
    })
  )
})
