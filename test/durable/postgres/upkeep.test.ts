/** What a store on PostgreSQL keeps of those that have gone. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { make } from "../../../src/durable/postgres/store.ts"
import { lawViolations } from "../../../src/durable/service.ts"
import { memberOf, newTag, requestOf, requestsOf, settle } from "../store/fixture.ts"
import { serverOf } from "./server.ts"

const server = serverOf("upkeep")
const store = Effect.suspend(() => make({ url: server.url(), kind: "postgres", schema: server.schema }))
const tally = Effect.suspend(() =>
  Effect.map(
    server.query(`SELECT DISTINCT process::text AS process FROM ${server.schema}.pool_tally ORDER BY 1`),
    (rows) => rows.map(({ process }): string => process)
  )
)
const nobody = "00000000-0000-0000-0000-000000000000"
/** As if it had been heard of so long ago for the last time. */
const silence = (id: string, seconds: number) =>
  server.query(
    `UPDATE ${server.schema}.pool_process SET seen_at = now() - $2 * interval '1 second' WHERE id = $1::uuid`,
    [id, seconds]
  )

describe("upkeep", () => {
  it.live("what was counted by those who have gone is added up, and the law holds", () =>
    Effect.gen(function* () {
      const tag = newTag()
      const member = memberOf([tag])
      const session = yield* Effect.flatMap(store, (store) => store.join(member))
      const scope = yield* Scope.make()
      const leaving = memberOf([tag])
      const gone = yield* Effect.flatMap(store, (store) => store.join(leaving)).pipe(Scope.provide(scope))
      yield* gone.insert(requestsOf(tag, 5))
      yield* settle(gone, yield* gone.claim([tag], 2))
      yield* server.inTransaction((transaction) => gone.insertIn(transaction, requestOf(tag)), true)
      yield* session.insert(requestsOf(tag, 1))
      const before = yield* session.counts
      expect(before).toMatchObject({ stored: 7, succeeded: 2 })
      expect(yield* tally).toHaveLength(3)
      yield* session.maintain
      expect(yield* tally).toEqual([nobody, leaving.id, member.id].toSorted())
      yield* Scope.close(scope, Exit.void)
      yield* Effect.all([session.maintain, session.maintain, session.counts], { concurrency: 3 })
      expect(yield* tally).toEqual([nobody, member.id])
      const after = yield* session.counts
      expect({ ...after, oldestMillis: 0 }).toEqual({ ...before, oldestMillis: 0 })
      expect(lawViolations(after)).toEqual([])
    })
  )

  it.live("who is missing is looked for until all it had has lapsed, and forgotten later", () =>
    Effect.gen(function* () {
      const tag = newTag()
      const session = yield* Effect.flatMap(store, (store) => store.join(memberOf([tag])))
      const member = memberOf([tag])
      const other = yield* Effect.flatMap(store, (store) => store.join(member))
      const isMissing = Effect.map(session.beat(null), ({ hasMissing }) => hasMissing)
      const isKnown = Effect.map(session.processes, (records) => records.some(({ id }) => id === member.id))
      yield* other.beat(null)
      expect(yield* isMissing).toBe(false)
      yield* silence(member.id, 12)
      yield* session.redeliver
      expect(yield* isMissing).toBe(true)
      yield* silence(member.id, 30)
      expect(yield* isMissing).toBe(true)
      yield* session.redeliver
      expect(yield* isMissing).toBe(false)
      yield* session.maintain
      expect(yield* isKnown).toBe(true)
      yield* silence(member.id, 601)
      yield* session.maintain
      expect(yield* isKnown).toBe(false)
      // It was frozen, and comes back.
      yield* other.beat({ again: true })
      expect((yield* session.processes).find(({ id }) => id === member.id)).toMatchObject({ ...member, live: true })
      yield* silence(member.id, 12)
      expect(yield* isMissing).toBe(true)
    })
  )

  it.live("who leaves with something in its hands is missing until that has lapsed", () =>
    Effect.gen(function* () {
      const tag = newTag()
      const session = yield* Effect.flatMap(store, (store) => store.join(memberOf([tag])))
      const scopes = yield* Effect.all([Scope.make(), Scope.make()])
      yield* session.insert(requestsOf(tag, 1))
      const [busy, idle] = yield* Effect.forEach(scopes, (scope) =>
        Effect.flatMap(store, (store) => store.join(memberOf([tag]))).pipe(Scope.provide(scope))
      )
      expect(yield* busy!.claim([tag], 1)).toHaveLength(1)
      expect(yield* idle!.claim([tag], 1)).toHaveLength(0)
      yield* Scope.close(scopes[1]!, Exit.void)
      const { hasMissing } = yield* session.beat(null)
      yield* Scope.close(scopes[0]!, Exit.void)
      expect([hasMissing, (yield* session.beat(null)).hasMissing]).toEqual([false, true])
    })
  )
})
