/** Counts durations in buckets that grow with them, so that percentiles of any number of them take a fixed amount of memory. */
import type { HistogramCounts } from "../Latencies.ts"
import { bucketCount, bucketOf } from "./buckets.ts"

export class LatencyHistogram {
  private count = 0
  private sumMillis = 0
  private readonly buckets = new Float64Array(bucketCount)

  record(millis: number): void {
    this.count++
    this.sumMillis += millis
    this.buckets[bucketOf(millis)]!++
  }

  get counts(): HistogramCounts {
    return { count: this.count, sumMillis: this.sumMillis, buckets: this.buckets.slice() }
  }
}
