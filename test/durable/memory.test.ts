/** The store in memory keeps the promises of a store, and goes wrong as tests say. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { make } from "../../src/durable/memory/store.ts"
import { PoolError } from "../../src/index.ts"
import { claimAll, hasHeard, heardBy, memberOf, newTag, requestOf, requestsOf, settle } from "./store/fixture.ts"
import { storeSuite } from "./storeSuite.ts"

storeSuite(
  "a store in memory",
  Effect.map(make, ({ store }) => store),
  { clock: "test" }
)

const tag = newTag()

const joined = Effect.gen(function* () {
  const { faults, store } = yield* make
  const member = memberOf([tag])
  const session = yield* store.join(member)
  const other = yield* store.join(memberOf([tag]))
  return { faults, member, other, session, store }
})

describe("faults of a store in memory", () => {
  it.effect("away, no step happens", () =>
    Effect.gen(function* () {
      const { faults, session, store } = yield* joined
      const heard = yield* heardBy(session)
      faults.setReach("away")
      expect(yield* Effect.flip(session.insert([requestOf(tag)]))).toBeInstanceOf(PoolError.StoreUnavailable)
      expect(yield* Effect.flip(store.join(memberOf([tag])))).toMatchObject({ reason: "away" })
      faults.setReach("here")
      expect((yield* session.counts).stored).toBe(0)
      yield* Effect.yieldNow
      expect(heard).toEqual([{ _tag: "Missed" }])
    })
  )

  it.effect("where answers are lost, steps happen and fail", () =>
    Effect.gen(function* () {
      const { faults, session } = yield* joined
      const request = requestOf(tag)
      faults.setReach("answersLost")
      expect(yield* Effect.flip(session.insert([request]))).toMatchObject({ reason: "away" })
      faults.setReach("here")
      expect(yield* session.insert([request])).toEqual(["known"])
    })
  )

  it.effect("notices can be lost", () =>
    Effect.gen(function* () {
      const { faults, other, session } = yield* joined
      const heard = yield* heardBy(other)
      faults.loseNotices(true)
      yield* session.insert([requestOf(tag)])
      yield* Effect.yieldNow
      expect(heard).toEqual([])
      faults.loseNotices(false)
      yield* session.insert([requestOf(tag)])
      yield* Effect.yieldNow
      expect(hasHeard(heard, "Work", tag)).toBe(true)
    })
  )

  it.effect("the steps of a process that stands still wait, and so does what it hears", () =>
    Effect.gen(function* () {
      const { faults, member, other, session } = yield* joined
      const heard = yield* heardBy(session)
      faults.freeze(member.id)
      const storing = yield* Effect.forkChild(session.insert([requestOf(tag)]), { startImmediately: true })
      yield* other.insert([requestOf(tag)])
      yield* TestClock.adjust(60_000)
      expect(storing.pollUnsafe()).toBeUndefined()
      expect((yield* other.counts).stored).toBe(1)
      expect(heard).toEqual([])
      faults.thaw(member.id)
      expect(yield* Fiber.join(storing)).toEqual(["stored"])
      expect(hasHeard(heard, "Work", tag)).toBe(true)
      expect((yield* other.counts).stored).toBe(2)
    })
  )

  it.effect("a slow step happens midway, and its answer comes later", () =>
    Effect.gen(function* () {
      const { faults, session } = yield* joined
      const request = requestOf(tag)
      faults.setPace(10, 20)
      const storing = yield* Effect.forkChild(session.insert([request]), { startImmediately: true })
      yield* TestClock.adjust(9)
      faults.setPace(0, 0)
      expect((yield* session.counts).stored).toBe(0)
      faults.setPace(10, 20)
      yield* TestClock.adjust(1)
      faults.setPace(0, 0)
      expect((yield* session.counts).stored).toBe(1)
      expect(storing.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(20)
      expect(yield* Fiber.join(storing)).toEqual(["stored"])
    })
  )

  it.live("100,000 that wait make a claim no slower", () =>
    Effect.gen(function* () {
      const { session } = yield* joined
      const took = Effect.fnUntraced(function* () {
        const from = performance.now()
        for (let claimed = 0; claimed < 20; claimed++) yield* settle(session, yield* session.claim([tag], 10))
        return performance.now() - from
      })
      yield* session.insert(requestsOf(tag, 1_000))
      yield* took()
      const few = yield* took()
      for (let stored = 0; stored < 100; stored++) yield* session.insert(requestsOf(tag, 1_000))
      const many = yield* took()
      expect(many).toBeLessThan(10 * few + 20)
      expect((yield* claimAll(session, tag)).length).toBe(101_000 - 600)
    })
  )
})
