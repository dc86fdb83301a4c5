/** What is paused, and by whom that is known: the pool of this process, or the store, and so all of its processes. */
import { Effect } from "effect"
import type { Durable } from "../durable/service.ts"
import type { PoolError, Selection, WorkerPool } from "../index.ts"

export interface Pauses {
  /** Whether nothing at all starts. */
  readonly isAll: Effect.Effect<boolean>
  /** `"all"`, or those of a type, of a key, or to which a limit applies. A limit is always this process's own. */
  readonly set: (
    part: Selection.Pausable | "all",
    paused: boolean
  ) => Effect.Effect<void, PoolError.InvalidRequestOption | PoolError.StoreUnavailable>
}

export const ofPool = (pool: WorkerPool.WorkerPool["Service"]): Pauses => ({
  isAll: Effect.map(pool.snapshot, ({ paused }) => paused),
  set: (part, paused) =>
    part === "all" ? (paused ? pool.pause : pool.resume) : paused ? pool.pauseOnly(part) : pool.resumeOnly(part)
})

export const ofStore = (pool: WorkerPool.WorkerPool["Service"], durable: Durable["Service"]): Pauses => ({
  isAll: Effect.map(durable.local, ({ pauses }) =>
    pauses.some(({ key, tag }) => key === undefined && tag === undefined)
  ),
  set: (part, paused) => {
    if (part === "all") return durable.setPause({}, paused)
    return part.limit === undefined ? durable.setPause(part, paused) : ofPool(pool).set(part, paused)
  }
})
