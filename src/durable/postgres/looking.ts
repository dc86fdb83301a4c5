/** One request at a time, as it stands; and the few changes that take no claim. */
import { Effect } from "effect"
import type { EndRecord, RequestRecord, Session } from "../Store.ts"
import { asked } from "./connection.ts"
import { type Data, requestOf } from "./jobs.ts"
import { deadLetters, type Names, tagOf } from "./names.ts"
import type { Shared } from "./shared.ts"

/** Of a job `j` and its outcome `o`. */
export const columns = ({ process }: Names): string => `
  j.id, j.name, j.priority, j.data, j.retry_count AS "retryCount", j.state::text AS state,
  j.start_after > now() AS "isLater", ${millis("j.created_on")} AS "createdAt", ${millis("j.started_on")} AS "startedAt",
  ${millis("j.start_after")} AS "dueAt", o."end", o.exit, o.attempts, o.deliveries, o.waited_millis AS waited,
  o.ran_millis AS ran, o.resubmitted_from AS "resubmittedFrom", o.process AS "endedBy", o.is_dead AS "isDead",
  ${millis("o.ended_at")} AS "endedAt",
  CASE WHEN j.state IN ('retry', 'active', 'failed') AND o.id IS NULL THEN
    (SELECT p.id FROM ${process} p WHERE p.held @> ARRAY[j.id] ORDER BY p.seen_at DESC LIMIT 1) END AS holder`

export const millis = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::float8`

/** What a process has, it says with each beat: of this one it is known at once. */
export const recordOf =
  ({ held }: Shared) =>
  (row: any): RequestRecord => {
    const data: Data = row.data
    const request = requestOf(row)
    const storedAt = data.storedAt ?? row.createdAt
    const end = endOf(row)
    const wasStarted = row.startedAt !== null
    const isWaiting = row.state === "created" || row.state === "retry"
    return {
      request,
      state: end !== undefined ? "ended" : !isWaiting ? "claimed" : row.isLater ? "delayed" : "waiting",
      deliveries: (data.deliveries ?? 0) + (wasStarted ? row.retryCount + 1 : 0),
      process: row.endedBy ?? held.get(row.id)?.process ?? row.holder ?? data.process,
      storedAt,
      claimedAt: wasStarted ? row.startedAt : undefined,
      endedAt: row.endedAt === null ? undefined : row.endedAt,
      dueAt: row.dueAt,
      expiresAt: request.expiresInMillis === undefined ? undefined : storedAt + request.expiresInMillis,
      end,
      isDead: row.isDead === true
    }
  }

const endOf = (row: any): EndRecord | undefined =>
  row.end === null
    ? undefined
    : {
        id: row.id,
        tag: tagOf(row.name),
        end: row.end,
        exit: row.exit,
        attempts: row.attempts,
        deliveries: row.deliveries,
        waitedMillis: row.waited,
        ranMillis: row.ran,
        resubmittedFrom: row.resubmittedFrom ?? undefined
      }

export const find = (shared: Shared): Session["find"] => {
  const { connection, names } = shared
  const text = `SELECT ${columns(names)} FROM ${oneJob(names)} LEFT JOIN ${names.outcome} o ON o.id = j.id AND o.queue = j.name LIMIT 1`
  return (id) =>
    Effect.map(connection.query(text, [id]), ([row]) => (row === undefined ? undefined : recordOf(shared)(row)))
}

/** The job of the id `$1`, in whichever table. What has a limit is never made a join over all of them. */
export const oneJob = ({ job, queue }: Names) =>
  `${queue} q CROSS JOIN LATERAL (SELECT * FROM ${job} WHERE name = q.name AND id = $1 AND name <> '${deadLetters}' LIMIT 1) j`

export const ends = ({ connection, names }: Shared): Session["ends"] => {
  const text = `
    SELECT id, queue AS name, "end", exit, attempts, deliveries, waited_millis AS waited, ran_millis AS ran,
      resubmitted_from AS "resubmittedFrom"
    FROM ${names.outcome} WHERE id = ANY($1::uuid[])`
  return (ids) => Effect.map(connection.query(text, [ids]), (rows) => rows.flatMap((row) => endOf(row) ?? []))
}

export const discard =
  ({ connection, names }: Shared): Session["discard"] =>
  (id) =>
    Effect.map(
      connection.query(`UPDATE ${names.outcome} SET is_dead = false WHERE id = $1 AND is_dead RETURNING 1`, [id]),
      (rows) => rows.length > 0
    )

export const setPriority = ({ boss, connection, names }: Shared): Session["setPriority"] =>
  Effect.fnUntraced(function* (id, priority) {
    const [row] = yield* connection.query(`SELECT j.name FROM ${oneJob(names)}`, [id])
    if (row === undefined) return false
    const { updated } = yield* asked(() => boss.update(row.name, undefined, { id, priority }))
    return updated > 0
  })
