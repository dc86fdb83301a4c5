/** What is known of a run so far: how its lines ended, and how many workers there were. */
import type { PoolSnapshot } from "../../index.ts"
import { type End, ends, errorInWords, type OutcomeLine } from "./outcomeLine.ts"

/** One line that ended badly. */
export interface Sample {
  readonly line: number
  readonly type: string | null
  readonly end: End
  readonly error: string
}

const sampleLimit = 5

export class Tally {
  /** By end, the lines of earlier runs included. */
  readonly ends = Object.fromEntries(ends.map((end) => [end, 0])) as Record<End, number>
  /** Lines that have an outcome, those of earlier runs included. */
  done = 0
  /** Those of earlier runs. */
  earlier = 0
  /** Lines with a request that this run has read. */
  read = 0
  readonly samples: Array<Sample> = []
  readonly workers = { first: -1, least: Infinity, peak: 0, last: 0 }

  count({ end, error, line, type }: OutcomeLine): void {
    this.done++
    this.ends[end]++
    if (end !== "succeeded" && this.samples.length < sampleLimit) {
      this.samples.push({ line, type, end, error: errorInWords(error) })
    }
  }

  /** The lines that ended in any way but well. */
  get bad(): number {
    return this.done - this.ends.succeeded
  }

  see({ workers }: PoolSnapshot.PoolSnapshot): void {
    const seen = this.workers
    if (seen.first === -1) seen.first = workers
    seen.least = Math.min(seen.least, workers)
    seen.peak = Math.max(seen.peak, workers)
    seen.last = workers
  }
}
