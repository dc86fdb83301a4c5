/** The first of many by some order, from which any can be removed, or moved when its rank has changed. */

/** Whoever stands in a heap is told where, and must not touch it. `-1`: in no heap. */
export interface Heaped {
  heapAt: number
}

/** A binary heap. Whoever changes the rank of an item says so: `changed`. */
export class Heap<T extends Heaped> {
  private readonly items: Array<T> = []
  private readonly isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.isBefore = isBefore
  }

  get size(): number {
    return this.items.length
  }

  get first(): T | undefined {
    return this.items[0]
  }

  push(item: T): void {
    item.heapAt = this.items.push(item) - 1
    this.siftUp(item)
  }

  remove(item: T): void {
    const { items } = this
    const at = item.heapAt
    const last = items.pop()!
    item.heapAt = -1
    if (last === item) return
    items[at] = last
    last.heapAt = at
    this.changed(last)
  }

  /** Its rank has changed, either way. */
  changed(item: T): void {
    const before = item.heapAt
    this.siftUp(item)
    if (item.heapAt === before) this.siftDown(item)
  }

  [Symbol.iterator](): Iterator<T> {
    return this.items[Symbol.iterator]()
  }

  private siftUp(item: T): void {
    const { isBefore, items } = this
    let at = item.heapAt
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = items[parentAt]!
      if (!isBefore(item, parent)) break
      items[at] = parent
      parent.heapAt = at
      at = parentAt
    }
    items[at] = item
    item.heapAt = at
  }

  private siftDown(item: T): void {
    const { isBefore, items } = this
    const { length } = items
    let at = item.heapAt
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= length) break
      if (childAt + 1 < length && isBefore(items[childAt + 1]!, items[childAt]!)) childAt++
      const child = items[childAt]!
      if (!isBefore(child, item)) break
      items[at] = child
      child.heapAt = at
      at = childAt
    }
    items[at] = item
    item.heapAt = at
  }
}
