/** What has to be done now and then by somebody: lapsed claims, overdue requests, old ends, processes that have gone. */
import { Effect } from "effect"
import { exhausted, expired } from "../exits.ts"
import { claimMillis, type Session } from "../Store.ts"
import { asked, type Database, inTurn, type Within, within } from "./connection.ts"
import { end, lock } from "./ending.ts"
import { deadLetters, tagOf } from "./names.ts"
import { payloads, tellText } from "./notices.ts"
import type { Recorder } from "./recording.ts"
import type { Shared } from "./shared.ts"

/** A process that was not heard of, or has left, for so long has no claim any more that had not lapsed. */
export const mourningSeconds = (2 * claimMillis) / 1000 + 5
/** How long a process that has gone is told of. */
const rememberedMinutes = 10
const expiredAtOnce = 500
const forgottenAtOnce = 1_000
const exhaustedAtOnce = 100
/** After so long the rest is left to the next time, which is soon. */
const longestMillis = 5_000
/** The tally of all processes that have gone. */
const nobody = "00000000-0000-0000-0000-000000000000"

export const redeliver = (shared: Shared, recorder: Recorder): Session["redeliver"] => {
  const { boss, connection, names } = shared
  // What has a limit is never made a join over all tables.
  const lapsedText = `
    SELECT q.name FROM ${names.queue} q CROSS JOIN LATERAL (
      SELECT 1 FROM ${names.job} j WHERE j.name = q.name AND j.state = 'active' AND (
        j.heartbeat_on + j.heartbeat_seconds * interval '1 second' < now()
        OR j.started_on + j.expire_seconds * interval '1 second' < now()) LIMIT 1
    ) AS lapsed
    UNION ALL
    (SELECT '${deadLetters}' FROM ${names.job} WHERE name = '${deadLetters}' AND state < 'active' LIMIT 1)`
  const mournText = `
    UPDATE ${names.process} SET mourned_at = now(), held = '{}'
    WHERE mourned_at IS NULL AND coalesce(left_at, seen_at) < now() - interval '${mourningSeconds} seconds'`

  return Effect.gen(function* () {
    const found = new Set<string>((yield* connection.query(lapsedText)).map(({ name }) => name))
    const lapsed = [...found].filter((name) => name !== deadLetters)
    yield* inTurn(lapsed, (queue) => asked(() => boss.supervise(queue)))
    if (found.size > 0)
      yield* repeated(
        shared,
        connection.transaction((database) => exhaust(database, shared, recorder))
      )
    const notices = payloads({ work: lapsed.map(tagOf) })
    if (notices.length > 0) {
      yield* connection.query(tellText(names, "$1"), [notices])
    }
    yield* connection.query(mournText)
  })
}

/** As long as there is more. */
const repeated = Effect.fnUntraced(function* <E>({ now }: Shared, once: Effect.Effect<boolean, E>) {
  const until = now() + longestMillis
  while ((yield* once) && now() < until) continue
})

/** Records the end of those that were delivered too often. Whether there may be more. */
const exhaust = (database: Database, shared: Shared, recorder: Recorder): Within<boolean> =>
  Effect.gen(function* () {
    const { boss } = shared
    const letters = yield* within(() =>
      boss.fetch(deadLetters, { batchSize: exhaustedAtOnce, includeMetadata: true, db: database })
    )
    if (letters.length === 0) return false
    const queues = [...new Set(letters.flatMap(({ sourceName }) => sourceName ?? []))]
    const locked = yield* lock(
      database,
      shared,
      queues,
      letters.flatMap(({ sourceId }) => sourceId ?? [])
    )
    // The others have ended otherwise meanwhile.
    const failed = locked.filter(({ hasFailed }) => hasFailed)
    yield* end(database, shared, recorder, failed, ({ deliveries, request, storedForMillis }) =>
      exhausted(request, deliveries, storedForMillis)
    )
    yield* within(() =>
      boss.deleteJob(
        deadLetters,
        letters.map(({ id, retryCount }) => ({ id, retryCount })),
        { db: database }
      )
    )
    return letters.length === exhaustedAtOnce
  })

