/** The settings that were found, and those of today, once more: second by second, and under twice the load. */
import { Effect } from "effect"
import { taskOf } from "./parts.ts"
import type { Outlook, Watched } from "./report.ts"
import { type Cost, type Score, scoreOf } from "./scores.ts"
import type { Run } from "./search.ts"
import type { Settings } from "./settings.ts"
import type { Ground } from "./space.ts"

/** More is not drawn of a load in a picture. */
const watchedRequests = 400_000

export const look = <E>(
  best: Settings | "today",
  durationMillis: number,
  { demand, targets }: Ground,
  cost: Cost,
  seed: string,
  run: Run<E>
): Effect.Effect<Outlook, E> => {
  const seconds = Math.min(durationMillis, (1000 * watchedRequests) / demand.perSecond) / 1000
  const part = { fromMillis: 0, toMillis: Math.max(1, Math.floor(seconds)) * 1000, warmupMillis: 0, weight: 1 }
  const toMillis = Math.min(part.toMillis, durationMillis)
  const tasks = (["load", "doubled"] as const).flatMap((of) =>
    [best, "today" as const].map((settings) => ({
      ...taskOf({ ...part, toMillis }, settings, seed, of),
      isWatched: true
    }))
  )
  return Effect.map(run(tasks), (all) => {
    const watched = (n: number): Watched => ({
      score: scoreOf([{ measured: all[n]!, weight: 1 }], targets, cost),
      windows: all[n]!.windows!
    })
    return { best: { load: watched(0), doubled: watched(2) }, today: { load: watched(1), doubled: watched(3) } }
  })
}

/** All of the load in one run. */
export const scoreWhole = <E>(
  settings: Settings | "today",
  durationMillis: number,
  { targets }: Ground,
  cost: Cost,
  seed: string,
  run: Run<E>
): Effect.Effect<Score, E> => {
  const part = { fromMillis: 0, toMillis: durationMillis, warmupMillis: 0, weight: 1 }
  return Effect.map(run([taskOf(part, settings, seed)]), ([measured]) =>
    scoreOf([{ measured: measured!, weight: 1 }], targets, cost)
  )
}
