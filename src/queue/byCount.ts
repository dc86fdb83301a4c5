/** Things in the order of a count that goes up and down in small steps: the least and the most are known at once. */

interface Bucket<T> {
  readonly count: number
  readonly items: Set<T>
  less: Bucket<T> | undefined
  more: Bucket<T> | undefined
}

/** A list of counts, each with those that have it (as for a cache by use: Shah, Mitra and Matani, 2010). A step of one is O(1). */
export class ByCount<T> {
  private readonly buckets = new Map<T, Bucket<T>>()
  private first: Bucket<T> | undefined = undefined
  private last: Bucket<T> | undefined = undefined

  get size(): number {
    return this.buckets.size
  }

  has(item: T): boolean {
    return this.buckets.has(item)
  }

  /** One of those with the least, the one that has had it for longest. */
  get least(): T | undefined {
    return this.first?.items.values().next().value
  }

  /** One of those with the most, the one that has had it for longest. */
  get most(): T | undefined {
    return this.last?.items.values().next().value
  }

  /** From now on that is its count. One that is not there yet comes in. */
  set(item: T, count: number): void {
    const before = this.buckets.get(item)
    if (before?.count === count) return
    // From where it was, or from the end with the most.
    let less = before ?? this.last
    while (less !== undefined && less.count > count) less = less.less
    while (less?.more !== undefined && less.more.count <= count) less = less.more
    const bucket = less?.count === count ? less : this.insert(count, less)
    bucket.items.add(item)
    this.buckets.set(item, bucket)
    if (before !== undefined) this.leave(item, before)
  }

  delete(item: T): void {
    const bucket = this.buckets.get(item)
    if (bucket === undefined) return
    this.buckets.delete(item)
    this.leave(item, bucket)
  }

  private insert(count: number, less: Bucket<T> | undefined): Bucket<T> {
    const more = less === undefined ? this.first : less.more
    const bucket: Bucket<T> = { count, items: new Set(), less, more }
    if (less === undefined) this.first = bucket
    else less.more = bucket
    if (more === undefined) this.last = bucket
    else more.less = bucket
    return bucket
  }

  private leave(item: T, bucket: Bucket<T>): void {
    bucket.items.delete(item)
    if (bucket.items.size > 0) return
    const { less, more } = bucket
    if (less === undefined) this.first = more
    else less.more = more
    if (more === undefined) this.last = less
    else more.less = less
  }
}
