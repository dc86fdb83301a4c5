/** Figures of a run in which an answer is worth something for a while: what comes later was worked for in vain. */
import type { Worth } from "./report.ts"
import type { Job } from "./workload.ts"

interface Span {
  readonly warmupMillis: number
  readonly durationMillis: number
}

export class GoodMeter {
  private good = 0
  /** Of those that were answered while requests arrived, whenever they had come. */
  private answered = 0
  private workedMillis = 0
  private wastedMillis = 0
  /** What the attempts of those that have not ended have taken. */
  private readonly spent = new Map<Job, number>()
  /** Ended without being of use: an attempt of theirs may still be about to hear that it is interrupted. */
  private readonly lost = new WeakSet<Job>()
  private readonly span: Span
  private readonly worthMillis: number

  constructor(span: Span, worthMillis: number) {
    this.span = span
    this.worthMillis = worthMillis
  }

  /** An attempt is over: before its request ends, or after that if it was interrupted. */
  onServed(job: Job, millis: number): void {
    if (this.lost.has(job)) this.waste(job, millis)
    else this.spent.set(job, (this.spent.get(job) ?? 0) + millis)
  }

  /** Whether it is answered in time. */
  onEnd(job: Job, end: string, now: number): boolean {
    const { durationMillis, warmupMillis } = this.span
    const isGood = end === "completed" && now - job.atMillis <= this.worthMillis
    const spent = this.spent.get(job) ?? 0
    this.spent.delete(job)
    if (isGood && now >= warmupMillis && now < durationMillis) this.answered++
    if (!isGood) {
      this.lost.add(job)
      this.waste(job, spent)
    } else if (job.atMillis >= warmupMillis) {
      this.good++
      this.workedMillis += spent
    }
    return isGood
  }

  private waste(job: Job, millis: number): void {
    if (job.atMillis < this.span.warmupMillis) return
    this.workedMillis += millis
    this.wastedMillis += millis
  }

  finish(): Worth {
    const { durationMillis, warmupMillis } = this.span
    return {
      good: this.good,
      goodPerSecond: (1000 * this.answered) / (durationMillis - warmupMillis),
      wasted: this.workedMillis === 0 ? 0 : this.wastedMillis / this.workedMillis
    }
  }
}
