/** How ends are written down: outcomes, the counts of the law and notices, in one statement of the transaction that ends them. */
import type { EndRecord } from "../Store.ts"
import { type Database, within } from "./connection.ts"
import type { Names } from "./names.ts"
import { payloads, tellText } from "./notices.ts"

/** One end, and what is known of its request. */
export interface Ending {
  readonly record: EndRecord
  readonly queue: string
  readonly key: string | undefined
  /** The process that had it. */
  readonly process: string | undefined
  /** As PostgreSQL writes it. */
  readonly createdOn: string
  readonly sequence: number
  readonly expires: boolean
}

/** What one process has to say of ends. */
export interface Recorder {
  readonly names: Names
  /** Whose tally it goes into. */
  readonly process: string
  readonly keepMillis: number
}

/** Those whose end is known already stay as they are. `revoked`: ids of those whose owner is to stop. */
export const record = (
  database: Database,
  { keepMillis, names, process }: Recorder,
  endings: ReadonlyArray<Ending>,
  revoked: ReadonlyArray<string> = []
) => {
  const rows = endings.map(({ createdOn, expires: _expires, key, process, queue, record, sequence }) => ({
    id: record.id,
    queue,
    end: record.end,
    exit: record.exit,
    attempts: record.attempts,
    deliveries: record.deliveries,
    waited: record.waitedMillis,
    ran: record.ranMillis,
    from: record.resubmittedFrom,
    process,
    key,
    dead: record.end === "failed" || record.end === "timedOut",
    created: createdOn,
    sequence
  }))
  const notices = payloads({ ended: endings.map(({ record }) => record.id), revoked })
  const expiring = endings.filter(({ expires }) => expires).map(({ record }) => record.id)
  const text = `
    WITH ended AS (
      INSERT INTO ${names.outcome} (id, queue, "end", exit, attempts, deliveries, waited_millis, ran_millis, resubmitted_from,
        process, key, is_dead, created_on, sequence, ended_at, forget_at)
      SELECT id, queue, "end", exit, attempts, deliveries, waited, ran, "from", process, key, dead, created, sequence,
        now(), now() + $3::float8 * interval '1 millisecond'
      FROM json_to_recordset($1::text::json) AS x (id uuid, queue text, "end" text, exit text, attempts int, deliveries int,
        waited float8, ran float8, "from" text, process uuid, key text, dead bool, created timestamptz, sequence bigint)
      ON CONFLICT DO NOTHING
      RETURNING "end"
    ), counted AS (
      INSERT INTO ${names.tally} AS t (process, kind, amount)
      SELECT $2::uuid, "end", count(*) FROM ended GROUP BY "end" ORDER BY "end"
      ON CONFLICT (process, kind) DO UPDATE SET amount = t.amount + excluded.amount
    )${expiring.length === 0 ? "" : `, settled AS (DELETE FROM ${names.expiry} WHERE id = ANY($5::uuid[]))`}
    ${tellText(names, "$4")}`
  const values: Array<unknown> = [JSON.stringify(rows), process, keepMillis, notices]
  if (expiring.length > 0) values.push(expiring)
  return within(() => database.executeSql(text, values))
}
