/** What is in a recording, in memory that does not grow with it. */
import { Histogram } from "../simulation/histogram.ts"
import type { Header } from "./header.ts"
import type { Entry } from "./parse.ts"
import { isRefused, type Recorded, type RecordedEnd, recordedEnds } from "./recorded.ts"
import type { Stats, Times, TypeStats } from "./figures.ts"
import { type Bucket, Timeline } from "./timeline.ts"

const precision = 0.01
const mostTypes = 100
const mostKeys = 10_000
const mostPoints = 600

export type { Stats, Times, TypeStats } from "./figures.ts"

/** Counts what it is given, entry by entry. */
export class StatsMeter {
  private readonly timeline = new Timeline()
  private readonly types = new Map<string | null, TypeMeter>()
  private readonly keys = new Map<string, number>()
  private readonly ends = new Map<RecordedEnd, number>()
  /** By salt: the last that is known of each recording. */
  private readonly marks = new Map<
    string,
    { workerMillis: number; pending: number; lost: number; closed: boolean } | undefined
  >()
  private first: Header | undefined = undefined
  private lastMillis = 0
  private firstMillis = 0
  private requests = 0
  private cut = 0
  private busyMillis = 0

  add(entry: Entry): void {
    switch (entry._tag) {
      case "Request":
        return this.onRequest(entry)
      case "Mark":
        this.lastMillis = Math.max(this.lastMillis, entry.atMillis)
        this.marks.set(entry.salt, entry)
        return
      case "Header": {
        const { header } = entry
        if (this.first === undefined || header.startedAtMillis < this.first.startedAtMillis) this.first = header
        if (!this.marks.has(header.salt)) this.marks.set(header.salt, undefined)
        if (entry.afterCut) this.cut++
        return
      }
      case "Cut":
        this.cut++
    }
  }

  private onRequest(request: Recorded): void {
    const { atMillis, attempts, end, endedAtMillis, key, type } = request
    this.requests++
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1)
    this.lastMillis = Math.max(this.lastMillis, endedAtMillis)
    this.firstMillis = Math.min(this.firstMillis, atMillis)
    this.meterOf(type).add(request)
    // It has come to the pool, but never to its workers.
    if (end !== "joined") this.timeline.arrive(atMillis, isRefused(end))
    let millis = 0
    for (const attempt of attempts) {
      millis += attempt.millis
      this.timeline.work(attempt.startedAtMillis, attempt.startedAtMillis + attempt.millis)
    }
    this.busyMillis += millis
    if (key !== undefined && (this.keys.has(key) || this.keys.size < mostKeys))
      this.keys.set(key, (this.keys.get(key) ?? 0) + millis)
  }

  private meterOf(type: string): TypeMeter {
    const known = this.types.get(type)
    if (known !== undefined) return known
    const name = this.types.size < mostTypes ? type : null
    const meter = this.types.get(name) ?? new TypeMeter()
    this.types.set(name, meter)
    return meter
  }

  finish(): Stats {
    const durationMillis = this.lastMillis - this.firstMillis
    const { buckets, widthMillis } = this.timeline
    // One that was over in the middle of the last second has that second.
    const whole = Math.max(1, Math.floor(this.lastMillis / widthMillis))
    const full = Array.from({ length: whole }, (_, n) => buckets[n] ?? nothing(n * widthMillis))
    const known = [...this.marks.values()]
    const attempts = sum(this.types.values(), ({ attempts }) => attempts)
    const unjoined = this.requests - (this.ends.get("joined") ?? 0)
    const refused = sum(this.ends, ([end, count]) => (isRefused(end) ? count : 0))
    const each = Math.max(1, Math.ceil(buckets.length / mostPoints))
    return {
      startedAtMillis: this.first?.startedAtMillis ?? 0,
      durationMillis,
      recordings: this.marks.size,
      requests: this.requests,
      ends: Object.fromEntries(
        recordedEnds.flatMap((end) => (this.ends.has(end) ? [[end, this.ends.get(end)!] as const] : []))
      ),
      refusedShare: unjoined === 0 ? 0 : refused / unjoined,
      attempts,
      failedShare:
        attempts === 0 ? 0 : sum(this.types.values(), ({ failed, timedOut }) => failed + timedOut) / attempts,
      types: [...this.types]
        .map(([type, meter]) => meter.finish(type))
        .sort((a, b) => b.requests - a.requests || (String(a.type) < String(b.type) ? -1 : 1)),
      keys: this.keys.size,
      busiestKeyShare: this.busyMillis === 0 ? 0 : Math.max(0, ...this.keys.values()) / this.busyMillis,
      rate: {
        mean: durationMillis === 0 ? 0 : (unjoined * 1000) / durationMillis,
        most: buckets.reduce((most, { arrived }) => Math.max(most, (arrived * 1000) / widthMillis), 0)
      },
      concurrency: levels(
        full.map(({ busy }) => busy),
        buckets
      ),
      burstiness: [1, 10, 60].map((count) => ({
        windowMillis: count * widthMillis,
        index: dispersion(grouped(full, count).map((group) => sum(group, ({ arrived }) => arrived)))
      })),
      workerSeconds: known.includes(undefined) ? null : sum(known, (mark) => mark!.workerMillis) / 1000,
      busySeconds: this.busyMillis / 1000,
      pending: sum(known, (mark) => mark?.pending ?? 0),
      lost: sum(known, (mark) => mark?.lost ?? 0),
      cut: this.cut,
      unfinished: known.filter((mark) => mark?.closed !== true).length,
      series: Array.from({ length: Math.ceil(buckets.length / each) }, (_, n) => {
        const group = buckets.slice(n * each, (n + 1) * each)
        return {
          fromMillis: group[0]!.fromMillis,
          arrived: sum(group, ({ arrived }) => arrived),
          refused: sum(group, ({ refused }) => refused),
          busy: sum(group, ({ busy }) => busy) / group.length
        }
      }),
      pointMillis: each * widthMillis
    }
  }
}

