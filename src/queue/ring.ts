/** A line that is taken from at either end, and from whose middle an item can be withdrawn in constant time. */

/** Whoever stands in a ring is told where, and must not touch it. */
export interface Placed {
  position: number
}

/**
 * Slots are numbered without end, `head` to `tail`; slot `n` lives at index `n & mask`. A withdrawn item leaves a hole,
 * which is skipped; holes are squeezed out when the array is full, so each is paid for by the offer that made it.
 */
export class Ring<T extends Placed> {
  private slots: Array<T | undefined>
  private mask: number
  private head = 0
  private tail = 0
  size = 0

  /** `slots`: room to begin with, a power of two. */
  constructor(slots = 16) {
    this.slots = Array(slots).fill(undefined)
    this.mask = slots - 1
  }

  push(item: T): void {
    if (this.tail - this.head > this.mask) this.makeRoom()
    item.position = this.tail
    this.slots[this.tail++ & this.mask] = item
    this.size++
  }

  /** Before all others. */
  unshift(item: T): void {
    if (this.tail - this.head > this.mask) this.makeRoom()
    item.position = --this.head
    this.slots[this.head & this.mask] = item
    this.size++
  }

  shift(): T | undefined {
    while (this.head !== this.tail) {
      const index = this.head++ & this.mask
      const item = this.slots[index]
      if (item !== undefined) return this.taken(index, item)
    }
    return undefined
  }

  /** The last one. */
  pop(): T | undefined {
    while (this.head !== this.tail) {
      const index = --this.tail & this.mask
      const item = this.slots[index]
      if (item !== undefined) return this.taken(index, item)
    }
    return undefined
  }

  get first(): T | undefined {
    while (this.head !== this.tail) {
      const item = this.slots[this.head & this.mask]
      if (item !== undefined) return item
      this.head++
    }
    return undefined
  }

  get last(): T | undefined {
    while (this.head !== this.tail) {
      const item = this.slots[(this.tail - 1) & this.mask]
      if (item !== undefined) return item
      this.tail--
    }
    return undefined
  }

  has(item: T): boolean {
    return this.slots[item.position & this.mask] === item
  }

  remove(item: T): void {
    this.slots[item.position & this.mask] = undefined
    item.position = -1
    if (--this.size === 0) this.head = this.tail
  }

  /** In the place of another one. */
  replace(before: T, item: T): void {
    item.position = before.position
    this.slots[item.position & this.mask] = item
    before.position = -1
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.head; at !== this.tail; at++) {
      const item = this.slots[at & this.mask]
      if (item !== undefined) yield item
    }
  }

  private taken(index: number, item: T): T {
    this.slots[index] = undefined
    item.position = -1
    this.size--
    return item
  }

  /** Twice the room if the ring is more than half full, else the same without the holes. Numbers start at 0 again. */
  private makeRoom(): void {
    const { head, mask, slots, tail } = this
    const length = this.size * 2 > slots.length ? slots.length * 2 : slots.length
    this.slots = Array(length).fill(undefined)
    this.mask = length - 1
    this.head = this.tail = 0
    for (let at = head; at !== tail; at++) {
      const item = slots[at & mask]
      if (item === undefined) continue
      item.position = this.tail
      this.slots[this.tail++] = item
    }
  }
}
