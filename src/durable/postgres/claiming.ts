/** How requests are claimed, and what their owner does with them. */
import { Clock, Effect, Fiber, type Scope } from "effect"
import type { CommandResponse, JobWithMetadata } from "pg-boss"
import { type Claim, claimMillis, type Member, type Return, type Session } from "../Store.ts"
import type { PoolError } from "../../index.ts"
import { asked, type Conflict, type Database, inTurn, within } from "./connection.ts"
import { type Data, fenceOf, requestOf, retryCountOf, returnedJob, returnsOf } from "./jobs.ts"
import { keyOf, queueOf } from "./names.ts"
import { payloads, tellText } from "./notices.ts"
import { record, type Recorder } from "./recording.ts"
import type { Held, Shared } from "./shared.ts"

export type Claims = Pick<Session, "claim" | "settle" | "giveBack" | "touch">

export const make = (
  member: Member,
  shared: Shared,
  recorder: Recorder,
  scope: Scope.Scope,
  clock: Clock.Clock
): Claims => {
  const { boss, connection, held, names, now } = shared
  const fetch = Effect.fnUntraced(function* (tags: ReadonlyArray<string>, most: number) {
    const [tag] = tags
    const isAlone = tags.length === 1 && shared.queues.has(tag!)
    const at = now()
    const taken: Array<Taken> = []
    // What is there may have been taken by others before it is fetched: then there may be more of another tag.
    for (let look = 0, isShort = true; isShort && look < mostLooks; look++) {
      const size = most - taken.length
      const shares = isAlone ? [{ queue: queueOf(tag!), size }] : yield* orSo(sharesOf(shared, tags, size), taken)
      let found = 0
      for (const { queue, size } of shares) {
        found += size
        const fetched = asked(() =>
          boss.fetch<Data>(queue, { batchSize: size, includeMetadata: true, db: connection.byIndex })
        )
        for (const job of yield* orSo(fetched, taken)) taken.push(claimOf(job, member.id, at))
      }
      isShort = !isAlone && taken.length < most && found === size
    }
    taken.sort(comesBefore)
    for (const { claim, held: entry } of taken) held.set(claim.request.id, entry)
    return taken.map(({ claim }) => claim)
  })

  const forget = (claim: Claim) => {
    if (held.get(claim.request.id)?.fence === claim.fence) held.delete(claim.request.id)
  }

  const claim: Claims["claim"] = (tags, most) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.forkIn(fetch(tags, most), scope, { startImmediately: true }), (fiber) =>
        Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.forkIn(unwanted(fiber), scope))
      )
    )

  /** What was claimed for somebody who waits no more. */
  const unwanted = (fiber: Fiber.Fiber<ReadonlyArray<Claim>, unknown>) =>
    Effect.flatMap(Effect.exit(Fiber.join(fiber)), (exit) => {
      const claims = exit._tag === "Success" ? exit.value : []
      return Effect.ignore(
        giveBack(claims.map((claim) => ({ claim, delayMillis: 0, attempts: claim.attempts, counts: false })))
      )
    })

  const settle: Claims["settle"] = Effect.fnUntraced(function* (ends) {
    const settled = yield* connection.transaction(
      Effect.fnUntraced(function* (database) {
        const records = new Map(ends.map(({ claim, record }) => [claim, record]))
        const settled = yield* fenced(
          database,
          ends.map(({ claim }) => claim),
          (queue, attempts) => boss.complete(queue, attempts, null, { db: database })
        )
        const endings = Array.from(settled, ([id, claim]) => {
          const { createdOn, sequence } = held.get(id) ?? unknown
          const { expiresInMillis, key, tag } = claim.request
          return {
            record: { ...records.get(claim)!, id },
            queue: queueOf(tag),
            key: keyOf(key),
            process: member.id,
            createdOn,
            sequence,
            expires: expiresInMillis !== undefined
          }
        })
        if (endings.length > 0) yield* record(database, recorder, endings)
        return settled
      })
    )
    for (const { claim } of ends) forget(claim)
    return new Set(settled.keys())
  })

  const giveBack: Claims["giveBack"] = Effect.fnUntraced(function* (returns) {
    const given = yield* connection.transaction(
      Effect.fnUntraced(function* (database) {
        const returned = new Map(returns.map((each) => [each.claim, each]))
        const given = yield* fenced(
          database,
          returns.map(({ claim }) => claim),
          (queue, attempts) => boss.deleteJob(queue, attempts, { db: database })
        )
        const back = Array.from(given.values(), (claim) => returned.get(claim)!)
        yield* inTurn(
          byQueue(back, ({ claim }) => claim),
          ([queue, group]) =>
            within(() =>
              boss.insert(
                queue,
                group.map((each) => jobOf(each)),
                { db: database }
              )
            )
        )
        const due = back.filter(({ delayMillis }) => delayMillis <= 0)
        const notices = payloads({ work: new Set(due.map(({ claim }) => claim.request.tag)) })
        if (notices.length > 0) yield* notify(database, notices)
        return given
      })
    )
    for (const { claim } of returns) forget(claim)
    return new Set(given.keys())
  })

  const jobOf = ({ attempts, claim, counts, delayMillis }: Return) => {
    const storedAt = held.get(claim.request.id)?.storedAt ?? clock.currentTimeMillisUnsafe() - claim.storedForMillis
    const deliveries = counts ? claim.deliveries : claim.deliveries - 1
    const again = { ...claim, attempts, deliveries, storedAt }
    return returnedJob(again, delayMillis, shared.nextSequence(), member.deliveries, member.id)
  }

  const touch: Claims["touch"] = Effect.fnUntraced(function* (claims) {
    const at = now()
    const kept = yield* connection.transaction((database) =>
      fenced(database, claims, (queue, attempts) => boss.touch(queue, attempts, { db: database }))
    )
    for (const claim of claims) {
      const entry = held.get(claim.request.id)
      if (!kept.has(claim.request.id)) forget(claim)
      else if (entry?.fence === claim.fence) entry.keptAt = Math.max(entry.keptAt, at)
    }
    return new Set(kept.keys())
  })

  /** It may have lapsed, so that another one has had it since. */
  const isStale = ({ fence, request }: Claim): boolean => {
    const entry = held.get(request.id)
    return entry === undefined || entry.fence !== fence || now() - entry.keptAt >= claimMillis
  }

  /** Answers those that are still this process's, with which it was done. */
  const fenced = Effect.fnUntraced(function* (
    database: Database,
    claims: ReadonlyArray<Claim>,
    act: (queue: string, attempts: Array<{ id: string; retryCount: number }>) => Promise<CommandResponse>
  ): Effect.fn.Return<Map<string, Claim>, PoolError.StoreUnavailable | Conflict> {
    const done = new Map<string, Claim>()
    for (const [queue, group] of byQueue(claims, (claim) => claim)) {
      const ours = yield* stillOurs(database, queue, group)
      if (ours.length === 0) continue
      const attempts = ours.map(({ fence, request }) => ({ id: request.id, retryCount: retryCountOf(fence) }))
      const answer = yield* within(() => act(queue, attempts))
      const ids = new Set((answer as { readonly settled?: ReadonlyArray<string> }).settled)
      for (const claim of ours) if (ids.has(claim.request.id)) done.set(claim.request.id, claim)
    }
    return done
  })

  /**
   * pg-boss tells claims apart by the retries since the request was stored, and one that was given back is stored anew: two owners may
   * have the same count. Only one that slept through its claim can be the former.
   */
  const stillOurs = Effect.fnUntraced(function* (database: Database, queue: string, claims: ReadonlyArray<Claim>) {
    const stale = new Set(claims.filter(isStale))
    if (stale.size === 0) return claims
    const { rows } = yield* within(() =>
      database.executeSql(
        `SELECT id, coalesce((data->>'returns')::int, 0) AS returns FROM ${names.job}
        WHERE name = $1 AND id = ANY($2::uuid[]) AND state = 'active' ORDER BY id FOR UPDATE`,
        [queue, Array.from(stale, ({ request }) => request.id)]
      )
    )
    const returns = new Map<string, number>(rows.map((row) => [row.id, row.returns]))
    return claims.filter((claim) => !stale.has(claim) || returns.get(claim.request.id) === returnsOf(claim.fence))
  })

  const notify = (database: Database, notices: Array<string>) =>
    within(() => database.executeSql(tellText(names, "$1"), [notices]))

  return { claim, settle, giveBack, touch }
}

