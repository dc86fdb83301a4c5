/** What processes know of each other: who takes part, what they hear, what lapses when one is gone. */
import { describe, expect } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { claimMillis } from "../../../src/durable/Store.ts"
import {
  cancelledOf,
  claimAll,
  giveBack,
  hasHeard,
  heardBy,
  idsOf,
  memberOf,
  newTag,
  requestOf,
  requestsOf,
  settle,
  statesOf,
  type Suite
} from "./fixture.ts"

export const together = ({ clock, eventually, pass, test }: Suite) => {
  describe("together", () => {
    test("processes tell of each other, for as long as they take part and a while longer", (store) =>
      Effect.gen(function* () {
        const [tag, other] = [newTag(), newTag()]
        const member = memberOf([tag, other], { pool: "a pool", host: "a host", pid: 42 })
        const session = yield* store.join(member)
        const scope = yield* Scope.make()
        const leaving = memberOf([tag], { role: "worker" })
        const second = yield* store.join(leaving).pipe(Scope.provide(scope))
        const asking = yield* store.join(memberOf([tag, other], { role: "client" }))
        yield* session.beat({ held: 3, list: [null] })
        yield* second.beat(null)
        expect((yield* session.beat({ held: 4 })).workers).toBe(2)
        expect((yield* asking.beat(null)).workers).toBe(2)
        const records = (yield* asking.processes).filter(({ tags }) => tags.includes(tag))
        expect(records).toHaveLength(3)
        const found = records.find(({ id }) => id === member.id)!
        expect(found).toMatchObject({ ...member, live: true, leftAt: undefined, says: { held: 4 } })
        expect(found.seenAt).toBeGreaterThanOrEqual(found.startedAt)
        yield* Scope.close(scope, Exit.void)
        expect((yield* session.beat(null)).workers).toBe(1)
        expect((yield* session.processes).find(({ id }) => id === leaving.id)).toMatchObject({
          live: false,
          leftAt: expect.any(Number)
        })
      }))

    test("pauses are told at each beat, until they are taken away", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        const heard = yield* heardBy(other)
        const all = [{ tag }, { key: tag }, { key: `${tag} of it` }]
        const told = Effect.map(other.beat(null), ({ pauses }) =>
          pauses.filter((pause) => pause.tag === tag || pause.key?.startsWith(tag))
        )
        for (const pause of [...all, ...all]) yield* session.setPause(pause, true)
        expect(yield* told).toHaveLength(3)
        for (const pause of all) expect(yield* told).toContainEqual(pause)
        yield* eventually(
          Effect.sync(() => heard),
          (heard) => hasHeard(heard, "Paused")
        )
        yield* other.setPause(all[0]!, false)
        expect(yield* told).toHaveLength(2)
        expect(yield* told).not.toContainEqual(all[0])
        for (const pause of all) yield* other.setPause(pause, false)
        expect(yield* told).toEqual([])
        yield* session.setPause({}, true)
        expect((yield* other.beat(null)).pauses).toContainEqual({})
        yield* session.setPause({}, false)
        expect((yield* other.beat(null)).pauses).not.toContainEqual({})
        // They are for whoever claims to obey.
        yield* session.setPause({ tag }, true)
        yield* session.insert([requestOf(tag)])
        expect(yield* other.claim([tag], 1)).toHaveLength(1)
        yield* session.setPause({ tag }, false)
      }))

    test("two who claim at once get as many as they ask for, while there are so many of another tag", (store) =>
      Effect.gen(function* () {
        const [rare, common] = [newTag(), newTag()]
        const sessions = [yield* store.join(memberOf([rare, common])), yield* store.join(memberOf([rare, common]))]
        yield* sessions[0]!.insert(requestsOf(common, 400))
        for (let round = 0; round < 8; round++) {
          yield* sessions[0]!.insert([requestOf(rare, { priority: 1 })])
          const claimed = yield* Effect.all(
            sessions.map((session) => session.claim([rare, common], 10)),
            { concurrency: 2 }
          )
          expect(claimed.map(({ length }) => length)).toEqual([10, 10])
          yield* Effect.forEach(sessions, (session, at) => settle(session, claimed[at]!))
        }
      }))

    test("all who listen hear of work and of ends", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        const [own, others] = [yield* heardBy(session), yield* heardBy(other)]
        const bothHear = (kind: "Work" | "Ended" | "Revoked", what: string) =>
          eventually(
            Effect.sync(() => [hasHeard(own, kind, what), hasHeard(others, kind, what)]),
            (heard) => heard.every((each) => each)
          )
        const [settled, claimed, waiting] = requestsOf(tag, 3)
        const overdue = requestOf(tag, { expiresInMillis: 100, priority: -1 })
        yield* session.insert([settled!, claimed!, waiting!, overdue])
        yield* bothHear("Work", tag)
        const [first, second] = yield* session.claim([tag], 2)
        yield* settle(session, [first!])
        yield* bothHear("Ended", settled!.id)
        yield* other.revoke([cancelledOf(claimed!), cancelledOf(waiting!)])
        for (const { id } of [claimed!, waiting!]) yield* bothHear("Ended", id)
        yield* bothHear("Revoked", claimed!.id)
        expect(hasHeard(others, "Revoked", settled!.id)).toBe(false)
        yield* eventually(Effect.andThen(other.maintain, other.ends([overdue.id])), (ends) => ends.length > 0)
        yield* bothHear("Ended", overdue.id)
        expect(idsOf([second!])).toEqual([claimed!.id])
      }))

    test("what is given back is work for others", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        yield* session.insert([requestOf(tag)])
        const claims = yield* session.claim([tag], 1)
        const before = yield* heardBy(other)
        yield* eventually(Effect.as(session.insert([requestOf(tag, { priority: -10 })]), before), (heard) =>
          hasHeard(heard, "Work", tag)
        )
        const after = yield* heardBy(other)
        yield* giveBack(session, claims)
        yield* eventually(
          Effect.sync(() => after),
          (heard) => hasHeard(heard, "Work", tag)
        )
      }))

    test("whoever has stopped to listen hears nothing more", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const scope = yield* Scope.make()
        const stopped = yield* heardBy(session).pipe(Scope.provide(scope))
        const heard = yield* heardBy(session)
        const [request] = requestsOf(tag, 1)
        yield* Scope.close(scope, Exit.void)
        yield* session.insert([request!])
        yield* settle(session, yield* session.claim([tag], 1))
        yield* eventually(
          Effect.sync(() => heard),
          (heard) => hasHeard(heard, "Ended", request!.id)
        )
        expect(hasHeard(stopped, "Ended", request!.id)).toBe(false)
      }))

    test("claims that nobody touches lapse, and are delivered again so often as was said", (store) =>
      Effect.gen(function* () {
        const [tag, left, poison] = [newTag(), newTag(), newTag()]
        const tags = [tag, left, poison]
        const gone = memberOf(tags, { deliveries: 2 })
        const missing = yield* store.join(gone)
        const scope = yield* Scope.make()
        const leaving = yield* store.join(memberOf(tags, { deliveries: 2 })).pipe(Scope.provide(scope))
        const session = yield* store.join(memberOf(tags, { deliveries: 2 }))
        const heard = yield* heardBy(session)
        // A store whose time is not near its beginning.
        if (clock === "test") yield* pass(10 * claimMillis)
        yield* Effect.forEach([missing, leaving, session], (each) => each.beat(null))
        yield* session.insert([...requestsOf(tag, 3), requestOf(left), requestOf(poison)])
        yield* giveBack(session, yield* session.claim([poison], 1), { counts: true })
        const [kept, lapsed, settledLate] = yield* missing.claim([tag], 3)
        const [poisoned] = yield* missing.claim([poison], 1)
        expect(poisoned!.deliveries).toBe(2)
        const [ofLeft] = yield* leaving.claim([left], 1)
        yield* Scope.close(scope, Exit.void)
        // Before its time nothing lapses, and a claim that is touched does not.
        for (let beats = 0; beats < 6; beats++) {
          yield* pass(claimMillis / 5)
          expect(yield* missing.touch([kept!])).toEqual(new Set(idsOf([kept!])))
          yield* session.beat(null)
          if (beats < 3) yield* session.redeliver
          if (beats < 3) expect(yield* session.claim(tags, 10)).toEqual([])
        }
        const ids = idsOf([kept!, lapsed!, settledLate!, ofLeft!])
        const claimed = ["claimed", "claimed", "claimed", "claimed"]
        // Time alone changes nothing.
        expect(yield* statesOf(session, ids)).toEqual(claimed)
        expect((yield* session.beat(null)).hasMissing).toBe(true)
        expect((yield* session.processes).find(({ id }) => id === gone.id)).toMatchObject({
          live: false,
          leftAt: undefined
        })
        expect(yield* settle(missing, [settledLate!])).toEqual(new Set(idsOf([settledLate!])))
        yield* session.redeliver
        expect(yield* statesOf(session, ids)).toEqual(["claimed", "waiting", "succeeded", "waiting"])
        const again = yield* session.claim([tag, left], 10)
        expect(idsOf(again).toSorted()).toEqual(idsOf([lapsed!, ofLeft!]).toSorted())
        expect(again.map(({ deliveries }) => deliveries)).toEqual([2, 2])
        // Whoever comes back has it no more.
        expect(yield* settle(missing, [lapsed!])).toEqual(new Set())
        expect(yield* missing.touch([lapsed!, kept!])).toEqual(new Set(idsOf([kept!])))
        expect(yield* giveBack(missing, [lapsed!])).toEqual(new Set())
        expect(yield* settle(session, again)).toEqual(new Set(idsOf(again)))
        const { end, isDead, state } = (yield* session.find(poisoned!.request.id))!
        expect(state).toBe("ended")
        expect(isDead).toBe(true)
        expect(end).toMatchObject({ end: "failed", deliveries: 2, attempts: 0, ranMillis: 0 })
        expect(end!.exit).toContain(`"DeliveriesExhausted"`)
        expect(yield* settle(missing, [poisoned!])).toEqual(new Set())
        yield* eventually(
          Effect.sync(() => heard),
          (heard) => hasHeard(heard, "Ended", poisoned!.request.id)
        )
        yield* missing.beat(null)
        expect((yield* session.processes).find(({ id }) => id === gone.id)!.live).toBe(true)
        expect(yield* settle(missing, [kept!])).toEqual(new Set(idsOf([kept!])))
        expect(yield* claimAll(session, tag)).toEqual([])
      }))
  })
}
