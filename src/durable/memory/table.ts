/** Every request of a store in memory, and the few ways in which one goes from one place to another. */
import { Outcome } from "../../index.ts"
import { Heap, type Heaped } from "../../queue/heap.ts"
import { Ring } from "../../queue/ring.ts"
import type { Claim, Counts, EndRecord, NewRequest } from "../Store.ts"
import { comesBefore, Line } from "./line.ts"
import { copy, Row } from "./row.ts"

/** Stands in the line of those whose time runs out. */
interface Expiry extends Heaped {
  readonly row: Row
  readonly at: number
}

export class Table {
  private readonly rows = new Map<string, Row>()
  private readonly lines = new Map<string, Line>()
  private readonly claimed = new Set<Row>()
  private readonly expiries = new Map<Row, Expiry>()
  private readonly byExpiry = new Heap<Expiry>((a, b) => a.at < b.at)
  /** In the order in which they ended. */
  private readonly ended = new Ring<Row>()
  /** The oldest first, but for those of the same millisecond, and for those that are forgotten. */
  private byAge: Array<Row> = []
  private isSorted = true
  private sequence = 0
  private fence = 0
  private stored = 0
  private readonly ends: Record<Outcome.End, number> = noEnds()

  addLine(tag: string): void {
    if (!this.lines.has(tag)) this.lines.set(tag, new Line())
  }

  /** Nothing changes where its id is known. */
  add(request: NewRequest, now: number): "stored" | "known" {
    if (this.rows.has(request.id)) return "known"
    const row = new Row(request, now, ++this.sequence)
    this.rows.set(row.id, row)
    this.lineOf(row).add(row)
    this.isSorted = this.isSorted && (this.byAge.at(-1)?.storedAt ?? -Infinity) < now
    this.byAge.push(row)
    if (row.expiresAt !== undefined) {
      const expiry: Expiry = { row, at: row.expiresAt, heapAt: -1 }
      this.expiries.set(row, expiry)
      this.byExpiry.push(expiry)
    }
    this.stored++
    return "stored"
  }

  find(id: string, now: number): Row | undefined {
    const row = this.rows.get(id)
    if (row?.place === "delayed") this.lineOf(row).look(now)
    return row
  }

  /** The one of this claim, while that is good. */
  heldBy({ fence, request }: Claim): Row | undefined {
    const row = this.rows.get(request.id)
    return row?.place === "claimed" && row.fence === fence ? row : undefined
  }

  /** Gives at most so many of these tags to a process. */
  take(tags: ReadonlyArray<string>, most: number, process: string, now: number): ReadonlyArray<Row> {
    const lines = this.look(tags, now)
    const taken: Array<Row> = []
    while (taken.length < most) {
      let first: Row | undefined
      for (const line of lines) {
        const row = line.first
        if (row !== undefined && (first === undefined || comesBefore(row, first))) first = row
      }
      if (first === undefined) break
      const line = this.lineOf(first)
      line.remove(first)
      line.claimed++
      this.claimed.add(first)
      first.place = "claimed"
      first.fence = ++this.fence
      first.deliveries++
      first.process = process
      first.claimedAt = first.touchedAt = now
      taken.push(first)
    }
    return taken
  }

  /** A claimed one waits again, from `dueAt` on; `behind` what waits, or where it stood. */
  putBack(row: Row, now: number, dueAt: number, behind: boolean): void {
    this.leave(row)
    row.dueAt = row.waitsSince = dueAt
    if (behind) row.sequence = ++this.sequence
    row.place = dueAt > now ? "delayed" : "waiting"
    this.lineOf(row).add(row)
  }

  end(row: Row, record: EndRecord, now: number): void {
    this.leave(row)
    const expiry = this.expiries.get(row)
    if (expiry !== undefined) this.byExpiry.remove(expiry)
    this.expiries.delete(row)
    row.place = "ended"
    row.end = copy(record)
    row.endedAt = now
    row.isDead = record.end === "failed" || record.end === "timedOut"
    this.ended.push(row)
    this.ends[record.end]++
  }