/** Where something was taken already, that is kept: the rest may come the next time. */
const orSo = <A>(asked: Effect.Effect<Array<A>, PoolError.StoreUnavailable>, taken: ReadonlyArray<unknown>) =>
  Effect.catch(asked, (error) => (taken.length > 0 ? Effect.succeed<Array<A>>([]) : Effect.fail(error)))

/** While others take what was to be taken here. */
const mostLooks = 4

const unknown = { createdOn: "now", sequence: 0 }

/** In an order that all transactions have: those that lock the same rows wait for each other, and never in a circle. */
const byQueue = <A>(items: ReadonlyArray<A>, claim: (item: A) => Claim): Array<[string, Array<A>]> =>
  [...Map.groupBy(items, (item) => queueOf(claim(item).request.tag))].toSorted(([a], [b]) => (a < b ? -1 : 1))

interface Taken {
  readonly claim: Claim
  readonly held: Held
}

const claimOf = (job: JobWithMetadata<Data>, process: string, keptAt: number): Taken => {
  // Microseconds are kept for lists alone.
  const createdOn = job.createdOn as unknown as string
  const storedAt = job.data.storedAt ?? millisOf(createdOn)
  const storedForMillis = Math.max(0, millisOf(job.startedOn as unknown as string) - storedAt)
  const request = requestOf(job)
  const fence = fenceOf(job.data.returns ?? 0, job.retryCount)
  const { expiresInMillis } = request
  return {
    claim: {
      request,
      fence,
      deliveries: (job.data.deliveries ?? 0) + job.retryCount + 1,
      attempts: job.data.attempts ?? 0,
      storedForMillis,
      leftMillis: expiresInMillis === undefined ? undefined : Math.max(0, expiresInMillis - storedForMillis)
    },
    held: { process, fence, createdOn, sequence: job.data.sequence, storedAt, keptAt }
  }
}