export const maintain = (shared: Shared, recorder: Recorder): Session["maintain"] => {
  const { boss, connection, names } = shared

  const run = (database: Database, text: string, values: Array<unknown> = []) =>
    Effect.map(
      within(() => database.executeSql(text, values)),
      ({ rows }) => rows
    )

  /** One process does it at a time; the others leave it to that one. Again, as long as there may be more. */
  const alone = (work: (database: Database) => Within<boolean>) =>
    Effect.gen(function* () {
      const once = Effect.fnUntraced(function* (database: Database) {
        const lock = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1)) AS got"
        const [row] = yield* run(database, lock, [`effect-worker-pool.${names.schema}`])
        return row.got ? yield* work(database) : false
      })
      yield* repeated(shared, connection.transaction(once))
    })

  const expire = alone(
    Effect.fnUntraced(function* (database) {
      const text = `SELECT id, queue FROM ${names.expiry} WHERE expires_at <= now() ORDER BY expires_at LIMIT ${expiredAtOnce}`
      const due = yield* run(database, text)
      if (due.length === 0) return false
      const ids = due.map(({ id }): string => id)
      const locked = yield* lock(database, shared, [...new Set(due.map(({ queue }): string => queue))], ids)
      yield* end(database, shared, recorder, locked, ({ deliveries, place, request, storedForMillis }) =>
        expired(request, place === "claimed" ? "running" : place, deliveries, storedForMillis)
      )
      yield* run(database, `DELETE FROM ${names.expiry} WHERE id = ANY($1::uuid[])`, [ids])
      return due.length === expiredAtOnce
    })
  )

  const forget = alone(
    Effect.fnUntraced(function* (database) {
      const text = `SELECT id, queue FROM ${names.outcome} WHERE forget_at <= now() ORDER BY forget_at LIMIT ${forgottenAtOnce}`
      const old: Array<{ id: string; queue: string }> = yield* run(database, text)
      if (old.length === 0) return false
      // An id is known for as long as its end is: both go at once.
      yield* inTurn(
        Map.groupBy(old, ({ queue }) => queue),
        ([queue, group]) => {
          const ids = group.map(({ id }) => id)
          return Effect.andThen(
            within(() => boss.deleteJob(queue, ids, { db: database })),
            run(database, `DELETE FROM ${names.outcome} WHERE queue = $1 AND id = ANY($2::uuid[])`, [queue, ids])
          )
        }
      )
      return old.length === forgottenAtOnce
    })
  )

  const fold = alone(
    Effect.fnUntraced(function* (database) {
      yield* run(
        database,
        `DELETE FROM ${names.process}
        WHERE mourned_at IS NOT NULL AND coalesce(left_at, seen_at) < now() - interval '${rememberedMinutes} minutes'`
      )
      yield* run(
        database,
        `WITH gone AS (
          DELETE FROM ${names.tally} t WHERE process <> '${nobody}' AND NOT EXISTS (
            SELECT 1 FROM ${names.process} p WHERE p.id = t.process AND p.left_at IS NULL)
          RETURNING kind, amount
        )
        INSERT INTO ${names.tally} AS t (process, kind, amount)
        SELECT '${nobody}', kind, sum(amount) FROM gone GROUP BY kind ORDER BY kind
        ON CONFLICT (process, kind) DO UPDATE SET amount = t.amount + excluded.amount`
      )
      return false
    })
  )

  const dueText = `
    SELECT EXISTS (SELECT 1 FROM ${names.expiry} WHERE expires_at <= now()) AS expire,
      EXISTS (SELECT 1 FROM ${names.outcome} WHERE forget_at <= now()) AS forget,
      EXISTS (SELECT 1 FROM ${names.tally} t WHERE process <> '${nobody}' AND NOT EXISTS (
        SELECT 1 FROM ${names.process} p WHERE p.id = t.process AND p.left_at IS NULL)) AS fold,
      EXISTS (SELECT 1 FROM ${names.process} WHERE mourned_at IS NOT NULL
        AND coalesce(left_at, seen_at) < now() - interval '${rememberedMinutes} minutes') AS remembered`

  return Effect.gen(function* () {
    const [due] = yield* connection.query(dueText)
    if (due.expire) yield* expire
    if (due.forget) yield* forget
    if (due.fold || due.remembered) yield* fold
  })
}