class TypeMeter {
  requests = 0
  attempts = 0
  failed = 0
  timedOut = 0
  private readonly wait = new Extent()
  private readonly service = new Extent()
  private readonly bars = new Map<number, number>()

  add({ atMillis, attempts }: Recorded): void {
    this.requests++
    const [first] = attempts
    if (first !== undefined) this.wait.add(first.startedAtMillis - atMillis)
    for (const { end, millis } of attempts) {
      this.attempts++
      if (end === "failed") this.failed++
      if (end === "timedOut") this.timedOut++
      this.service.add(millis)
      const bar = millis <= 1 ? 0 : Math.ceil(Math.log2(millis))
      this.bars.set(bar, (this.bars.get(bar) ?? 0) + 1)
    }
  }

  finish(type: string | null): TypeStats {
    const { attempts, failed, requests, timedOut } = this
    const bars = [...this.bars.keys()]
    const [from, until] = [Math.min(...bars), Math.max(...bars)]
    return {
      type,
      requests,
      attempts,
      failed,
      timedOut,
      wait: this.wait.finish(),
      service: this.service.finish(),
      histogram: Array.from({ length: bars.length === 0 ? 0 : until - from + 1 }, (_, n) => ({
        untilMillis: 2 ** (from + n),
        attempts: this.bars.get(from + n) ?? 0
      }))
    }
  }
}

class Extent {
  private readonly histogram = new Histogram(precision)
  private max = 0

  add(millis: number): void {
    this.histogram.add(millis)
    if (millis > this.max) this.max = millis
  }

  finish(): Times {
    const { histogram, max } = this
    const at = (share: number) => histogram.quantile(share)
    return { mean: histogram.mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max }
  }
}

const nothing = (fromMillis: number): Bucket => ({ fromMillis, arrived: 0, refused: 0, busy: 0 })

const sum = <A>(all: Iterable<A>, value: (one: A) => number): number => {
  let sum = 0
  for (const one of all) sum += value(one)
  return sum
}

/** So many each; what is left at the end is no whole group. */
const grouped = <A>(all: ReadonlyArray<A>, count: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.floor(all.length / count) }, (_, n) => all.slice(n * count, (n + 1) * count))

const dispersion = (counts: ReadonlyArray<number>): number | null => {
  const mean = sum(counts, (count) => count) / counts.length
  if (counts.length < 10 || mean === 0) return null
  return sum(counts, (count) => (count - mean) ** 2) / (counts.length - 1) / mean
}

const levels = (values: ReadonlyArray<number>, all: ReadonlyArray<Bucket>): Stats["concurrency"] => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return {
    mean: sum(values, (value) => value) / values.length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    max: all.reduce((most, { busy }) => Math.max(most, busy), 0)
  }
}
