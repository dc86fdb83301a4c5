/** What one can see of a store without changing it, and the priority of what waits. */
import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { lawViolations } from "../../../src/durable/service.ts"
import { mostCounted, type Query, type RequestRecord, type Session } from "../../../src/durable/Store.ts"
import {
  cancelledOf,
  claimAll,
  giveBack,
  idsOf,
  memberOf,
  newId,
  newTag,
  requestOf,
  requestsOf,
  settle,
  type Suite
} from "./fixture.ts"

export const looking = ({ eventually, pass, test }: Suite) => {
  describe("looking", () => {
    test("what was never stored is not found", (store) =>
      Effect.gen(function* () {
        const session = yield* store.join(memberOf([newTag()]))
        expect(yield* session.find(newId())).toBeUndefined()
        expect(yield* session.ends([newId()])).toEqual([])
        expect(yield* session.ends([])).toEqual([])
        expect(yield* session.list({ tag: newTag(), limit: 10 })).toEqual([])
      }))

    test("a request says where it is, and who has it or had it last", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const [member, other] = [memberOf([tag]), memberOf([tag])]
        const session = yield* store.join(member)
        const second = yield* store.join(other)
        const request = requestOf(tag)
        yield* session.insert([request])
        const [claim] = yield* session.claim([tag], 1)
        expect(yield* second.find(request.id)).toMatchObject({ state: "claimed", process: member.id, deliveries: 1 })
        yield* giveBack(session, [claim!], { counts: true })
        expect(yield* second.find(request.id)).toMatchObject({ state: "waiting", deliveries: 1, end: undefined })
        const claims = yield* second.claim([tag], 1)
        expect(yield* session.find(request.id)).toMatchObject({ state: "claimed", process: other.id, deliveries: 2 })
        yield* settle(second, claims)
        const found = (yield* session.find(request.id))!
        expect(found).toMatchObject({ state: "ended", process: other.id, deliveries: 2 })
        expect(found.claimedAt).toBeGreaterThanOrEqual(found.storedAt)
        expect((yield* session.list({ tag, limit: 1 }))[0]).toEqual(found)
      }))

    test("a list has what it was asked for, the newest first", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const other = newTag()
        const session = yield* store.join(memberOf([tag, other]))
        const stored: Array<string> = []
        const add = Effect.fnUntraced(function* (key: string, ofTag = tag, delayMillis = 0) {
          const request = requestOf(ofTag, { key, delayMillis })
          yield* session.insert([request])
          yield* pass(5)
          stored.push(request.id)
        })
        for (const key of ["a", "b", "a", "a", "b"]) yield* add(key)
        const [failed, claimed, cancelled] = yield* session.claim([tag], 3)
        yield* settle(session, [failed!], "failed")
        yield* session.revoke([cancelledOf(cancelled!.request)])
        yield* add("a", other)
        yield* add("a", tag, 60_000)
        const listed = Effect.fnUntraced(function* (query: Partial<Query>) {
          const records = yield* session.list({ limit: 100, ...query })
          return records.map(({ request }) => stored.indexOf(request.id)).filter((at) => at >= 0)
        })
        expect(stored.indexOf(claimed!.request.id)).toBe(1)
        expect(yield* listed({})).toEqual([6, 5, 4, 3, 2, 1, 0])
        expect(yield* listed({ tag })).toEqual([6, 4, 3, 2, 1, 0])
        expect(yield* listed({ tag, key: "a" })).toEqual([6, 3, 2, 0])
        expect(yield* listed({ key: "a", tag: other })).toEqual([5])
        yield* add("", other)
        expect(yield* listed({ key: "", tag: other })).toEqual([7])
        expect(yield* listed({ key: "", tag })).toEqual([])
        expect(yield* listed({ tag, state: "waiting" })).toEqual([4, 3])
        expect(yield* listed({ tag, state: "delayed" })).toEqual([6])
        expect(yield* listed({ tag, state: "claimed" })).toEqual([1])
        expect(yield* listed({ tag, state: "ended" })).toEqual([2, 0])
        expect(yield* listed({ tag, state: "cancelled" })).toEqual([2])
        expect(yield* listed({ tag, state: "dead" })).toEqual([0])
        expect(yield* listed({ tag, state: "failed", key: "b" })).toEqual([])
        expect(yield* listed({ tag, limit: 2 })).toEqual([6, 4])
      }))

    test("the pages of a list have no gaps, whatever is stored and ends between", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const stored: Array<string> = []
        const add = Effect.fnUntraced(function* (count: number) {
          const requests = requestsOf(tag, count)
          yield* session.insert(requests)
          return requests.map(({ id }) => id)
        })
        for (const count of [1, 20, 3, 40]) stored.push(...(yield* add(count)))
        const ended = yield* claimAll(session, tag)
        yield* settle(session, ended.slice(0, 30))
        yield* giveBack(session, ended.slice(30, 40))
        const seen = yield* pages(session, { tag, limit: 7 }, () =>
          Effect.gen(function* () {
            yield* add(2)
            yield* settle(session, yield* session.claim([tag], 3))
          })
        )
        const ids = seen.map(({ request }) => request.id)
        expect(new Set(ids).size).toBe(ids.length)
        // Those that were stored meanwhile may be there or not.
        expect(stored.filter((id) => !ids.includes(id))).toEqual([])
        for (const [at, record] of seen.slice(1).entries())
          expect(record.storedAt).toBeLessThanOrEqual(seen[at]!.storedAt)
      }))

    test("the pages of a part have no gaps either", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        yield* session.insert(requestsOf(tag, 30))
        const claims = yield* claimAll(session, tag)
        const failed = claims.filter((_, at) => at % 3 === 0)
        yield* settle(session, failed, "failed")
        const seen = yield* pages(session, { tag, state: "dead", limit: 4 }, () => Effect.void)
        expect(seen.map(({ request }) => request.id).toSorted()).toEqual(idsOf(failed).toSorted())
      }))

    test("the priority of what waits can be changed, and of nothing else", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const requests = requestsOf(tag, 5, { delayMillis: 0 })
        for (const request of requests) yield* session.insert([request])
        const [first, second, third, fourth, fifth] = requests.map(({ id }) => id)
        const [claim, done] = yield* session.claim([tag], 2)
        yield* settle(session, [done!])
        const answers = yield* Effect.forEach([first!, second!, fourth!, newId()], (id) => session.setPriority(id, 10))
        expect(answers).toEqual([false, false, true, false])
        expect(yield* session.setPriority(third!, -10)).toBe(true)
        expect((yield* session.find(fourth!))!.request.priority).toBe(10)
        const claims = yield* claimAll(session, tag)
        expect(idsOf(claims)).toEqual([fourth, fifth, third])
        expect(claims.map(({ request }) => request.priority)).toEqual([10, 0, -10])
        expect((yield* session.find(claim!.request.id))!.request.priority).toBe(0)
        yield* giveBack(session, claims)
        expect(idsOf(yield* claimAll(session, tag))).toEqual([fourth, fifth, third])
      }))

    test("counts keep the law, and tell each tag", (store) =>
      Effect.gen(function* () {
        const [tag, other] = [newTag(), newTag()]
        const session = yield* store.join(memberOf([tag, other]))
        const before = yield* session.counts
        yield* session.insert([...requestsOf(tag, 6), ...requestsOf(other, 2), requestOf(tag, { delayMillis: 60_000 })])
        yield* session.insert([])
        const claims = yield* session.claim([tag], 3)
        yield* settle(session, [claims[0]!])
        yield* settle(session, [claims[1]!], "timedOut")
        const after = yield* session.counts
        expect(lawViolations(after)).toEqual([])
        expect(after.tags[tag]).toEqual({ waiting: 3, delayed: 1, claimed: 1 })
        expect(after.tags[other]).toEqual({ waiting: 2, delayed: 0, claimed: 0 })
        const more = (name: "stored" | "waiting" | "delayed" | "claimed" | "succeeded" | "timedOut" | "failed") =>
          after[name] - before[name]
        expect(more("stored")).toBe(9)
        expect([more("succeeded"), more("timedOut"), more("failed")]).toEqual([1, 1, 0])
        expect(more("claimed")).toBe(1)
      }))

    test("the backlog is what is due, and how long the oldest of it has waited", (store) =>
      Effect.gen(function* () {
        const [tag, other] = [newTag(), newTag()]
        const session = yield* store.join(memberOf([tag, other]))
        expect(yield* session.backlog([tag])).toEqual({ waiting: 0, oldestMillis: 0 })
        expect(yield* session.backlog([])).toEqual({ waiting: 0, oldestMillis: 0 })
        yield* session.insert([requestOf(tag)])
        yield* eventually(session.backlog([tag]), ({ oldestMillis }) => oldestMillis >= 200)
        yield* session.insert([...requestsOf(tag, 2), ...requestsOf(other, 3), requestOf(tag, { delayMillis: 60_000 })])
        expect((yield* session.backlog([tag, other])).waiting).toBe(6)
        expect((yield* session.backlog([other])).oldestMillis).toBeLessThan(200)
        expect((yield* session.counts).oldestMillis).toBeGreaterThanOrEqual(200)
        yield* session.claim([tag], 1)
        const { oldestMillis, waiting } = yield* session.backlog([tag])
        expect(waiting).toBe(2)
        expect(oldestMillis).toBeLessThan(200)
      }))

    test("a large backlog is counted no further than it may be", (store) =>
      Effect.gen(function* () {
        const [tag, other] = [newTag(), newTag()]
        const session = yield* store.join(memberOf([tag, other]))
        for (let stored = 0; stored < 10_000; stored += 1_000) yield* session.insert(requestsOf(tag, 1_000))
        expect((yield* session.backlog([tag])).waiting).toBe(10_000)
        yield* session.insert(requestsOf(tag, 1_000))
        yield* session.insert(requestsOf(other, 5))
        expect((yield* session.backlog([tag, other])).waiting).toBe(mostCounted)
        expect((yield* session.counts).tags[tag]!.waiting).toBe(11_000)
        expect(yield* session.claim([tag], 500)).toHaveLength(500)
      }))
  })
}

/** All pages of a list, with something done between one and the next. */
const pages = Effect.fnUntraced(function* <E>(session: Session, query: Query, between: () => Effect.Effect<void, E>) {
  const all: Array<RequestRecord> = []
  for (;;) {
    const last = all.at(-1)
    const before = last === undefined ? undefined : { storedAt: last.storedAt, id: last.request.id }
    const page = yield* session.list({ ...query, before })
    expect(page.length).toBeLessThanOrEqual(query.limit)
    all.push(...page)
    if (page.length < query.limit) return all
    yield* between()
  }
})