  setPriority(row: Row, priority: number): void {
    this.lineOf(row).setPriority(row, priority)
  }

  /** Claimed ones that were not touched since. */
  untouchedSince(time: number): ReadonlyArray<Row> {
    return [...this.claimed].filter(({ touchedAt }) => touchedAt <= time)
  }

  /** Whether this process has any. */
  has(process: string): boolean {
    return [...this.claimed].some((row) => row.process === process)
  }

  /** Those whose time is over, wherever they are. */
  overdue(now: number): ReadonlyArray<Row> {
    const overdue: Array<Row> = []
    for (let first = this.byExpiry.first; first !== undefined && first.at <= now; first = this.byExpiry.first) {
      this.byExpiry.remove(first)
      this.expiries.delete(first.row)
      this.lineOf(first.row).look(now)
      overdue.push(first.row)
    }
    return overdue
  }

  forgetEndedBefore(time: number): void {
    for (let row = this.ended.first; row !== undefined && row.endedAt! < time; row = this.ended.first) {
      this.ended.remove(row)
      this.rows.delete(row.id)
    }
    if (this.byAge.length > 2 * this.rows.size) this.byAge = this.byAge.filter((row) => this.rows.get(row.id) === row)
  }

  /** The newest first, by their ids where that is the same, from behind this one on. */
  *newestFirst(before: { readonly storedAt: number; readonly id: string } | undefined, now: number): Iterable<Row> {
    if (!this.isSorted) this.byAge.sort(byAge)
    this.isSorted = true
    this.look([...this.lines.keys()], now)
    for (let at = before === undefined ? this.byAge.length : this.placeOf(before); at-- > 0;) {
      const row = this.byAge[at]!
      if (this.rows.get(row.id) === row) yield row
    }
  }

  backlog(tags: ReadonlyArray<string>, now: number) {
    const lines = this.look(tags, now)
    const since = Math.min(now, ...lines.map(({ oldestSince = now }) => oldestSince))
    return { waiting: lines.reduce((sum, { waiting }) => sum + waiting, 0), oldestMillis: now - since }
  }

  counts(now: number): Counts {
    const tags = [...this.lines.keys()]
    const { oldestMillis, waiting } = this.backlog(tags, now)
    const byTag = [...this.lines].map(([tag, line]) => {
      return [tag, { waiting: line.waiting, delayed: line.delayed, claimed: line.claimed }] as const
    })
    const delayed = byTag.reduce((sum, [, counts]) => sum + counts.delayed, 0)
    const claimed = this.claimed.size
    return {
      stored: this.stored,
      ...this.ends,
      waiting,
      delayed,
      claimed,
      oldestMillis,
      tags: Object.fromEntries(byTag)
    }
  }

  private look(tags: ReadonlyArray<string>, now: number): ReadonlyArray<Line> {
    const lines = [...new Set(tags)].flatMap((tag) => this.lines.get(tag) ?? [])
    for (const line of lines) line.look(now)
    return lines
  }

  private lineOf(row: Row): Line {
    return this.lines.get(row.tag)!
  }

  private leave(row: Row): void {
    const line = this.lineOf(row)
    if (row.place !== "claimed") return line.remove(row)
    line.claimed--
    this.claimed.delete(row)
  }

  /** How many are older than this one. */
  private placeOf(before: { readonly storedAt: number; readonly id: string }): number {
    let from = 0
    let to = this.byAge.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (byAge(this.byAge[middle]!, before) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}

type Age = Pick<Row, "storedAt" | "id">

const byAge = (a: Age, b: Age): number => a.storedAt - b.storedAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

const noEnds = () => Object.fromEntries(Outcome.ends.map((end) => [end, 0])) as Record<Outcome.End, number>