const comesBefore = (a: Taken, b: Taken): number =>
  b.claim.request.priority - a.claim.request.priority ||
  (a.held.createdOn < b.held.createdOn
    ? -1
    : a.held.createdOn > b.held.createdOn
      ? 1
      : a.held.sequence - b.held.sequence)

/** How many of each tag are among the first, by priority and age. */
const sharesOf = ({ connection, names }: Shared, tags: ReadonlyArray<string>, most: number) => {
  const heads = Array.from(new Set(tags), (tag) => {
    const name = queueOf(tag)
    return `(SELECT name, priority, created_on FROM ${names.job} WHERE name = '${name}' AND state < 'active' AND NOT blocked
      AND start_after <= now() ORDER BY priority DESC, created_on LIMIT ${most})`
  })
  const text = `SELECT name AS queue, count(*)::int AS size FROM (
      SELECT name FROM (${heads.join(" UNION ALL ")}) AS heads ORDER BY priority DESC, created_on LIMIT ${most}
    ) AS firsts GROUP BY name`
  return Effect.map(
    asked(() => connection.byIndex.executeSql(text)),
    ({ rows }): Array<{ queue: string; size: number }> => rows
  )
}

/** Of a point in time as PostgreSQL writes it. */
const millisOf = (text: string): number => Date.parse(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"))
