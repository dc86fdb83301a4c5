/** How many workers there were of late, minute by minute: however often that changes, it takes the same memory. */

const minuteMillis = 60_000

interface Options {
  readonly startedAt: number
  /** At that time. */
  readonly workers: number
  readonly keepMillis: number
}

export class WorkerMinutes {
  private readonly startedAt: number
  private readonly worked: Float64Array
  private readonly most: Float64Array
  private count: number
  private until: number

  constructor({ keepMillis, startedAt, workers }: Options) {
    // One that has begun, and one that is not yet given up.
    const places = Math.ceil(keepMillis / minuteMillis) + 2
    this.worked = new Float64Array(places)
    this.most = new Float64Array(places)
    this.startedAt = startedAt
    this.count = workers
    this.until = startedAt
    this.most[0] = workers
  }

  /** So many there are from now on. */
  change(count: number, now: number): void {
    this.passUntil(now)
    this.count = count
    const place = this.minuteOf(now) % this.most.length
    this.most[place] = Math.max(this.most[place]!, count)
  }

  /** On average, and the most at once. To the minute: within one they count as spread evenly. */
  between(from: number, until: number): { readonly mean: number; readonly most: number } {
    this.passUntil(until)
    const [first, last] = [this.minuteOf(from), this.minuteOf(until)]
    let [worked, most] = [0, 0]
    for (let minute = Math.max(first, last - this.most.length + 1); minute <= last; minute++) {
      const begin = this.startedAt + minute * minuteMillis
      const passed = Math.min(until, begin + minuteMillis) - begin
      const share = passed > 0 ? (begin + passed - Math.max(from, begin)) / passed : 0
      const place = minute % this.most.length
      worked += share * this.worked[place]!
      if (share > 0) most = Math.max(most, this.most[place]!)
    }
    return { mean: until > from ? worked / (until - from) : 0, most }
  }

  private minuteOf(at: number): number {
    return Math.floor((at - this.startedAt) / minuteMillis)
  }

  private passUntil(now: number): void {
    const places = this.most.length
    // Of a long time without a change only its end is kept.
    let minute = Math.max(this.minuteOf(this.until), this.minuteOf(now) - places)
    while (this.until < now) {
      const end = this.startedAt + (minute + 1) * minuteMillis
      const begin = Math.max(this.until, end - minuteMillis)
      this.until = Math.min(now, end)
      this.worked[minute % places]! += this.count * (this.until - begin)
      if (this.until < end) return
      minute++
      this.worked[minute % places] = 0
      this.most[minute % places] = this.count
    }
  }
}
