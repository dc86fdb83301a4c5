/** How requests are stored: whole batches, or one as part of the caller's own transaction. */
import { Clock, Effect } from "effect"
import { PoolError } from "../../index.ts"
import {
  longestMillis,
  type Member,
  mostText,
  type NewRequest,
  type Session,
  startsAtOnce,
  type Transaction
} from "../Store.ts"
import { type Database, inTurn, type Within, within } from "./connection.ts"
import { unavailable } from "./failure.ts"
import { jobOf, type NewJob } from "./jobs.ts"
import { queueOf } from "./names.ts"
import { payloads, tellText } from "./notices.ts"
import type { Shared } from "./shared.ts"

export const insert = (member: Member, shared: Shared): Session["insert"] =>
  Effect.fnUntraced(function* (requests) {
    const batches = new Map<string, Batch>()
    const seen = new Set<string>()
    for (const request of requests) {
      const id = request.id.toLowerCase()
      // One statement takes no id twice.
      if (seen.has(id)) continue
      seen.add(id)
      const batch = batches.get(request.tag) ?? { queue: queueOf(request.tag), jobs: [], requests: [] }
      batches.set(request.tag, batch)
      batch.jobs.push(jobOf(request, shared.nextSequence(), member.deliveries))
      batch.requests.push(request)
    }
    yield* fits([...batches.values()])
    yield* shared.queues.ensure(batches.keys(), member.deliveries)
    const stored = yield* shared.connection.transaction((database) =>
      insertBatches(
        database,
        member.id,
        shared,
        // As all transactions have it: see `claiming.ts`.
        [...batches.values()].toSorted((a, b) => (a.queue < b.queue ? -1 : 1))
      )
    )
    return requests.map(({ id }) => (stored.delete(id.toLowerCase()) ? "stored" : "known"))
  })

/** Whoever it is that has the transaction, counting must not wait for its end: a row of its own is added up later. */
export const insertIn = (member: Member, shared: Shared): Session["insertIn"] =>
  Effect.fnUntraced(function* (transaction: Transaction, request: NewRequest) {
    yield* shared.queues.ensure([request.tag], member.deliveries)
    const database: Database = { executeSql: (text, values) => transaction.executeSql(text, values) }
    const job = jobOf(request, shared.nextSequence(), member.deliveries)
    const batch = { queue: queueOf(request.tag), jobs: [job], requests: [request] }
    yield* fits([batch])
    const stored = yield* Effect.catchTag(
      insertBatches(database, crypto.randomUUID(), shared, [batch]),
      "Conflict",
      () => Effect.fail(unavailable(new Error("the transaction stands in another's way")))
    )
    return stored.size > 0 ? "stored" : "known"
  })

interface Batch {
  readonly queue: string
  readonly jobs: Array<NewJob>
  readonly requests: Array<NewRequest>
}

/** Those that are too much together may be stored one by one. */
const fits = (batches: ReadonlyArray<Batch>): Effect.Effect<void, PoolError.StoreUnavailable> => {
  let length = 0
  for (const { jobs } of batches) for (const { data } of jobs) length += data.request.length
  if (length <= mostText) return Effect.void
  const detail = `a request of ${length} characters was to be stored, and at most ${mostText} are`
  return Effect.fail(new PoolError.StoreUnavailable({ reason: "refused", detail }))
}

/** Answers the ids of those that were not there. */
const insertBatches = (
  database: Database,
  tally: string,
  { boss, names }: Shared,
  batches: ReadonlyArray<Batch>
): Within<Set<string>> =>
  Effect.gen(function* () {
    const stored = new Set<string>()
    const due = new Set<string>()
    const now = yield* Clock.currentTimeMillis
    const expiring: Array<{ id: string; queue: string; millis: number }> = []
    yield* inTurn(batches, (batch) =>
      Effect.map(
        within(() => boss.insert(batch.queue, batch.jobs, { db: database, returnId: true })),
        (ids) => {
          for (const id of ids ?? []) stored.add(id)
          for (const request of batch.requests) {
            const { expiresInMillis, id, tag } = request
            if (!stored.has(id.toLowerCase())) continue
            if (startsAtOnce(request, now)) due.add(tag)
            if (expiresInMillis !== undefined) {
              expiring.push({ id, queue: batch.queue, millis: Math.min(longestMillis, expiresInMillis) })
            }
          }
        }
      )
    )
    if (stored.size === 0) return stored
    const values: Array<unknown> = [tally, stored.size, payloads({ work: due })]
    if (expiring.length > 0) values.push(JSON.stringify(expiring))
    const text = `
      WITH counted AS (
        INSERT INTO ${names.tally} AS t (process, kind, amount) VALUES ($1::uuid, 'stored', $2::bigint)
        ON CONFLICT (process, kind) DO UPDATE SET amount = t.amount + excluded.amount
      )${
        expiring.length === 0
          ? ""
          : `, expiring AS (
        INSERT INTO ${names.expiry} (id, queue, expires_at)
        SELECT id, queue, now() + millis * interval '1 millisecond'
        FROM json_to_recordset($4::text::json) AS x (id uuid, queue text, millis float8)
        ON CONFLICT DO NOTHING
      )`
      }
      ${tellText(names, "$3")}`
    yield* within(() => database.executeSql(text, values))
    return stored
  })
