/** How long requests waited and ran: counts of durations, from which percentiles of any span of time can be told. */
import { bucketOf, lowerOf } from "./internal/buckets.ts"

/** Counts since the pool was built. They only grow. */
export interface HistogramCounts {
  /** How many durations were counted. */
  readonly count: number
  /** Their sum, in milliseconds. */
  readonly sumMillis: number
  /** By duration; a bucket is at most an eighth of its value wide. */
  readonly buckets: ArrayLike<number>
}

/** Both histograms of a pool: `WorkerPool.latencies`. */
export interface Latencies {
  /** The time in which no attempt ran, of each request that ended. */
  readonly waited: HistogramCounts
  /** The time in which an attempt ran, of each request that ended and had one. */
  readonly ran: HistogramCounts
}

/** What came between two looks. */
export const difference = (later: HistogramCounts, earlier: HistogramCounts): HistogramCounts => ({
  count: later.count - earlier.count,
  sumMillis: later.sumMillis - earlier.sumMillis,
  buckets: Array.from(later.buckets, (count, at) => count - earlier.buckets[at]!)
})

/** The milliseconds that this share of them did not exceed, 13 % too high at most. `0` when there are none. */
export const quantile = ({ buckets, count }: HistogramCounts, share: number): number => {
  let left = Math.max(1, Math.ceil(share * count))
  for (let at = 0; at < buckets.length; at++) {
    left -= buckets[at]!
    if (left <= 0) return count === 0 ? 0 : lowerOf(at + 1)
  }
  return 0
}

/** How many were shorter than so many milliseconds, which are exact where a bucket begins: at powers of two. */
export const countBelow = ({ buckets }: HistogramCounts, millis: number): number => {
  let count = 0
  for (let at = 0; at < bucketOf(millis); at++) count += buckets[at]!
  return count
}
