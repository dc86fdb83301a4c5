/** Pages of requests, the newest first: read from the ends of indexes, however much is stored. */
import { Effect } from "effect"
import { Outcome } from "../../index.ts"
import type { Query, Session } from "../Store.ts"
import { within } from "./connection.ts"
import { columns, oneJob, recordOf } from "./looking.ts"
import { deadLetters, keyOf, type Names, queueOf } from "./names.ts"
import type { Shared } from "./shared.ts"

export const list = (shared: Shared): Session["list"] => {
  const { connection, names } = shared

  /** Where the page before has ended. One that was given back stands where it was stored anew. */
  const anchorOf = Effect.fnUntraced(function* ({ before }: Query) {
    if (before === undefined) return undefined
    const text = `
      SELECT created_on::text AS created, sequence::text AS sequence FROM ${names.outcome} WHERE id = $1
      UNION ALL
      SELECT j.created_on::text, j.data->>'sequence' FROM ${oneJob(names)}
      LIMIT 1`
    const [row] = yield* connection.query(text, [before.id])
    return { created: row?.created, sequence: row?.sequence ?? "0", ...before }
  })

  return Effect.fnUntraced(function* (query) {
    const queues: Array<string> =
      query.tag !== undefined
        ? [queueOf(query.tag)]
        : (yield* connection.query(`SELECT name FROM ${names.queue} WHERE name <> $1`, [deadLetters])).map(
            ({ name }) => name
          )
    const anchor = yield* anchorOf(query)
    const values: Array<unknown> = []
    const value = (what: unknown) => `$${values.push(what)}`
    const named = query.key === undefined ? undefined : keyOf(query.key)
    const key = named === undefined ? undefined : value(named)
    const at =
      anchor === undefined
        ? undefined
        : anchor.created !== undefined
          ? `${value(anchor.created)}::timestamptz`
          : `to_timestamp(${value(anchor.storedAt)}::float8 / 1000)`
    const page =
      at === undefined
        ? ""
        : `AND created_on <= ${at} AND (created_on, sequence, id) < (${at}, ${value(anchor!.sequence)}::bigint, ${value(anchor!.id)}::uuid)`
    const parts = queues.flatMap((queue) => partsOf(names, queue, query, key, page))
    if (parts.length === 0) return []
    const text = `
      WITH page AS MATERIALIZED (
        SELECT id, queue, created_on, sequence FROM (${parts.join(" UNION ALL ")}) AS parts
        ORDER BY created_on DESC, sequence DESC, id DESC LIMIT ${query.limit}
      )
      SELECT ${columns(names)}
      FROM page k CROSS JOIN LATERAL (SELECT * FROM ${names.job} WHERE name = k.queue AND id = k.id LIMIT 1) j
      LEFT JOIN ${names.outcome} o ON o.id = k.id AND o.queue = k.queue
      ORDER BY k.created_on DESC, k.sequence DESC, k.id DESC`
    const { rows } = yield* connection.transaction((database) => within(() => database.executeSql(text, values)))
    return rows.map(recordOf(shared))
  })
}

/** Statements that each find the newest of one kind in one queue, no more of them than fit on the page. */
const partsOf = (
  { job, outcome }: Names,
  queue: string,
  { key: asksKey, limit, state }: Query,
  key: string | undefined,
  page: string
): Array<string> => {
  const newest = `${page} ORDER BY created_on DESC, sequence DESC, id DESC LIMIT ${limit}`
  const jobs = (where: string, fence = "") =>
    `SELECT * FROM (SELECT id, name AS queue, created_on, (data->>'sequence')::bigint AS sequence FROM ${job}
      WHERE name = '${queue}' AND ${where} ${fence}) AS jobs WHERE true ${newest}`
  const outcomes = (where: string) =>
    `SELECT id, queue, created_on, sequence FROM ${outcome} WHERE queue = '${queue}' AND ${where} ${newest}`
  const each = (list: string, part: string) => `(SELECT part.* FROM ${list} CROSS JOIN LATERAL (${part}) AS part)`
  const keyed = (column: string) =>
    asksKey === undefined ? "" : key === undefined ? ` AND ${column} IS NULL` : ` AND ${column} = ${key}`
  const isIndexed = key !== undefined

  const waiting = (when: string) => {
    const where = `state < 'active' AND NOT blocked${when}${keyed("singleton_key")}`
    // By priority as well, because that is how the index has them.
    return isIndexed
      ? `(${jobs(where)})`
      : each("generate_series(-10, 10) AS p(priority)", jobs(`priority = p.priority AND ${where}`))
  }
  // They are few, and all of them are found before they are brought into their order: not along all that is stored.
  const claimed = () => `(${jobs(`state IN ('active', 'failed')${keyed("singleton_key")}`, "OFFSET 0")})`
  const ended = (ends: ReadonlyArray<Outcome.End>) =>
    isIndexed
      ? `(${outcomes(`"end" IN (${ends.map((end) => `'${end}'`).join(", ")})${keyed("key")}`)})`
      : each(`unnest(ARRAY['${ends.join("', '")}']) AS e(name)`, outcomes(`"end" = e.name${keyed("key")}`))

  switch (state) {
    case undefined:
      return [waiting(""), claimed(), ended(Outcome.ends)]
    case "waiting":
      return [waiting(" AND start_after <= now()")]
    case "delayed":
      return [waiting(" AND start_after > now()")]
    case "claimed":
      return [claimed()]
    case "ended":
      return [ended(Outcome.ends)]
    case "dead":
      return [`(${outcomes(`is_dead${keyed("key")}`)})`]
    default:
      return [ended([state])]
  }
}
