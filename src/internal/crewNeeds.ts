/** What a crew asks of the rest of its pool. */
import type { Exit, Scope } from "effect"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Attempts } from "./attempt.ts"
import type { Counters } from "./counters.ts"
import type { Events } from "./events.ts"
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"
import type { Parts, Worker } from "./worker.ts"

export interface CrewNeeds {
  readonly hire: (parts: Parts) => Worker
  /** Owns the workers. */
  readonly scope: Scope.Scope
  readonly attempts: Attempts
  readonly counters: Counters
  readonly events: Events
  readonly queue: WaitingRequests
  readonly turn: Turn
  readonly maxStuckWorkers: number
  /** A worker that died has left this request behind. */
  readonly onCrash: (worker: Worker, exit: Exit.Exit<unknown, unknown>) => void
  readonly onWorkerEnded: () => void
  /** The slot that this one has lent is its own again. */
  readonly onReturned: (lender: Worker) => void
  /** A worker may be missing, or may take more than before. */
  readonly onShort: () => void
  /** This one is taken before it has had its place. */
  readonly onReserved: (request: PoolRequest, now: number) => void
  /** This one's expiry has come while it waited, and it was taken out of the queue. */
  readonly onExpired: (request: PoolRequest, now: number) => void
}
