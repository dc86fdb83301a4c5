/**
 * Values by whole numbers that rise and are mostly deleted soon after: a `Map` of 10,000 of them, hashed and rehashed at
 * the rate of the service, took 4 % of its time. Here a value has its place in a page, which goes with its last value.
 */
const pageBits = 10
const pageSize = 1 << pageBits

interface Page<T> {
  readonly values: Array<T | undefined>
  size: number
}

export class ByNumber<T> {
  private readonly pages = new Map<number, Page<T>>()
  /** Where the last one was put; the next one goes there too. */
  private latest: Page<T> | undefined = undefined
  private latestAt = -1
  private count = 0

  get size(): number {
    return this.count
  }

  /** How many pages there are, each of 1,024 places. */
  get held(): number {
    return this.pages.size
  }

  get(number: number): T | undefined {
    return this.pages.get(pageOf(number))?.values[number % pageSize]
  }

  /** A number is set once. */
  set(number: number, value: T): void {
    const page = this.pageFor(pageOf(number))
    page.values[number % pageSize] = value
    page.size++
    this.count++
  }

  delete(number: number): void {
    const at = pageOf(number)
    const page = this.pages.get(at)
    if (page?.values[number % pageSize] === undefined) return
    page.values[number % pageSize] = undefined
    this.count--
    if (--page.size > 0) return
    this.pages.delete(at)
    if (page === this.latest) this.latestAt = -1
  }

  /** Those below `number`, the greatest first. */
  *below(number: number): Generator<T> {
    for (const at of [...this.pages.keys()].toSorted((a, b) => b - a)) {
      const values = this.pages.get(at)?.values ?? []
      for (let place = Math.min(pageSize, number - at * pageSize) - 1; place >= 0; place--) {
        const value = values[place]
        if (value !== undefined) yield value
      }
    }
  }

  private pageFor(at: number): Page<T> {
    if (at !== this.latestAt) {
      this.latest = this.pages.get(at) ?? { values: Array.from<T | undefined>({ length: pageSize }), size: 0 }
      this.latestAt = at
      this.pages.set(at, this.latest)
    }
    return this.latest!
  }
}

/** Not `>>`: there may be more of them than 32 bits can tell. */
const pageOf = (number: number): number => Math.floor(number / pageSize)
