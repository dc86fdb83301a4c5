/** What is paused in the whole cluster, as the pool of this process obeys it: what it has already is not begun either. */
import { Effect } from "effect"
import type { WorkerPool } from "../../index.ts"
import type { Pause } from "../Store.ts"

type Pauses = ReadonlyArray<Pause>

export const samePauses = (one: Pauses, other: Pauses): boolean => JSON.stringify(one) === JSON.stringify(other)

/** From what was paused before to what is now. A tag that this process does not serve is none of its business. */
export const obey = (pool: WorkerPool.WorkerPool["Service"], before: Pauses, now: Pauses): Effect.Effect<void> =>
  Effect.andThen(
    Effect.forEach(without(before, now), (pause) => set(pool, pause, false), { discard: true }),
    Effect.forEach(without(now, before), (pause) => set(pool, pause, true), { discard: true })
  )

const without = (all: Pauses, others: Pauses): Pauses =>
  all.filter((pause) => !others.some((other) => samePauses([pause], [other])))

const set = (pool: WorkerPool.WorkerPool["Service"], { key, tag }: Pause, paused: boolean): Effect.Effect<void> => {
  const what = key !== undefined ? { key } : tag !== undefined ? { tag } : undefined
  if (what === undefined) return paused ? pool.pause : pool.resume
  return Effect.ignore(paused ? pool.pauseOnly(what) : pool.resumeOnly(what))
}
