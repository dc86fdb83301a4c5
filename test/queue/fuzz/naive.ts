/** What the queue ought to do, said as plainly as it can be: lists, and everything counted anew each time. */
import { isDue } from "../../../src/internal/deadlines.ts"
import type { Limit } from "../../../src/Limit.ts"
import type { RankedRequest } from "../../../src/queue/ranked.ts"

/** One request, as the test knows it. */
export interface Entry {
  readonly request: RankedRequest
  readonly tag: string
  readonly key: string
  priority: number
  place: "blocked" | "waiting" | "delayed" | "none"
  /** An attempt of it keeps a worker. */
  isRunning: boolean
  /** Once it has started until it has ended, be its attempt over or not. */
  counts: boolean
  hasEnded: boolean
  /** It stands before those that came to its lane as new ones. */
  goesFirst: boolean
}

/** What is in the way of an entry, and from when on it is not; `Infinity`: until something ends, or somebody says so. */
export interface Obstacle {
  readonly id: string
  readonly until: number
}

export class Naive {
  readonly lanes = new Map<string, Array<Entry>>()
  readonly entries = new Set<Entry>()
  readonly limits: Array<Limit>
  readonly paused = new Set<string>()
  readonly notBefore = new Map<string, number>()
  private readonly arrival = new Map<string, number>()
  private readonly isNewestFirst: boolean

  constructor(limits: ReadonlyArray<Limit>, isNewestFirst: boolean) {
    this.limits = [...limits]
    this.isNewestFirst = isNewestFirst
  }

  private laneOf({ key, priority, request, tag }: Entry): Array<Entry> {
    const id = JSON.stringify([key, tag, priority, request.values?.map((value) => value ?? null)])
    const known = this.lanes.get(id)
    if (known !== undefined) return known
    const made: Array<Entry> = []
    this.lanes.set(id, made)
    return made
  }

  /** It waits from now on, the next of its lane or where one that is new belongs. */
  wait(entry: Entry, isFirst: boolean): void {
    entry.place = "waiting"
    entry.goesFirst = isFirst
    const lane = this.laneOf(entry)
    const returned = lane.findIndex(({ goesFirst }) => !goesFirst)
    if (isFirst) lane.unshift(entry)
    else if (this.isNewestFirst) lane.splice(returned < 0 ? lane.length : returned, 0, entry)
    else lane.push(entry)
  }

  leave(entry: Entry): void {
    const lane = this.laneOf(entry)
    if (entry.place === "waiting") lane.splice(lane.indexOf(entry), 1)
    entry.place = "none"
  }

  start(entry: Entry, now: number): void {
    for (const { id, limit } of this.limitsOf(entry)) {
      if (limit.rate === undefined) continue
      this.arrival.set(id, Math.max(this.arrival.get(id) ?? -Infinity, now) + intervalOf(limit))
    }
    this.leave(entry)
    entry.isRunning = entry.counts = true
  }

  change(limit: Limit, now: number): void {
    this.limits[this.limits.findIndex(({ name }) => name === limit.name)] = limit
    const most = now + toleranceOf(limit) + intervalOf(limit)
    for (const [id, at] of this.arrival) {
      if (id.startsWith(`limit ${limit.name} `)) this.arrival.set(id, Math.min(at, most))
    }
  }

  close(entry: Entry, at: string, until: number): void {
    const limit = this.limitsOf(entry).find(({ limit }) => limit.name === at)
    const id =
      at === "pool" ? "pool" : at === "key" ? `key ${entry.key}` : limit === undefined ? `tag ${entry.tag}` : limit.id
    this.notBefore.set(id, Math.max(this.notBefore.get(id) ?? -Infinity, until))
  }

  /** The limits that apply to it, and which of their counts. */
  limitsOf({ key, request, tag }: Entry): ReadonlyArray<{ readonly id: string; readonly limit: Limit }> {
    let valued = -1
    return this.limits.flatMap((limit) => {
      const { name, per, tags } = limit
      if (typeof per === "function") valued++
      if (tags !== undefined && !tags.has(tag)) return []
      const of = per === "pool" ? "" : per === "tag" ? tag : per === "key" ? key : request.values?.[valued]
      return of === undefined ? [] : [{ id: `limit ${name} ${of}`, limit }]
    })
  }

  /** By gate of a limit how many count there. */
  running(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const entry of this.entries) {
      if (!entry.isRunning && !entry.counts) continue
      for (const { id, limit } of this.limitsOf(entry)) {
        if (limit.until === "attempt" ? entry.isRunning : entry.counts) counts.set(id, (counts.get(id) ?? 0) + 1)
      }
    }
    return counts
  }

  obstacles(entry: Entry, now: number, running: ReadonlyMap<string, number>): ReadonlyArray<Obstacle> {
    const found: Array<Obstacle> = []
    for (const id of ["pool", `tag ${entry.tag}`, `key ${entry.key}`]) {
      const until = this.paused.has(id) ? Infinity : (this.notBefore.get(id) ?? -Infinity)
      if (!isDue(until, now)) found.push({ id, until })
    }
    for (const { id, limit } of this.limitsOf(entry)) {
      const late = limit.rate === undefined ? -Infinity : (this.arrival.get(id) ?? -Infinity) - toleranceOf(limit)
      const until = this.paused.has(`limit ${limit.name}`)
        ? Infinity
        : Math.max(this.notBefore.get(id) ?? -Infinity, late)
      const passes = limit.until === "request" && entry.counts
      if (!isDue(until, now)) found.push({ id, until })
      if (!passes && (running.get(id) ?? 0) >= limit.concurrency) found.push({ id, until: Infinity })
    }
    return found
  }

  /** Of each lane whose turn it is. */
  heads(): ReadonlyArray<Entry> {
    return [...this.lanes.values()].flatMap((lane) => (lane.length === 0 ? [] : [lane[0]!]))
  }

  in(place: Entry["place"]): ReadonlyArray<Entry> {
    return [...this.entries].filter((entry) => entry.place === place)
  }
}

const intervalOf = ({ rate }: Limit) => (rate === undefined ? 0 : rate.periodMillis / rate.limit)
const toleranceOf = (limit: Limit) => (limit.rate === undefined ? 0 : (limit.rate.burst - 1) * intervalOf(limit))
