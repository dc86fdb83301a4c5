/** How requests end, are given back, and who may say so. */
import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { Outcome } from "../../../src/index.ts"
import {
  cancelledOf,
  claimAll,
  endOf,
  giveBack,
  idsOf,
  memberOf,
  newId,
  newTag,
  requestOf,
  requestsOf,
  settle,
  statesOf,
  type Suite
} from "./fixture.ts"

export const ending = ({ eventually, pass, test }: Suite) => {
  describe("ending", () => {
    test("whoever has it ends it, once", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        yield* session.insert(requestsOf(tag, 7))
        const claims = yield* claimAll(session, tag)
        const ends = claims.map((claim, at) => ({ claim, record: endOf(claim, Outcome.ends[at]!) }))
        expect(yield* session.settle([])).toEqual(new Set())
        expect(yield* session.settle(ends)).toEqual(new Set(idsOf(claims)))
        expect(yield* settle(session, claims, "failed")).toEqual(new Set())
        expect(yield* statesOf(other, idsOf(claims))).toEqual([...Outcome.ends])
        const records = yield* other.ends([...idsOf(claims), newId()])
        const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1)
        expect(records.toSorted(byId)).toEqual(ends.map(({ record }) => record).toSorted(byId))
        const found = yield* Effect.forEach(claims, ({ request }) => other.find(request.id))
        expect(found.map((record) => record!.isDead)).toEqual([false, true, true, false, false, false, false])
        for (const [at, record] of found.entries()) {
          expect(record).toMatchObject({ request: claims[at]!.request, state: "ended", end: ends[at]!.record })
          expect(record!.endedAt).toBeGreaterThanOrEqual(record!.claimedAt!)
        }
      }))

    test("some of a batch may no longer be its own to end", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        yield* session.insert(requestsOf(tag, 4))
        const claims = yield* claimAll(session, tag)
        yield* settle(session, [claims[0]!])
        yield* session.revoke([cancelledOf(claims[1]!.request)])
        yield* giveBack(session, [claims[2]!])
        const unknown = { ...claims[3]!, request: requestOf(tag) }
        expect(yield* settle(session, [...claims, unknown], "failed")).toEqual(new Set([claims[3]!.request.id]))
        const states = ["succeeded", "cancelled", "waiting", "failed"]
        expect(yield* statesOf(session, idsOf(claims))).toEqual(states)
        expect(yield* session.touch(claims)).toEqual(new Set())
        expect(yield* giveBack(session, claims)).toEqual(new Set())
        expect(yield* statesOf(session, idsOf(claims))).toEqual(states)
      }))

    test("what is given back waits behind what waits, and is as old as before", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const [first, second] = requestsOf(tag, 2, { expiresInMillis: 60_000, key: "k", fingerprint: "f" })
        yield* session.insert([first!])
        yield* session.insert([second!])
        const [claim] = yield* session.claim([tag], 1)
        const before = (yield* session.find(first!.id))!
        expect(yield* giveBack(session, [claim!])).toEqual(new Set([first!.id]))
        const after = (yield* session.find(first!.id))!
        expect(after.state).toBe("waiting")
        expect([after.storedAt, after.expiresAt]).toEqual([before.storedAt, before.expiresAt])
        expect(after.request).toEqual(first)
        const claims = yield* claimAll(session, tag)
        expect(claims.map(({ request }) => request)).toEqual([second, first])
        expect(claims[1]!.leftMillis).toBeLessThanOrEqual(60_000)
        expect(yield* session.insert([first!])).toEqual(["known"])
      }))

    test("a delivery that is given back counts where it says so", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        yield* session.insert([requestOf(tag)])
        const seen: Array<ReadonlyArray<number>> = []
        const turn = Effect.fnUntraced(function* (counts: boolean, attempts: number) {
          const [claim] = yield* other.claim([tag], 1)
          seen.push([claim!.deliveries, claim!.attempts])
          yield* giveBack(other, [claim!], { counts, attempts })
          return claim!
        })
        const old = yield* turn(true, 2)
        yield* turn(false, 2)
        yield* turn(false, 2)
        yield* turn(true, 7)
        const [last] = yield* session.claim([tag], 1)
        expect([...seen, [last!.deliveries, last!.attempts]]).toEqual([
          [1, 0],
          [2, 2],
          [2, 2],
          [2, 2],
          [3, 7]
        ])
        expect((yield* session.find(last!.request.id))!.deliveries).toBe(3)
        expect(yield* settle(other, [old])).toEqual(new Set())
        expect(yield* other.touch([old])).toEqual(new Set())
        expect(yield* settle(session, [last!])).toEqual(new Set([last!.request.id]))
      }))

    test("a claim of the same delivery number is told from the one that was given back uncounted", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        yield* session.insert([requestOf(tag)])
        const [early] = yield* session.claim([tag], 1)
        yield* giveBack(session, [early!])
        const [late] = yield* session.claim([tag], 1)
        expect([early!.deliveries, late!.deliveries]).toEqual([1, 1])
        expect(late!.fence).not.toBe(early!.fence)
        expect(yield* giveBack(session, [early!])).toEqual(new Set())
        expect(yield* settle(session, [early!])).toEqual(new Set())
        expect(yield* session.touch([early!, late!])).toEqual(new Set([late!.request.id]))
        expect(yield* settle(session, [late!])).toEqual(new Set([late!.request.id]))
      }))

    test("what is given back for later is delayed until then", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const request = requestOf(tag)
        yield* session.insert([request])
        yield* giveBack(session, yield* session.claim([tag], 1), { counts: true, attempts: 3, delayMillis: 300 })
        const { dueAt, state } = (yield* session.find(request.id))!
        expect(state).toBe("delayed")
        expect((yield* session.counts).tags[tag]).toEqual({ waiting: 0, delayed: 1, claimed: 0 })
        expect(yield* session.claim([tag], 1)).toEqual([])
        const [claim] = yield* eventually(session.claim([tag], 1), (claims) => claims.length > 0)
        expect([claim!.deliveries, claim!.attempts]).toEqual([2, 3])
        expect((yield* session.find(request.id))!.claimedAt).toBeGreaterThanOrEqual(dueAt)
        expect(claim!.storedForMillis).toBeGreaterThanOrEqual(300)
      }))

    test("what has not ended is revoked wherever it is", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        const [done, claimed, waiting] = requestsOf(tag, 3)
        const delayed = requestOf(tag, { delayMillis: 60_000 })
        yield* session.insert([done!, claimed!, waiting!, delayed])
        const claims = yield* session.claim([tag], 2)
        yield* settle(session, [claims[0]!])
        const records = [done!, claimed!, waiting!, delayed, requestOf(tag)].map(cancelledOf)
        expect(yield* other.revoke(records)).toEqual(
          new Map([
            [claimed!.id, "claimed"],
            [waiting!.id, "waiting"],
            [delayed.id, "delayed"]
          ])
        )
        expect(yield* other.revoke(records)).toEqual(new Map())
        const ids = [done!.id, claimed!.id, waiting!.id, delayed.id]
        expect(yield* statesOf(session, ids)).toEqual(["succeeded", "cancelled", "cancelled", "cancelled"])
        expect((yield* session.find(claimed!.id))!.end!.exit).toBe(records[1]!.exit)
        expect(yield* settle(session, claims)).toEqual(new Set())
        expect(yield* session.touch(claims)).toEqual(new Set())
        expect(yield* giveBack(session, claims)).toEqual(new Set())
        expect(yield* session.claim([tag], 10)).toEqual([])
        expect((yield* session.counts).tags[tag] ?? none).toEqual(none)
      }))

    test("of those who end one at once, one does", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        yield* session.insert(requestsOf(tag, 40))
        const claims = yield* claimAll(session, tag)
        const halves = [claims.slice(0, 20), claims.slice(20)]
        const [settled, revoked, given] = yield* Effect.all(
          [
            Effect.forEach(halves, (half) => settle(session, half), { concurrency: "unbounded" }),
            Effect.forEach(claims.toReversed(), ({ request }) => other.revoke([cancelledOf(request)]), {
              concurrency: "unbounded"
            }),
            giveBack(session, claims.slice(10, 30))
          ],
          { concurrency: "unbounded" }
        )
        const inAll = new Set(settled.flatMap((ids) => [...ids]))
        const revokedIds = new Set(revoked.flatMap((ids) => [...ids.keys()]))
        for (const { request } of claims) {
          const { end, state } = (yield* session.find(request.id))!
          expect(state).toBe("ended")
          expect([inAll.has(request.id), revokedIds.has(request.id)]).toEqual(
            end!.end === "succeeded" ? [true, false] : [false, true]
          )
          // What was given back, and then revoked, is both; what was settled cannot have been given back.
          if (given.has(request.id)) expect(end!.end).toBe("cancelled")
        }
      }))

    test("what is overdue is ended in every phase", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const times = { expiresInMillis: 200 }
        const [claimed, waiting] = requestsOf(tag, 2, times)
        const delayed = requestOf(tag, { ...times, delayMillis: 60_000 })
        const kept = requestOf(tag, { expiresInMillis: 60_000, priority: -1 })
        yield* session.insert([claimed!, waiting!, delayed, kept])
        const claims = yield* session.claim([tag], 1)
        const ids = [claimed!.id, waiting!.id, delayed.id, kept.id]
        yield* session.maintain
        expect(yield* statesOf(session, ids)).toEqual(["claimed", "waiting", "delayed", "waiting"])
        yield* eventually(Effect.andThen(session.maintain, statesOf(session, ids)), (states) =>
          states.slice(0, 3).every((state) => state === "expired")
        )
        expect(yield* statesOf(session, [kept.id])).toEqual(["waiting"])
        const phases = ["running", "waiting", "delayed"]
        for (const [at, id] of ids.slice(0, 3).entries()) {
          const { end, endedAt, isDead, storedAt } = (yield* session.find(id))!
          expect(end!.exit).toContain(`"RequestExpired"`)
          expect(end!.exit).toContain(`"${phases[at]}"`)
          expect(end).toMatchObject({ attempts: 0, deliveries: at === 0 ? 1 : 0, ranMillis: 0 })
          expect(end!.waitedMillis).toBeGreaterThanOrEqual(200)
          expect(endedAt! - storedAt).toBeGreaterThanOrEqual(200)
          expect(isDead).toBe(false)
        }
        expect(yield* settle(session, claims)).toEqual(new Set())
        expect(idsOf(yield* session.claim([tag], 10))).toEqual([kept.id])
      }))

    test("ends are kept for as long as was said, and their ids with them", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag], { keepOutcomesMillis: 1_000 }))
        const [ended, waiting] = requestsOf(tag, 2)
        yield* session.insert([ended!, waiting!])
        const before = yield* session.counts
        yield* settle(session, yield* session.claim([tag], 1))
        yield* pass(50)
        yield* session.maintain
        expect(yield* statesOf(session, [ended!.id])).toEqual(["succeeded"])
        expect(yield* session.insert([ended!])).toEqual(["known"])
        yield* eventually(Effect.andThen(session.maintain, session.find(ended!.id)), (found) => found === undefined)
        expect(yield* session.ends([ended!.id])).toEqual([])
        expect((yield* session.list({ tag, limit: 10 })).map(({ request }) => request.id)).toEqual([waiting!.id])
        const after = yield* session.counts
        expect([after.stored, after.succeeded]).toEqual([before.stored, before.succeeded + 1])
        expect(yield* session.insert([ended!])).toEqual(["stored"])
        expect(idsOf(yield* claimAll(session, tag)).toSorted()).toEqual([ended!.id, waiting!.id].toSorted())
      }))

    test("a dead letter is one until it is discarded", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        yield* session.insert(requestsOf(tag, 4))
        const [failed, late, done, running] = yield* claimAll(session, tag)
        yield* settle(session, [failed!], "failed")
        yield* settle(session, [late!], "timedOut")
        yield* settle(session, [done!])
        const dead = Effect.map(session.list({ tag, state: "dead", limit: 10 }), (records) =>
          records.map(({ request }) => request.id).toSorted()
        )
        expect(yield* dead).toEqual(idsOf([failed!, late!]).toSorted())
        const answers = yield* Effect.forEach([failed!, done!, running!], ({ request }) => session.discard(request.id))
        expect(answers).toEqual([true, false, false])
        expect(yield* session.discard(failed!.request.id)).toBe(false)
        expect(yield* session.discard(newId())).toBe(false)
        expect(yield* dead).toEqual([late!.request.id])
        expect(yield* session.find(failed!.request.id)).toMatchObject({ isDead: false, end: { end: "failed" } })
        const twice = [session.discard(late!.request.id), session.discard(late!.request.id)]
        expect((yield* Effect.all(twice, { concurrency: 2 })).toSorted()).toEqual([false, true])
      }))
  })
}

const none = { waiting: 0, delayed: 0, claimed: 0 }
