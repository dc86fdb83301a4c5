/** Quantiles of any number of durations in a fixed amount of memory. */

/** The first bucket: a nanosecond, in milliseconds; the last is that of a year. */
const least = 1e-6
const most = 3.2e10

/** Quantiles are off by at most the precision, and are exact where all that is near has the same value. */
export class Histogram {
  count = 0
  private sum = 0
  private zeros = 0
  /** Neighbouring buckets are this much apart. What shares a bucket is shown by its mean. */
  private readonly step: number
  private readonly counts: Float64Array
  private readonly sums: Float64Array

  constructor(precision = 0.001) {
    this.step = Math.log1p(precision)
    const buckets = Math.ceil(Math.log(most / least) / this.step)
    this.counts = new Float64Array(buckets)
    this.sums = new Float64Array(buckets)
  }

  add(millis: number): void {
    this.count++
    if (millis < least) {
      this.zeros++
      return
    }
    this.sum += millis
    const bucket = Math.min(this.counts.length - 1, Math.floor(Math.log(millis / least) / this.step))
    this.counts[bucket]!++
    this.sums[bucket]! += millis
  }

  /** What it holds, to be sent and added elsewhere: the zeros, and of each bucket its number, count and sum. */
  get sparse(): ReadonlyArray<number> {
    const sparse = [this.zeros]
    this.counts.forEach((count, bucket) => {
      if (count > 0) sparse.push(bucket, count, this.sums[bucket]!)
    })
    return sparse
  }

  /** Adds what another one of the same precision held, so many times. */
  addSparse([zeros = 0, ...triples]: ReadonlyArray<number>, weight = 1): void {
    this.zeros += weight * zeros
    this.count += weight * zeros
    for (let n = 0; n < triples.length; n += 3) {
      const [bucket, count, sum] = [triples[n]!, weight * triples[n + 1]!, weight * triples[n + 2]!]
      this.counts[bucket]! += count
      this.sums[bucket]! += sum
      this.count += count
      this.sum += sum
    }
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count
  }

  /** The least value that is no less than this share of all (nearest rank). `0` when there is none. */
  quantile(share: number): number {
    let left = Math.ceil(share * this.count) - this.zeros
    if (left <= 0) return 0
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      left -= this.counts[bucket]!
      if (left <= 0) return this.sums[bucket]! / this.counts[bucket]!
    }
    return 0
  }
}
