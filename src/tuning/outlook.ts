/** The settings that were found, and those of today, once more: second by second, and under twice the load. */
import { Effect } from "effect"
import { fromStart, taskOf } from "./parts.ts"
import type { Outlook, Watched } from "./report.ts"
import { type Cost, once, type Score, scoreOf } from "./scores.ts"
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
  const part = fromStart(Math.min(Math.max(1, Math.floor(seconds)) * 1000, durationMillis))
  const tasks = (["load", "doubled"] as const).flatMap((of) =>
    [best, "today" as const].map((settings) => ({
      ...taskOf(part, settings, seed, of),
      isWatched: true
    }))
  )
  return Effect.map(run(tasks), (all) => {
    const watched = (n: number): Watched => ({
      score: scoreOf([once(all[n]!)], targets, cost),
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
  return Effect.map(run([taskOf(fromStart(durationMillis), settings, seed)]), ([measured]) =>
    scoreOf([once(measured!)], targets, cost)
  )
}
