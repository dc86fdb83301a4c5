/** Who writes down what a load is made of. */
import type { Phase } from "../PoolError.ts"
import type { PoolRequest } from "./request.ts"

/** What became of a call that was not accepted, as `PoolSnapshot` counts it. */
export type Unaccepted = "refusedFull" | "refusedDraining" | "refusedOpen" | "refusedDuplicate" | "abandoned" | "joined"

/** It is called within the pool's own steps, only to write it down. Without one nothing is told. */
export interface Recorder {
  /** A request has its end; `from` was its phase for the last `millis`. */
  ended(request: PoolRequest, from: Phase, millis: number, now: number): void
  /** An attempt is over that began when the request's phase did, and another one may follow. */
  retried(request: PoolRequest, end: "failed" | "timedOut", now: number): void
  /** The request is to start at a time of its own, not yet come. */
  scheduled(request: PoolRequest): void
  unaccepted(request: PoolRequest, why: Unaccepted, now: number): void
  /** So many workers there are from now on. */
  workers(count: number, now: number): void
}
