/** How requests end that their owner does not end, in a transaction that holds them meanwhile. */
import { Effect } from "effect"
import type { PoolError } from "../../index.ts"
import type { EndRecord, NewRequest, Session } from "../Store.ts"
import { type Conflict, type Database, inTurn, within } from "./connection.ts"
import { type Data, requestOf } from "./jobs.ts"
import { keyOf, queueOf } from "./names.ts"
import { type Ending, record, type Recorder } from "./recording.ts"
import type { Shared } from "./shared.ts"

/** One that has not ended, and that nobody else can end until the transaction does. */
export interface Locked {
  readonly request: NewRequest
  readonly queue: string
  readonly place: "waiting" | "delayed" | "claimed"
  readonly deliveries: number
  readonly storedForMillis: number
  readonly createdOn: string
  readonly sequence: number
  readonly process: string | undefined
  /** It was delivered too often, and its end is not recorded yet. */
  readonly hasFailed: boolean
}

export const revoke = (shared: Shared, recorder: Recorder): Session["revoke"] =>
  Effect.fnUntraced(function* (ends) {
    const records = new Map(ends.map((end) => [end.id.toLowerCase(), end]))
    const queues = [...new Set(ends.map(({ tag }) => queueOf(tag)))]
    return yield* shared.connection.transaction(
      Effect.fnUntraced(function* (database) {
        const locked = yield* lock(database, shared, queues, [...records.keys()])
        const recordOf = ({ deliveries, request, storedForMillis }: Locked): EndRecord => {
          return { ...records.get(request.id)!, deliveries, waitedMillis: storedForMillis }
        }
        yield* end(database, shared, recorder, locked, recordOf)
        return new Map(locked.map((each) => [recordOf(each).id, each.place]))
      })
    )
  })

/** Those of these that have not ended. */
export const lock = Effect.fnUntraced(function* (
  database: Database,
  { held, names }: Shared,
  queues: Array<string>,
  ids: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<Locked>, PoolError.StoreUnavailable | Conflict> {
  const text = `
    SELECT id, name, priority, data, retry_count, created_on::text AS created, state::text AS state,
      started_on IS NOT NULL AS "wasStarted", start_after > now() AS "isLater",
      (extract(epoch FROM now()) * 1000)::float8 AS now, (extract(epoch FROM created_on) * 1000)::float8 AS "createdAt",
      CASE WHEN state >= 'active' THEN (SELECT p.id FROM ${names.process} p WHERE p.held @> ARRAY[j.id] LIMIT 1) END AS process
    FROM ${names.job} j
    WHERE name = ANY($1::text[]) AND id = ANY($2::uuid[]) AND (state <= 'active' OR state = 'failed')
    ORDER BY name COLLATE "C", id FOR UPDATE OF j`
  const locked = new Map<string, Locked>()
  // One that is stored anew at this very moment is seen by the second look.
  for (const _look of ["first", "second"]) {
    const missing = ids.filter((id) => !locked.has(id))
    if (missing.length === 0) break
    const { rows } = yield* within(() => database.executeSql(text, [queues, missing]))
    for (const row of rows) {
      const data: Data = row.data
      const isWaiting = row.state === "created" || row.state === "retry"
      locked.set(row.id, {
        request: requestOf(row),
        queue: row.name,
        place: !isWaiting ? "claimed" : row.isLater ? "delayed" : "waiting",
        deliveries: (data.deliveries ?? 0) + (row.wasStarted ? row.retry_count + 1 : 0),
        storedForMillis: Math.max(0, row.now - (data.storedAt ?? row.createdAt)),
        createdOn: row.created,
        sequence: data.sequence,
        process: held.get(row.id)?.process ?? row.process ?? data.process,
        hasFailed: row.state === "failed"
      })
    }
  }
  return [...locked.values()]
})

/** Ends what is locked. Whoever has one is told to stop. */
export const end = Effect.fnUntraced(function* (
  database: Database,
  { boss }: Shared,
  recorder: Recorder,
  locked: ReadonlyArray<Locked>,
  recordOf: (locked: Locked) => EndRecord
) {
  if (locked.length === 0) return
  yield* inTurn(
    Map.groupBy(locked, ({ queue }) => queue),
    ([queue, group]) => {
      const failed = group.filter(({ hasFailed }) => hasFailed).map(({ request }) => request.id)
      const all = group.map(({ request }) => request.id)
      const cancel = within(() => boss.cancel(queue, all, { db: database }))
      // What has failed for pg-boss can only be cancelled once it waits again.
      return failed.length === 0
        ? cancel
        : Effect.andThen(
            within(() => boss.retry(queue, failed, { db: database })),
            cancel
          )
    }
  )
  const endings = locked.map((each): Ending => ({
    record: { ...recordOf(each), id: each.request.id },
    queue: each.queue,
    key: keyOf(each.request.key),
    process: each.process,
    createdOn: each.createdOn,
    sequence: each.sequence,
    expires: each.request.expiresInMillis !== undefined
  }))
  const revoked = locked.filter(({ place }) => place === "claimed").map(({ request }) => request.id)
  yield* record(database, recorder, endings, revoked)
})
