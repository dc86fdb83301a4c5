/** First in, first out, until there is too much to do: then the newest first, and whoever has waited for too long is given up. */
import type { PoolRequest } from "../../internal/request.ts"
import { Crowd } from "./crowd.ts"
import type { Order } from "../order.ts"
import type { Crowds, Overload } from "./overload.ts"

/** For pools without keys, priorities and limits. Nothing is held back. */
export class SheddingLine implements Order, Crowds {
  private readonly crowd = new Crowd()
  private readonly overload: Overload

  constructor(overload: Overload) {
    this.overload = overload
    overload.stand(this)
  }

  get size(): number {
    return this.crowd.size
  }

  get free(): number {
    return this.crowd.size
  }

  push(request: PoolRequest, now: number): void {
    this.crowd.push(request)
    if (this.crowd.size === 1) this.overload.begin(this.crowd, now)
  }

  take(now: number): PoolRequest | undefined {
    const request = this.crowd.take()
    this.left(now)
    return request
  }

  remove(request: PoolRequest, now: number): void {
    this.crowd.remove(request)
    this.left(now)
  }

  takeOldest(_key: string | undefined, now: number): PoolRequest | undefined {
    const { oldest } = this.crowd
    if (oldest !== undefined) this.remove(oldest, now)
    return oldest
  }

  sheds(): boolean {
    return true
  }

  /** Nobody stands here any more: the same requests stand elsewhere from now on. */
  close(now: number): void {
    this.overload.end(this.crowd, now)
  }

  delay(): void {}

  /** Oldest first. */
  [Symbol.iterator](): Iterator<PoolRequest> {
    return this.crowd[Symbol.iterator]()
  }

  private left(now: number): void {
    if (this.crowd.size === 0) this.overload.end(this.crowd, now)
  }
}
