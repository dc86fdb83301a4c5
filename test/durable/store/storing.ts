/** What is stored, what is claimed, and in which order. */
import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { PoolError } from "../../../src/index.ts"
import {
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

export const storing = ({ eventually, inTransaction, test }: Suite) => {
  describe("storing", () => {
    test("all of a request comes back as it was stored", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const retry = { times: 3, baseMillis: 1, factor: 2, capMillis: 9, jitter: "none", failures: true } as const
        const request = requestOf(tag, {
          payload: { list: [1, null, "", {}], deep: { is: [[true]] }, "": 0.1, text: 'ä"\\\n\u2028🎈' },
          priority: -10,
          key: "a'key",
          expiresInMillis: 60_000,
          call: { timeoutMillis: null, retry: { ...retry, timeouts: false, defects: false } },
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          resubmittedFrom: requestOf(tag).id,
          fingerprint: "a fingerprint"
        })
        const plain = requestOf(tag, { payload: null, priority: 10, call: { retry: null } })
        expect(yield* session.insert([request, plain])).toEqual(["stored", "stored"])
        const found = yield* session.find(request.id)
        expect(found).toEqual({
          request,
          state: "waiting",
          deliveries: 0,
          process: undefined,
          storedAt: expect.any(Number),
          claimedAt: undefined,
          endedAt: undefined,
          dueAt: found!.storedAt,
          expiresAt: found!.storedAt + 60_000,
          end: undefined,
          isDead: false
        })
        const claims = yield* claimAll(session, tag)
        expect(claims.map((claim) => claim.request)).toEqual([plain, request])
        expect(claims.map(({ deliveries, attempts }) => [deliveries, attempts])).toEqual([
          [1, 0],
          [1, 0]
        ])
        expect(claims[0]!.leftMillis).toBeUndefined()
        expect(claims[1]!.leftMillis).toBeLessThanOrEqual(60_000)
        expect(claims[1]!.leftMillis).toBeGreaterThan(50_000)
        expect(claims[1]!.storedForMillis).toBeGreaterThanOrEqual(0)
        expect(yield* session.find(request.id)).toMatchObject({ state: "claimed", deliveries: 1, request })
      }))

    test("text that no column may hold is stored too", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const payload = { nothing: "a\u0000b", half: "\ud800", escaped: "\\u0000" }
        yield* session.insert([requestOf(tag, { payload })])
        const [claim] = yield* session.claim([tag], 1)
        expect(claim!.request.payload).toEqual(payload)
      }))

    test("an id is stored once: within a batch, in any process, and after its end", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const other = yield* store.join(memberOf([tag]))
        const [first, second, third] = requestsOf(tag, 3)
        expect(yield* session.insert([])).toEqual([])
        expect(yield* session.insert([first!, second!, { ...first!, payload: "another" }])).toEqual([
          "stored",
          "stored",
          "known"
        ])
        expect(yield* other.insert([second!, third!, third!])).toEqual(["known", "stored", "known"])
        const claims = yield* claimAll(other, tag)
        expect(idsOf(claims)).toEqual([first!.id, second!.id, third!.id])
        expect(claims[0]!.request.payload).toEqual(first!.payload)
        expect(yield* session.insert([first!])).toEqual(["known"])
        yield* settle(other, claims)
        expect(yield* session.insert([third!, second!, first!])).toEqual(["known", "known", "known"])
        expect(yield* session.claim([tag], 10)).toEqual([])
      }))

    test("of those who store one id at once, one does", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const sessions = yield* Effect.all([1, 2, 3, 4].map(() => store.join(memberOf([tag]))))
        const requests = requestsOf(tag, 20)
        const turned = (by: number) => [...requests.slice(by * 5), ...requests.slice(0, by * 5)]
        const answers = yield* Effect.forEach(sessions, (session, by) => session.insert(turned(by)), {
          concurrency: "unbounded"
        })
        expect(answers.flat().filter((answer) => answer === "stored")).toHaveLength(20)
        expect(yield* claimAll(sessions[0]!, tag)).toHaveLength(20)
      }))

    test("the higher priority comes first, then the oldest", (store) =>
      Effect.gen(function* () {
        const [tag, other] = [newTag(), newTag()]
        const session = yield* store.join(memberOf([tag, other]))
        const stored = [0, 5, -10, 10, 0, 5, -1, 10].map((priority, at) => {
          return requestOf(at % 3 === 0 ? other : tag, { priority, payload: at })
        })
        for (const request of stored) yield* session.insert([request])
        const order: Array<unknown> = []
        for (const most of [1, 2, 100]) {
          const claims = yield* session.claim([tag, other], most)
          expect(claims.length).toBeLessThanOrEqual(most)
          order.push(...claims.map(({ request }) => request.payload))
        }
        expect(order).toEqual([3, 7, 1, 5, 0, 4, 6, 2])
      }))

    test("those of one batch come in its order", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const requests = requestsOf(tag, 50)
        yield* session.insert(requests)
        const claims = [...(yield* session.claim([tag], 7)), ...(yield* claimAll(session, tag))]
        expect(idsOf(claims)).toEqual(requests.map(({ id }) => id))
      }))

    test("only tags that were asked for are claimed, and nothing without any", (store) =>
      Effect.gen(function* () {
        const [tag, other] = [newTag(), newTag()]
        const session = yield* store.join(memberOf([tag, other]))
        const [one, two] = [requestOf(tag), requestOf(other, { priority: 10 })]
        yield* session.insert([one, two])
        expect(yield* session.claim([], 10)).toEqual([])
        expect(yield* session.claim([newTag()], 10)).toEqual([])
        expect(yield* session.claim([tag], 0)).toEqual([])
        expect(idsOf(yield* session.claim([tag], 10))).toEqual([one.id])
        expect(idsOf(yield* session.claim([tag, other], 10))).toEqual([two.id])
      }))

    test("one that is delayed is not claimed before it is due", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const request = requestOf(tag, { delayMillis: 400, priority: 10 })
        const soon = requestOf(tag)
        yield* session.insert([request, soon])
        const found = (yield* session.find(request.id))!
        expect(found.state).toBe("delayed")
        expect(found.dueAt - found.storedAt).toBe(400)
        expect(idsOf(yield* session.claim([tag], 10))).toEqual([soon.id])
        const [claim] = yield* eventually(session.claim([tag], 10), (claims) => claims.length > 0)
        expect(claim!.request).toEqual(request)
        expect(claim!.storedForMillis).toBeGreaterThanOrEqual(400)
        expect(claim!.storedForMillis).toBeLessThan(5_000)
      }))

    test("one whose time has come waits", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const request = requestOf(tag, { delayMillis: 100 })
        yield* session.insert([request])
        expect((yield* session.counts).tags[tag]).toEqual({ waiting: 0, delayed: 1, claimed: 0 })
        expect((yield* session.backlog([tag])).waiting).toBe(0)
        yield* eventually(session.find(request.id), (found) => found?.state === "waiting")
        expect((yield* session.counts).tags[tag]).toEqual({ waiting: 1, delayed: 0, claimed: 0 })
        expect((yield* session.backlog([tag])).waiting).toBe(1)
        expect((yield* session.list({ tag, state: "waiting", limit: 10 })).length).toBe(1)
      }))

    test("those who claim at once never get the same one, and leave none", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const sessions = yield* Effect.all([1, 2, 3, 4].map(() => store.join(memberOf([tag]))))
        for (let round = 0; round < 5; round++) {
          const requests = requestsOf(tag, 60)
          yield* sessions[0]!.insert(requests)
          const all = yield* Effect.forEach(sessions, (session) => claimAll(session, tag), { concurrency: "unbounded" })
          expect(idsOf(all.flat()).toSorted()).toEqual(requests.map(({ id }) => id).toSorted())
          for (const [at, claims] of all.entries()) yield* settle(sessions[at]!, claims)
        }
      }))

    if (inTransaction === undefined) return
    test("one in a transaction is there when that commits", (store) =>
      Effect.gen(function* () {
        const tag = newTag()
        const session = yield* store.join(memberOf([tag]))
        const heard = yield* heardBy(session)
        const [kept, gone] = requestsOf(tag, 2)
        const refusals = yield* inTransaction(
          (transaction) =>
            Effect.gen(function* () {
              expect(yield* session.insertIn(transaction, kept!)).toBe("stored")
              expect(yield* session.insertIn(transaction, kept!)).toBe("known")
              return yield* session.claim([tag], 10)
            }),
          true
        )
        expect(refusals).toEqual([])
        yield* inTransaction((transaction) => session.insertIn(transaction, gone!), false)
        expect(yield* statesOf(session, [kept!.id, gone!.id])).toEqual(["waiting", undefined])
        yield* eventually(
          Effect.sync(() => heard),
          (heard) => hasHeard(heard, "Work", tag)
        )
        const claims = yield* claimAll(session, tag)
        expect(claims.map(({ request }) => request)).toEqual([kept])
        expect(yield* inTransaction((transaction) => session.insertIn(transaction, kept!), true)).toBe("known")
        yield* giveBack(session, claims)
        expect(yield* session.insert([gone!, kept!])).toEqual(["stored", "known"])
      }))
  })

  test("a store that has no transactions says so", (store) =>
    Effect.gen(function* () {
      if (inTransaction !== undefined) return
      const tag = newTag()
      const session = yield* store.join(memberOf([tag]))
      const executeSql = () => Promise.resolve({ rows: [] })
      const error = yield* Effect.flip(session.insertIn({ executeSql }, requestOf(tag)))
      expect(error).toBeInstanceOf(PoolError.StoreUnavailable)
      expect(error.reason).toBe("refused")
      expect(yield* session.claim([tag], 1)).toEqual([])
    }))
}
