/** Settings on what the search has not seen: several draws of it, each for all of them. */
import { Effect } from "effect"
import type { Demand } from "./demand.ts"
import type { Span } from "./load.ts"
import type { Measured } from "./measure.ts"
import { requestsOf, taskOf, whole } from "./parts.ts"
import { different, type Run, type Tried } from "./search.ts"
import { type Cost, type Interval, intervalOf, once, type Score, scoreOf } from "./scores.ts"
import { keyOf, type Settings } from "./settings.ts"
import type { Target } from "./target.ts"

/** What settings came to on the unseen part. */
export interface Judged {
  readonly settings: Settings | "today"
  /** Over all draws together: it decides. */
  readonly score: Score
  /** In how many of the draws every target was kept. */
  readonly keptIn: number
  /** What one draw says of the next: of the cost, and of each target. `undefined`: there was no such request. */
  readonly cost: Interval
  readonly values: ReadonlyArray<Interval | undefined>
  /** Of a recording: on all of it in one run, as it was, seen or not. Not there where nobody asked. */
  readonly whole?: Score | undefined
}

interface Options<E> {
  readonly demand: Demand
  readonly targets: ReadonlyArray<Target>
  readonly unseen: ReadonlyArray<Span>
  readonly cost: Cost
  readonly seed: string
  /** How often it is drawn. */
  readonly draws: number
  /** Whether all draws but the first are made by drawing service times anew. */
  readonly isRecorded: boolean
  readonly run: Run<E>
}

export const judge = <E>(
  all: ReadonlyArray<Settings | "today">,
  { cost, draws, isRecorded, run, seed, targets, unseen }: Options<E>
): Effect.Effect<ReadonlyArray<Judged>, E> =>
  Effect.gen(function* () {
    const parts = whole(unseen)
    const tasks = Array.from({ length: draws }, (_, draw) =>
      all.flatMap((settings) =>
        parts.map((part) =>
          taskOf(part, settings, `${seed}/unseen-${draw + 1}`, isRecorded && draw > 0 ? "redrawn" : "load")
        )
      )
    ).flat()
    const measured = yield* run(tasks)
    const of = (which: number, draw: number): ReadonlyArray<Measured> => {
      const first = (draw * all.length + which) * parts.length
      return measured.slice(first, first + parts.length)
    }
    return all.map((settings, which): Judged => {
      const perDraw = Array.from({ length: draws }, (_, draw) => of(which, draw))
      const scores = perDraw.map((parts) => scoreOf(parts.map(once), targets, cost))
      return {
        settings,
        score: scoreOf(perDraw.flat().map(once), targets, cost),
        keptIn: scores.filter(({ excess }) => excess <= 1).length,
        cost: intervalOf(scores.map((score) => score.cost)),
        values: targets.map((_, n) => {
          const values = scores.flatMap((score) => score.values[n] ?? [])
          return values.length === 0 ? undefined : intervalOf(values)
        })
      }
    })
  })

/** How often a budget allows to draw the unseen part for so many choices: three times at least, eight at most. */
export const drawsFor = (budget: number, choices: number, unseen: ReadonlyArray<Span>, demand: Demand): number => {
  const each = whole(unseen).reduce((sum, part) => sum + requestsOf(part, demand), 0)
  return Math.max(3, Math.min(8, Math.floor(budget / Math.max(1, choices * each))))
}

/**
 * Who is judged first: the cheapest, the cheapest of those that keep the targets with something to spare, since what was chosen for being
 * cheap is often cheap by chance, and one that is cheaper and misses them by as little as chance may. Then the others that kept them,
 * the cheapest first, and those that did not, the nearest first.
 */
export const finalists = (
  all: ReadonlyArray<Tried>,
  count: number
): { readonly first: ReadonlyArray<Settings>; readonly later: ReadonlyArray<Tried> } => {
  const tried = different(all)
  const kept = tried.filter(({ score }) => score.excess <= 1)
  const chosen = new Map<string, Settings>()
  for (const spare of [1, 0.9, 0.75]) {
    const first = kept.find(({ key, score }) => score.excess <= spare && !chosen.has(key))
    if (first !== undefined) chosen.set(first.key, first.settings)
  }
  const near = tried.find(
    ({ score }) => score.excess > 1 && score.excess <= nearly && score.cost < (kept[0]?.score.cost ?? 0)
  )
  if (near !== undefined) chosen.set(near.key, near.settings)
  for (const { key, settings } of tried) if (chosen.size < count) chosen.set(key, settings)
  return { first: [...chosen.values()], later: tried.filter(({ key }) => !chosen.has(key)) }
}

/** What misses a target by no more may keep it in another draw. */
const nearly = 1.1

/** Those that keep every target, the cheapest first; then those that miss a target, the nearest first, and of those that are about as near the cheapest. */
export const byWorth = (all: ReadonlyArray<Judged>): ReadonlyArray<Judged> =>
  all.toSorted(({ score: a, settings: one }, { score: b, settings: other }) => {
    const [near, farther] = [stepsFrom(a.excess), stepsFrom(b.excess)]
    const nearer = near === farther ? 0 : near - farther
    return nearer || a.cost - b.cost || (nameOf(one) < nameOf(other) ? -1 : 1)
  })

/** In steps of two per cent; none where every target is kept. */
const stepsFrom = (excess: number): number => (excess <= 1 ? 0 : Math.ceil(50 * Math.log(excess)))

const nameOf = (settings: Settings | "today"): string => (settings === "today" ? "" : keyOf(settings))
