/** What waits costs a claim nothing, whatever PostgreSQL believes of the tables. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { queueOf } from "../../../src/durable/postgres/names.ts"
import { make } from "../../../src/durable/postgres/store.ts"
import type { Session } from "../../../src/durable/Store.ts"
import { giveBack, memberOf, newTag, requestsOf, settle } from "../store/fixture.ts"
import { serverOf } from "./server.ts"

const server = serverOf("plans")
const waiting = 20_000

/** Another process's connections: what they have read is told once they are closed. */
const inSession = <A, E>(tags: ReadonlyArray<string>, use: (session: Session) => Effect.Effect<A, E>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* make({ url: server.url(), kind: "postgres", schema: server.schema })
      return yield* use(yield* store.join(memberOf(tags)))
    })
  )

const tableOf = (tag: string) =>
  Effect.map(
    server.query(`SELECT table_name AS name FROM ${server.schema}.queue WHERE name = $1`, [queueOf(tag)]),
    ([row]): string => row.name
  )

/** Rows and entries of indexes that were read of a table so far. */
const readOf = (table: string) =>
  Effect.map(
    server.query(
      `SELECT (seq_tup_read + coalesce((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0))::int AS read
      FROM pg_stat_user_tables t WHERE schemaname = $1 AND relname = $2`,
      [server.schema, table]
    ),
    ([row]): number => row.read
  )

const fill = (session: Session, tag: string) =>
  Effect.forEach(Array.from({ length: waiting / 1_000 }), () => session.insert(requestsOf(tag, 1_000)))

/** What is read for the first claims of a queue that was filled a moment ago. */
const readByClaims = Effect.fnUntraced(function* (tag: string, others: ReadonlyArray<string>) {
  const table = yield* tableOf(tag)
  yield* inSession([tag], (session) => fill(session, tag))
  const before = yield* readOf(table)
  yield* inSession([tag, ...others], (session) =>
    Effect.gen(function* () {
      expect(yield* settle(session, yield* session.claim([tag], 100))).toHaveProperty("size", 100)
      expect(yield* giveBack(session, yield* session.claim([tag, ...others], 100))).toHaveProperty("size", 100)
      expect(yield* session.touch(yield* session.claim([tag], 100))).toHaveProperty("size", 100)
    })
  )
  for (;;) {
    const read = (yield* readOf(table)) - before
    if (read > 0) return read
    yield* Effect.sleep(50)
  }
})

describe("claims of what was stored a moment ago", () => {
  const [fresh, emptied, other] = [newTag(), newTag(), newTag()]
  const unattended = Effect.gen(function* () {
    yield* inSession([fresh, emptied, other], () => Effect.void)
    for (const tag of [fresh, emptied, other]) {
      yield* server.query(`ALTER TABLE ${server.schema}.${yield* tableOf(tag)} SET (autovacuum_enabled = false)`)
    }
  })

  it.live(
    "read no more than they take, in a table of which nothing is known",
    () =>
      Effect.gen(function* () {
        yield* unattended
        expect(yield* readByClaims(fresh, [])).toBeLessThan(waiting / 4)
      }),
    60_000
  )

  it.live(
    "and in one that was last looked at when it was empty, beside a full one",
    () =>
      Effect.gen(function* () {
        yield* unattended
        yield* inSession([other], (session) => session.insert(requestsOf(other, 500, { priority: -10 })))
        for (const tag of [emptied, other]) yield* server.query(`ANALYZE ${server.schema}.${yield* tableOf(tag)}`)
        yield* server.query(`ANALYZE ${server.schema}.job`)
        expect(yield* readByClaims(emptied, [other])).toBeLessThan(waiting / 4)
      }),
    60_000
  )
})
