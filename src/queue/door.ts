/** Callers that wait for a place in the queue, and who is next. */
import type { PoolRequest } from "../internal/request.ts"
import { Ring } from "./ring.ts"

export interface Door {
  /** Callers that wait. */
  readonly size: number
  /** Whether this one may come in, while there is room. */
  admits(request: PoolRequest): boolean
  push(request: PoolRequest): void
  /** Takes the next one that may come in, while there is room. */
  next(): PoolRequest | undefined
  remove(request: PoolRequest): void
  /** Puts one in the place of another, where that can be; else behind. */
  replace(before: PoolRequest, request: PoolRequest): void
  [Symbol.iterator](): Iterator<PoolRequest>
}

/** First come, first let in. */
export class FrontDoor extends Ring<PoolRequest> implements Door {
  admits(): boolean {
    return this.size === 0
  }

  next(): PoolRequest | undefined {
    return this.shift()
  }
}
