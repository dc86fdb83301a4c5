/** What is paused, and by whom that is known: the pool of this process, or the store, and so all of its processes. */
import { Effect } from "effect"
import type { Durable } from "../durable/service.ts"
import type { Pause } from "../durable/Store.ts"
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

export const ofStore = (pool: WorkerPool.WorkerPool["Service"], durable: Durable["Service"]): Pauses => {
  const has = (wanted: Pause) =>
    Effect.map(durable.local, ({ pauses }) => pauses.some(({ key, tag }) => key === wanted.key && tag === wanted.tag))
  return {
    isAll: has({}),
    set: (part, paused) => {
      if (part !== "all" && part.limit !== undefined) return ofPool(pool).set(part, paused)
      const pause: Pause = part === "all" ? {} : part
      // This process hears of it at its next beat: whoever has asked for it sees it.
      const heard = Effect.repeat(Effect.delay(has(pause), "5 millis"), { until: (has) => has === paused })
      return Effect.andThen(durable.setPause(pause, paused), Effect.asVoid(Effect.timeoutOption(heard, "1 second")))
    }
  }
}
