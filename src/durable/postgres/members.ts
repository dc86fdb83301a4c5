/** The processes that take part in a store: each has a row for its life. What is paused, they hear with each beat. */
import { Effect, type Scope } from "effect"
import type { PoolError } from "../../index.ts"
import { claimMillis, deadAfterMillis, type Member, type Pause, type ProcessRecord, type Session } from "../Store.ts"
import { millis } from "./looking.ts"
import { queueOf, tagOf } from "./names.ts"
import { payloads, tellText } from "./notices.ts"
import type { Shared } from "./shared.ts"

const isLive = `left_at IS NULL AND seen_at > now() - interval '${deadAfterMillis} milliseconds'`
/** How long it may take to say that it leaves. */
const farewellMillis = 700

/** The row of this process, until the scope ends. */
export const join = (member: Member, shared: Shared): Effect.Effect<void, PoolError.StoreUnavailable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.asVoid(shared.connection.query(seenText(shared), valuesOf(member, shared, undefined))),
    () => {
      const text = `UPDATE ${shared.names.process} SET left_at = now(), held = $2::uuid[] WHERE id = $1`
      const leave = shared.connection.query(text, [member.id, heldBy(member, shared)])
      return Effect.ignore(Effect.timeoutOption(leave, farewellMillis))
    }
  )

/** It writes the whole row: whoever was forgotten is there again. */
const seenText = ({ names }: Shared) => `
  INSERT INTO ${names.process} AS p (id, pool, host, pid, role, queues, deliveries, keep_outcomes_millis, says, held, started_at, seen_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::uuid[], now(), now())
  ON CONFLICT (id) DO UPDATE SET seen_at = now(), says = excluded.says, held = excluded.held, mourned_at = NULL`

const valuesOf = (member: Member, shared: Shared, says: unknown): Array<unknown> => [
  member.id,
  member.pool,
  member.host,
  member.pid,
  member.role,
  member.tags.map(queueOf),
  member.deliveries,
  member.keepOutcomesMillis,
  says === undefined ? null : JSON.stringify(says),
  heldBy(member, shared)
]

/** What was not kept for long is somebody else's by now, whether or not this process has heard of it. */
const heldBy = ({ id }: Member, { held, now }: Shared): Array<string> => {
  const since = now() - 6 * claimMillis
  const ids: Array<string> = []
  for (const [request, { keptAt, process }] of held) {
    if (keptAt < since) held.delete(request)
    else if (process === id) ids.push(request)
  }
  return ids
}

/** One statement: it is the one that a process that does nothing goes on with. */
export const beat = (member: Member, shared: Shared): Session["beat"] => {
  const { connection, names } = shared
  // The statement sees the rows as they were before it.
  const text = `
    WITH own AS (${seenText(shared)})
    SELECT
      (SELECT count(*)::int FROM ${names.process} WHERE role <> 'client' AND queues && $6::text[] AND (id = $1 OR ${isLive})) AS workers,
      EXISTS (
        SELECT 1 FROM ${names.process} WHERE id <> $1 AND mourned_at IS NULL AND NOT (${isLive})
          AND (left_at IS NULL OR held <> '{}')
      ) AS "hasMissing",
      (SELECT coalesce(json_agg(name), '[]') FROM ${names.pause}) AS pauses`
  return (says) =>
    Effect.map(connection.query(text, valuesOf(member, shared, says)), ([row]) => ({
      workers: row.workers,
      hasMissing: row.hasMissing,
      pauses: row.pauses.map(pauseOf)
    }))
}

const nameOf = ({ key, tag }: Pause): string => JSON.stringify([tag ?? null, key ?? null])

const pauseOf = (name: string): Pause => {
  const [tag, key] = JSON.parse(name) as [string | null, string | null]
  return key !== null ? { key } : tag !== null ? { tag } : {}
}

export const setPause = ({ connection, names }: Shared): Session["setPause"] =>
  Effect.fnUntraced(function* (pause, paused) {
    const change = paused
      ? `INSERT INTO ${names.pause} (name) VALUES ($1) ON CONFLICT DO NOTHING`
      : `DELETE FROM ${names.pause} WHERE name = $1`
    const text = `WITH changed AS (${change}) ${tellText(names, "$2")}`
    yield* connection.query(text, [nameOf(pause), payloads({ paused: true })])
  })

export const processes = ({ connection, names }: Shared): Session["processes"] => {
  const text = `
    SELECT id, pool, host, pid, role, queues, deliveries, keep_outcomes_millis AS "keepOutcomesMillis", ${isLive} AS live,
      ${millis("started_at")} AS "startedAt", ${millis("seen_at")} AS "seenAt", ${millis("left_at")} AS "leftAt", says
    FROM ${names.process} ORDER BY started_at, id`
  return Effect.map(connection.query(text), (rows) =>
    rows.map(({ leftAt, queues, says, ...rest }): ProcessRecord => ({
      ...rest,
      tags: queues.map(tagOf),
      leftAt: leftAt ?? undefined,
      says: says === null ? undefined : JSON.parse(says)
    }))
  )
}
