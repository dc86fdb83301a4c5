/** One process's part in a store in memory. Each step happens at once, as a whole. */
import { Effect } from "effect"
import { PoolError } from "../../index.ts"
import { exhausted, expired } from "../exits.ts"
import {
  claimMillis,
  type EndRecord,
  type Member,
  mostCounted,
  type Pause,
  type Query,
  type RequestRecord,
  type Session,
  startsAtOnce
} from "../Store.ts"
import type { Faults } from "./faults.ts"
import type { Processes } from "./processes.ts"
import { copy, type Row } from "./row.ts"
import type { Table } from "./table.ts"

/** All that the sessions of one store share. */
export interface Shared {
  readonly now: () => number
  readonly table: Table
  readonly processes: Processes
  readonly pauses: Map<string, Pause>
  readonly faults: Faults
}

export const make = (member: Member, { faults, now, pauses, processes, table }: Shared): Session => {
  const step = <A>(happens: (now: number) => A) => faults.step(member.id, () => happens(now()))
  const news = (at: number) => new News(table, faults, at)
  const hasAny = (id: string) => table.has(id)

  return {
    insert: (requests) =>
      step((at) => {
        const heard = news(at)
        const answers = requests.map((request) => {
          table.addLine(request.tag)
          const answer = table.add(request, at)
          if (answer === "stored" && startsAtOnce(request, at)) heard.tags.add(request.tag)
          return answer
        })
        heard.tell()
        return answers
      }),
    insertIn: () =>
      Effect.fail(
        new PoolError.StoreUnavailable({
          reason: "refused",
          detail: "a store in memory takes part in no transaction of a database"
        })
      ),
    claim: (tags, most) => step((at) => table.take(tags, most, member.id, at).map((row) => row.claim(at))),
    settle: (ends) =>
      step((at) => {
        const heard = news(at)
        for (const { claim, record } of ends) heard.end(table.heldBy(claim), record)
        return heard.tell()
      }),
    giveBack: (returns) =>
      step((at) => {
        const heard = news(at)
        const given = new Set<string>()
        for (const { attempts, claim, counts, delayMillis } of returns) {
          const row = table.heldBy(claim)
          if (row === undefined) continue
          given.add(row.id)
          row.attempts = attempts
          if (!counts) row.deliveries--
          table.putBack(row, at, at + Math.max(0, delayMillis), true)
          if (row.place === "waiting") heard.tags.add(row.tag)
        }
        heard.tell()
        return given
      }),
    touch: (claims) =>
      step((at) => {
        const rows = claims.flatMap((claim) => table.heldBy(claim) ?? [])
        for (const row of rows) row.touchedAt = at
        return new Set(rows.map(({ id }) => id))
      }),
    beat: (says) =>
      step((at) => {
        processes.seen(member, says, at)
        return {
          workers: processes.workersOf(member.tags, at),
          hasMissing: processes.hasMissing(member.id, hasAny, at),
          pauses: [...pauses.values()]
        }
      }),
    redeliver: step((at) => {
      const heard = news(at)
      for (const row of table.untouchedSince(at - claimMillis)) {
        if (row.deliveries >= member.deliveries) {
          heard.end(row, exhausted(row.request, row.deliveries, at - row.storedAt), true)
          continue
        }
        table.putBack(row, at, row.dueAt, false)
        row.waitsSince = at
        heard.tags.add(row.tag)
      }
      heard.tell()
    }),
    maintain: step((at) => {
      const heard = news(at)
      for (const row of table.overdue(at)) {
        const phase = row.place === "claimed" ? "running" : row.place === "delayed" ? "delayed" : "waiting"
        heard.end(row, expired(row.request, phase, row.deliveries, at - row.storedAt), true)
      }
      table.forgetEndedBefore(at - member.keepOutcomesMillis)
      processes.forget(hasAny, at)
      heard.tell()
    }),
    revoke: (ends) =>
      step((at) => {
        const heard = news(at)
        const places = new Map<string, "waiting" | "delayed" | "claimed">()
        for (const record of ends) {
          const row = table.find(record.id, at)
          if (row === undefined || row.place === "ended") continue
          places.set(row.id, row.place)
          const { deliveries, storedAt } = row
          heard.end(row, { ...record, deliveries, waitedMillis: at - storedAt }, true)
        }
        heard.tell()
        return places
      }),
    ends: (ids) => step((at) => ids.flatMap((id) => table.find(id, at)?.endRecord ?? [])),
    find: (id) => step((at) => table.find(id, at)?.record),
    list: (query) => step((at) => listed(table, query, at)),
    discard: (id) =>
      step((at) => {
        const row = table.find(id, at)
        const wasDead = row?.isDead === true
        if (wasDead) row.isDead = false
        return wasDead
      }),
    setPriority: (id, priority) =>
      step((at) => {
        const row = table.find(id, at)
        if (row === undefined || row.place === "claimed" || row.place === "ended") return false
        table.setPriority(row, priority)
        return true
      }),
    counts: step((at) => table.counts(at)),
    backlog: (tags) =>
      step((at) => {
        const { oldestMillis, waiting } = table.backlog(tags, at)
        return { waiting: Math.min(waiting, mostCounted), oldestMillis }
      }),
    setPause: (pause, paused) =>
      step(() => {
        const name = JSON.stringify([pause.tag ?? null, pause.key ?? null])
        if (paused) pauses.set(name, copy(pause))
        else pauses.delete(name)
        faults.tell({ _tag: "Paused" })
      }),
    processes: step((at) => processes.all(at)),
    listen: (listener) => faults.listen(member.id, listener)
  }
}

/** What one step has to tell. */
class News {
  /** Of what waits since. */
  readonly tags = new Set<string>()
  private readonly ended = new Set<string>()
  private readonly revoked = new Set<string>()
  private readonly table: Table
  private readonly faults: Faults
  private readonly at: number

  constructor(table: Table, faults: Faults, at: number) {
    this.table = table
    this.faults = faults
    this.at = at
  }

  /** `undefined`: it is not its to end. Whoever has one that is `revoked` is told to stop. */
  end(row: Row | undefined, record: EndRecord, revoked = false): void {
    if (row === undefined) return
    if (revoked && row.place === "claimed") this.revoked.add(row.id)
    this.ended.add(row.id)
    this.table.end(row, record, this.at)
  }

  /** Answers what has ended. */
  tell(): ReadonlySet<string> {
    const { ended, faults, revoked, tags } = this
    if (tags.size > 0) faults.tell({ _tag: "Work", tags: [...tags] })
    if (ended.size > 0) faults.tell({ _tag: "Ended", ids: [...ended] })
    if (revoked.size > 0) faults.tell({ _tag: "Revoked", ids: [...revoked] })
    return ended
  }
}

const listed = (table: Table, query: Query, now: number): ReadonlyArray<RequestRecord> => {
  const found: Array<RequestRecord> = []
  for (const row of table.newestFirst(query.before, now)) {
    if (found.length === query.limit) break
    if (fits(row, query)) found.push(row.record)
  }
  return found
}

const fits = (row: Row, { key, state, tag }: Query): boolean =>
  (tag === undefined || row.tag === tag) &&
  (key === undefined || row.key === key) &&
  (state === undefined || row.place === state || row.end?.end === state || (state === "dead" && row.isDead))
