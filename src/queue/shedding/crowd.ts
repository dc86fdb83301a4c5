/** Requests that are alike, of which the oldest or the newest is the next, as things stand. */
import type { PoolRequest } from "../../internal/request.ts"
import type { Heaped } from "../heap.ts"
import { Ring } from "../ring.ts"

/** Each of its lines has the one that has waited longest first. */
export class Crowd implements Heaped {
  /** The newest comes first. Written by `Overload`, as are the next three. */
  isOverloaded = false
  /** Since when some of it could start. */
  freeSince = 0
  /** When it is to be looked at again. */
  lookAt = Infinity
  heapAt = -1
  private readonly isLifo: boolean
  private readonly came = new Ring<PoolRequest>(2)
  /** Those that have come back while the newest came first: after all others. */
  private back: Ring<PoolRequest> | undefined = undefined
  /** Before all others, the last one first, since what others wait for may depend on them. */
  private front: Ring<PoolRequest> | undefined = undefined

  /** `isLifo`: the newest comes first in any case. */
  constructor(isLifo = false) {
    this.isLifo = isLifo
  }

  get size(): number {
    return this.came.size + (this.back?.size ?? 0) + (this.front?.size ?? 0)
  }

  /** Whose turn it is. */
  get head(): PoolRequest | undefined {
    const { back, came, front } = this
    const first = front?.last
    if (first !== undefined) return first
    if (this.isOverloaded || this.isLifo) return came.last ?? back?.last
    return earlier(came.first, back?.first)
  }

  /** The one that has waited longest. */
  get oldest(): PoolRequest | undefined {
    return earlier(this.front?.first, earlier(this.came.first, this.back?.first))
  }

  push(request: PoolRequest): void {
    if (this.isOverloaded && request.attempts > 0) (this.back ??= new Ring(2)).push(request)
    else this.came.push(request)
  }

  /** It is to be the next. */
  pushFirst(request: PoolRequest): void {
    ;(this.front ??= new Ring(2)).push(request)
  }

  take(): PoolRequest | undefined {
    const { head } = this
    if (head !== undefined) this.remove(head)
    return head
  }

  remove(request: PoolRequest): void {
    if (this.front?.has(request) === true) this.front.remove(request)
    else if (this.back?.has(request) === true) this.back.remove(request)
    else this.came.remove(request)
  }

  /** Oldest first. */
  *[Symbol.iterator](): Iterator<PoolRequest> {
    const all = [...(this.front ?? []), ...this.came, ...(this.back ?? [])]
    yield* all.sort((a, b) => a.since - b.since)
  }
}

/** Of two that came at the same instant the first one named. */
const earlier = (a: PoolRequest | undefined, b: PoolRequest | undefined): PoolRequest | undefined =>
  a === undefined || (b !== undefined && b.since < a.since) ? b : a
