/** How many there are. */
import { Effect } from "effect"
import { Outcome } from "../../index.ts"
import { type Counts, mostCounted, type Session } from "../Store.ts"
import { asked } from "./connection.ts"
import { deadLetters, type Names, queueOf, tagOf } from "./names.ts"
import type { Shared } from "./shared.ts"

/** One statement, and so one moment. What has not ended is counted in the index of what has not. */
export const counts = ({ connection, names }: Shared): Session["counts"] => {
  const text = `
    WITH live AS (
      SELECT name,
        count(*) FILTER (WHERE state < 'active' AND start_after <= now())::int AS waiting,
        count(*) FILTER (WHERE state < 'active' AND start_after > now())::int AS delayed,
        count(*) FILTER (WHERE state >= 'active')::int AS claimed
      FROM ${names.job} WHERE state IN ('created', 'retry', 'active', 'failed') AND name <> '${deadLetters}' GROUP BY name
    )
    SELECT
      (SELECT coalesce(json_object_agg(kind, amount), '{}') FROM (
        SELECT kind, sum(amount) AS amount FROM ${names.tally} GROUP BY kind) AS kinds) AS tally,
      (SELECT coalesce(json_agg(json_build_array(q.name, coalesce(waiting, 0), coalesce(delayed, 0), coalesce(claimed, 0))), '[]')
        FROM ${names.queue} q LEFT JOIN live USING (name) WHERE q.name <> '${deadLetters}') AS queues,
      (SELECT ${sinceText("first.since")} FROM ${names.queue} q, LATERAL (${["created", "retry"]
        .map((state) => oldest(names, "q.name", state))
        .join(" UNION ALL ")}) AS first(since) WHERE q.name <> '${deadLetters}') AS oldest`
  return Effect.map(connection.query(text), ([{ oldest, queues, tally }]): Counts => {
    const lines = queues as ReadonlyArray<readonly [string, number, number, number]>
    const sum = (at: 1 | 2 | 3) => lines.reduce((sum, line) => sum + line[at], 0)
    const ends = Object.fromEntries(Outcome.ends.map((end) => [end, Number(tally[end] ?? 0)])) as Record<
      Outcome.End,
      number
    >
    return {
      stored: Number(tally.stored ?? 0),
      waiting: sum(1),
      delayed: sum(2),
      claimed: sum(3),
      ...ends,
      oldestMillis: oldest ?? 0,
      tags: Object.fromEntries(
        lines.map(([queue, waiting, delayed, claimed]) => [tagOf(queue), { waiting, delayed, claimed }])
      )
    }
  })
}

export const backlog =
  ({ connection, names }: Shared): Session["backlog"] =>
  (tags) => {
    const queues = Array.from(new Set(tags), (tag) => `'${queueOf(tag)}'`)
    const due = queues.map(
      (queue) => `(SELECT 1 FROM ${names.job} WHERE name = ${queue} AND state IN ('created', 'retry') AND NOT blocked
        AND start_after <= now() LIMIT ${mostCounted})`
    )
    const firsts = queues.flatMap((queue) => ["created", "retry"].map((state) => oldest(names, queue, state)))
    const text = `
      SELECT (SELECT count(*)::int FROM (SELECT FROM (${due.join(" UNION ALL ")}) AS due LIMIT ${mostCounted}) AS counted) AS waiting,
        (SELECT ${sinceText("since")} FROM (${firsts.join(" UNION ALL ")}) AS first(since)) AS oldest`
    return Effect.map(
      asked(() => connection.byIndex.executeSql(text)),
      ({ rows: [{ oldest, waiting }] }) => ({ waiting, oldestMillis: oldest ?? 0 })
    )
  }

/** Since when the oldest one waits, of one state. */
const oldest = ({ job }: Names, queue: string, state: string) =>
  `(SELECT start_after FROM ${job} WHERE name = ${queue} AND state = '${state}' AND NOT blocked AND start_after <= now()
    ORDER BY start_after LIMIT 1)`

const sinceText = (column: string) => `floor(extract(epoch FROM now() - min(${column})) * 1000)::float8`
