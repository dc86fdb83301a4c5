/** What a drain did: whether it had to force anything, and what became of every accepted request. */
import type { End } from "./Outcome.ts"
import type { Phase } from "./PoolError.ts"

/** A request that the drain stopped, or whose attempt ignored it, or one that runs. */
export interface LeftRequest {
  /** Its own id, or its number in the pool behind the pool's `idPrefix`. */
  readonly id: string
  /** The tag of its Rpc, or `"run"`. */
  readonly tag: string
  /** Where it was when it was stopped, or is now. */
  readonly phase: Phase
  /** Attempts that were started, the one that runs included. */
  readonly attempts: number
  /** Milliseconds in that phase when the drain ended, or until now. */
  readonly millis: number
}

/** What `WorkerPool.drain` answers, and the last event of a pool tells. */
export interface DrainReport {
  /** The name of the pool. */
  readonly pool: string
  /** Whether the deadline passed before everything had ended. */
  readonly forced: boolean
  /** From the call of the drain to its end, in milliseconds. */
  readonly tookMillis: number
  /** Every request that the pool ever accepted. */
  readonly accepted: number
  /** The same requests, by their end. */
  readonly ends: Readonly<Record<End, number>>
  /** Requests that the drain stopped. The first 1,000; `interruptedCount` is the full number. */
  readonly interrupted: ReadonlyArray<LeftRequest>
  /** How many requests the drain stopped. */
  readonly interruptedCount: number
  /** Attempts that still ignored their interruption when the drain gave up on them. Cut like `interrupted`. */
  readonly stuck: ReadonlyArray<LeftRequest>
  /** How many attempts were given up on. */
  readonly stuckCount: number
}

/** The longest list in a report. */
export const listLimit = 1000

/** One line for a log. */
export const format = (self: DrainReport): string =>
  `pool "${self.pool}" drained in ${Math.round(self.tookMillis)} ms${self.forced ? ", forced at the deadline" : ""}: ` +
  (Object.entries(self.ends)
    .flatMap(([end, count]) => (count > 0 ? [`${count} ${end}`] : []))
    .join(", ") || "no requests") +
  (self.stuckCount > 0 ? `; given up on ${self.stuck.map((left) => `${left.tag} ${left.id}`).join(", ")}` : "")
