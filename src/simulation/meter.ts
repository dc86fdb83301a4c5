/** Takes the figures of one simulated run, as it runs. */
import type { PoolSnapshot } from "../PoolSnapshot.ts"
import type { Capacity, Figures, Window } from "./report.ts"
import { GroupMeter } from "./groups.ts"
import { GoodMeter } from "./good.ts"
import { Histogram } from "./histogram.ts"
import type { Job } from "./workload.ts"

/** How a request ended, as far as the report tells. */
export type Ended = "completed" | "failed" | "refused" | "expired" | "timedOut" | "evicted" | "interrupted"

export interface MeterOptions {
  readonly warmupMillis: number
  readonly waitTargetMillis: number
  readonly durationMillis: number
  readonly tickMillis: number
  /** Default: `tickMillis`. */
  readonly firstTickMillis?: number | undefined
  readonly capacity: Capacity | undefined
  /** How long an answer is worth something; `undefined`: nobody asks. */
  readonly worthMillis?: number | undefined
}

const windowMillis = 1000

export class Meter {
  private readonly wait = new Histogram()
  private readonly total = new Histogram()
  private readonly ends: Record<Ended, number> = {
    completed: 0,
    failed: 0,
    refused: 0,
    expired: 0,
    timedOut: 0,
    evicted: 0,
    interrupted: 0
  }
  private readonly groups = new GroupMeter()
  private readonly good: GoodMeter | undefined
  private shed = 0
  private arrived = 0
  private retries = 0
  private peakBacklog = 0
  private workerMillis = 0
  private leastWorkerMillis = 0
  private capacityAt: number | undefined
  private reversals = 0
  private direction = 0
  private workersAtTick: number | undefined
  private nextTick: number
  private readonly windows: Array<Window> = []
  private window = new OpenWindow(0)
  private at = 0
  private workers = 0
  private backlog = 0
  private readonly options: MeterOptions

  constructor(options: MeterOptions) {
    this.options = options
    this.good = options.worthMillis === undefined ? undefined : new GoodMeter(options, options.worthMillis)
    // Halfway between two looks of the scaler: what one asked for has come, and the next has not begun.
    this.nextTick = ((options.firstTickMillis ?? 0) + options.tickMillis / 2) % options.tickMillis
  }

  onArrival(job: Job): void {
    this.window.arrived++
    if (job.atMillis < this.options.warmupMillis) return
    this.arrived++
    this.groups.onArrival(job)
    this.leastWorkerMillis += job.serviceMillis
  }

  onStart(job: Job, now: number): void {
    job.startedAt = now
    this.waited(job, now)
  }

  onRetry({ atMillis }: Job): void {
    if (atMillis >= this.options.warmupMillis) this.retries++
  }

  /** The part of an attempt while requests arrive, after the warm-up. */
  onServed(job: Job, from: number, until: number): void {
    this.good?.onServed(job, until - from)
    const { key } = job
    if (key === undefined) return
    const { durationMillis, warmupMillis } = this.options
    const millis = Math.min(until, durationMillis) - Math.max(from, warmupMillis)
    if (millis > 0) this.groups.onServed(key, millis)
  }

  onEnd(job: Job, end: Ended, now: number, isShed = false): void {
    if (this.good?.onEnd(job, end, now) === true) this.window.good++
    if (end !== "refused" && job.startedAt === undefined) this.waited(job, now)
    if (job.atMillis < this.options.warmupMillis) return
    this.ends[end]++
    if (isShed) this.shed++
    if (end !== "refused") this.total.add(now - job.atMillis)
  }

  /** The counts that held since the last call hold no more: time is about to pass, or has passed. */
  onInstant(now: number, { blocked, waiting, workers }: Pick<PoolSnapshot, "blocked" | "waiting" | "workers">): void {
    this.passUntil(now)
    this.workers = workers
    const backlog = waiting + blocked
    this.backlog = backlog
    if (backlog > this.window.backlog) this.window.backlog = backlog
    if (now >= this.options.warmupMillis && backlog > this.peakBacklog) this.peakBacklog = backlog
    const { capacity } = this.options
    if (
      capacity !== undefined &&
      this.capacityAt === undefined &&
      now >= capacity.atMillis &&
      workers >= capacity.workers
    )
      this.capacityAt = now
  }

  finish(now: number): Omit<Figures, "policy" | "decisions"> {
    const { capacity } = this.options
    this.passUntil(now)
    if (this.at > this.window.from) this.closeWindow()
    const counted = this.windows.filter(({ fromMillis }) => fromMillis >= this.options.warmupMillis)
    const kept = counted.filter((window) => isKept(window, this.options.waitTargetMillis))
    return {
      wait: quantiles(this.wait),
      total: quantiles(this.total),
      arrived: this.arrived,
      ...this.ends,
      shed: this.shed,
      retries: this.retries,
      peakBacklog: this.peakBacklog,
      workerSeconds: this.workerMillis / 1000,
      leastWorkerSeconds: this.leastWorkerMillis / 1000,
      timeToCapacity:
        capacity === undefined || this.capacityAt === undefined ? null : this.capacityAt - capacity.atMillis,
      reversals: this.reversals,
      windowsWithinTarget: counted.length === 0 ? 1 : kept.length / counted.length,
      ...this.groups.finish(),
      ...this.good?.finish(),
      windows: this.windows
    }
  }

  private waited(job: Job, now: number): void {
    const millis = now - job.atMillis
    this.window.waits.push(millis)
    if (job.atMillis < this.options.warmupMillis) return
    this.wait.add(millis)
    this.groups.onWaited(job, millis)
  }

  private passUntil(now: number): void {
    while (this.at < now) {
      const end = this.window.from + windowMillis
      const until = Math.min(now, end, this.nextTick)
      const millis = until - this.at
      this.window.workerMillis += this.workers * millis
      this.workerMillis += this.workers * Math.max(0, until - Math.max(this.at, this.options.warmupMillis))
      this.at = until
      if (until === this.nextTick) this.tick()
      if (until === end) this.closeWindow()
    }
  }

  private tick(): void {
    const change = Math.sign(this.workers - (this.workersAtTick ?? this.workers))
    if (change !== 0) {
      if (this.direction === -change) this.reversals++
      if (this.at >= this.options.warmupMillis) this.direction = change
    }
    this.workersAtTick = this.workers
    this.nextTick += this.options.tickMillis
  }

  private closeWindow(): void {
    const { arrived, backlog, from, good, waits, workerMillis } = this.window
    const millis = this.at - from
    this.windows.push({
      fromMillis: from,
      arrived,
      workers: workerMillis / millis,
      backlog,
      left: this.backlog,
      begun: waits.length,
      waitMean: waits.length === 0 ? 0 : waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
      waitP95: quantile(waits, 0.95),
      ...(this.good === undefined ? {} : { good })
    })
    this.window = new OpenWindow(this.at)
  }
}

const isKept = ({ begun, left, waitMean }: Window, targetMillis: number): boolean =>
  begun > 0 ? waitMean <= targetMillis : left === 0

class OpenWindow {
  arrived = 0
  good = 0
  backlog = 0
  workerMillis = 0
  readonly waits: Array<number> = []
  readonly from: number

  constructor(from: number) {
    this.from = from
  }
}

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.length === 0 ? 0 : values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!

const quantiles = (histogram: Histogram) => ({
  mean: histogram.mean,
  p50: histogram.quantile(0.5),
  p95: histogram.quantile(0.95),
  p99: histogram.quantile(0.99)
})
