/** What a load was like second by second, in memory that has a bound. */

/** After so many buckets (twelve days) two of them become one. */
const mostBuckets = 1 << 20

/** What comes in any order. Instants and times are in milliseconds; what is before the start counts at the start. */
export class Timeline {
  /** The width of a bucket. */
  widthMillis = 1000
  private length = 0
  private arrived = new Float64Array(1024)
  private refused = new Float64Array(1024)
  /** What attempts took of it beyond whole buckets. */
  private busy = new Float64Array(1024)
  /** How many more attempts fill this bucket than the one before. */
  private filling = new Float64Array(1024)

  arrive(atMillis: number, isRefused: boolean): void {
    const bucket = this.bucketOf(atMillis)
    this.arrived[bucket]!++
    if (isRefused) this.refused[bucket]!++
  }

  /** An attempt ran from then to then. */
  work(fromMillis: number, untilMillis: number): void {
    // The last one first: it may make the buckets wider.
    const last = this.bucketOf(untilMillis)
    const first = this.bucketOf(fromMillis)
    const { widthMillis } = this
    if (first === last) {
      this.busy[first]! += untilMillis - fromMillis
      return
    }
    this.busy[first]! += (first + 1) * widthMillis - fromMillis
    this.busy[last]! += untilMillis - last * widthMillis
    this.filling[first + 1]!++
    this.filling[last]!--
  }

  /** From the first bucket to the last that has something. */
  get buckets(): ReadonlyArray<Bucket> {
    let filling = 0
    const all: Array<Bucket> = []
    for (let n = 0; n < this.length; n++) {
      filling += this.filling[n]!
      all.push({
        fromMillis: n * this.widthMillis,
        arrived: this.arrived[n]!,
        refused: this.refused[n]!,
        busy: filling + this.busy[n]! / this.widthMillis
      })
    }
    return all
  }

  private bucketOf(atMillis: number): number {
    let bucket = Math.floor(Math.max(0, atMillis) / this.widthMillis)
    while (bucket >= mostBuckets) {
      this.halve()
      bucket = Math.floor(atMillis / this.widthMillis)
    }
    if (bucket >= this.length) {
      this.length = bucket + 1
      while (this.length >= this.arrived.length) this.grow()
    }
    return bucket
  }

  private grow(): void {
    const doubled = (values: Float64Array<ArrayBuffer>) => {
      const all = new Float64Array(2 * values.length)
      all.set(values)
      return all
    }
    this.arrived = doubled(this.arrived)
    this.refused = doubled(this.refused)
    this.busy = doubled(this.busy)
    this.filling = doubled(this.filling)
  }

  /** Two neighbours become one, which is filled for half of its time by what has filled one of them. */
  private halve(): void {
    const { buckets, widthMillis } = this
    for (const values of [this.arrived, this.refused, this.busy, this.filling]) values.fill(0)
    buckets.forEach(({ arrived, busy, refused }, n) => {
      this.arrived[n >> 1]! += arrived
      this.refused[n >> 1]! += refused
      this.busy[n >> 1]! += busy * widthMillis
    })
    this.widthMillis = 2 * widthMillis
    this.length = Math.ceil(this.length / 2)
  }
}

export interface Bucket {
  readonly fromMillis: number
  readonly arrived: number
  readonly refused: number
  /** Attempts that ran, on average. */
  readonly busy: number
}
