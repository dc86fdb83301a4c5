/** In which order accepted requests are taken: what a pool's queue asks of whoever keeps them. */
import type { PoolRequest } from "../internal/request.ts"
import { Ring } from "./ring.ts"

export interface Order {
  /** Requests that wait. */
  readonly size: number
  /** Those that a worker could take now, as far as is known: `take` may find that they are held back. Zero: none can. */
  readonly free: number
  push(request: PoolRequest, now: number): void
  /** The next that may start. */
  take(now: number): PoolRequest | undefined
  /** Takes the one that has waited longest out, of the key that has most waiting or, where `key` says which, of that. */
  takeOldest(key: string | undefined, now: number): PoolRequest | undefined
  remove(request: PoolRequest, now: number): void
  /** It is between two attempts from now on, or, `-1`, no longer. */
  delay(request: PoolRequest, by: 1 | -1): void
  [Symbol.iterator](): Iterator<PoolRequest>
}

/** First in, first out. Nothing is held back, and nobody needs to be remembered. */
export class Line extends Ring<PoolRequest> implements Order {
  get free(): number {
    return this.size
  }

  take(): PoolRequest | undefined {
    return this.shift()
  }

  takeOldest(): PoolRequest | undefined {
    return this.shift()
  }

  delay(): void {}
}
