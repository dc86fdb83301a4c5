/**
 * Successive halving (K. Jamieson and A. Talwalkar, 2016): many choices on a little of the load, the best of them and what lies next to
 * them on more of it, and at last a search from the best one to its neighbours. All see the same requests.
 */
import { Effect } from "effect"
import type { Measured, Task } from "./measure.ts"
import { type Part, requestsOf, sample, taskOf } from "./parts.ts"
import { type Cost, type Score, scoreOf } from "./scores.ts"
import { changesOf, keyOf, type Settings } from "./settings.ts"
import { type Ground, interleaved, type Space } from "./space.ts"
import type { Span } from "./load.ts"

/** Settings, and what they came to on the parts of one rung. */
export interface Tried {
  readonly settings: Settings
  readonly key: string
  readonly score: Score
  /** In how much it is not as it is today. */
  readonly changes: number
}

export interface Searched {
  /** On the last rung, the best first. */
  readonly tried: ReadonlyArray<Tried>
  /** How many choices were tried at all. */
  readonly choices: number
  readonly stopped: "nothing got better" | "the budget was spent"
}

/** Runs tasks, at the same time or one after the other, and answers in their order. */
export type Run<E> = (tasks: ReadonlyArray<Task>) => Effect.Effect<ReadonlyArray<Measured>, E>

interface Options<E> {
  readonly ground: Ground
  readonly space: Space
  readonly seen: ReadonlyArray<Span>
  readonly seed: string
  readonly cost: Cost
  /** Requests that may be simulated. */
  readonly budget: number
  readonly run: Run<E>
}

/** An improvement of the cost by less is none. */
const worthwhile = 0.01
/** A search begins with no fewer. */
const leastChoices = 6
/** So many evaluations are planned for the last rung. */
const lastRung = 14

export const search = <E>({ budget, cost, ground, run, seed, seen, space }: Options<E>): Effect.Effect<Searched, E> =>
  Effect.gen(function* () {
    const { demand, targets } = ground
    const known = new Set<string>()
    const sizeOf = (parts: ReadonlyArray<Part>) => parts.reduce((sum, part) => sum + requestsOf(part, demand), 0)
    let spent = 0
    /** Of these parts, what was evaluated. */
    let evaluated = new Map<string, Tried>()
    let of: ReadonlyArray<Part> = []
    const evaluate = (all: ReadonlyArray<Settings>, parts: ReadonlyArray<Part>) =>
      Effect.gen(function* () {
        if (parts !== of) [evaluated, of] = [new Map(), parts]
        const unknown = all.filter((settings) => !evaluated.has(keyOf(settings)))
        const tasks = unknown.flatMap((settings) => parts.map((part) => taskOf(part, settings, seed)))
        const measured = yield* run(tasks)
        spent += unknown.length * sizeOf(parts)
        for (const [n, settings] of unknown.entries()) {
          const ofThese = parts.map(({ weight }, at) => ({ measured: measured[n * parts.length + at]!, weight }))
          const key = keyOf(settings)
          known.add(key)
          evaluated.set(key, {
            settings,
            key,
            score: scoreOf(ofThese, targets, cost),
            changes: changesOf(settings, ground.today)
          })
        }
        return all.map((settings) => evaluated.get(keyOf(settings))!)
      })

    const least = sizeOf(sample(seen, demand, 0))
    const first = unique(space.seeds).slice(0, Math.max(leastChoices, Math.floor((0.4 * budget) / least)))
    let parts = sample(seen, demand, (0.22 * budget) / first.length)
    let tried = ranked(yield* evaluate(first, parts))
    const grow = (requests: number): ReadonlyArray<Part> => {
      const next = sample(seen, demand, requests)
      // A rung that is not longer than the last is none.
      return sizeOf(next) > sizeOf(parts) ? next : parts
    }
    const better = survivors(tried, Math.ceil(tried.length / 3))
    const beside = unique(better.slice(0, 5).flatMap((one) => neighbours(one, tried, space).slice(0, 3)))
    const second = unique([...better.map(({ settings }) => settings), ...beside])
    parts = grow((0.25 * budget) / second.length)
    tried = ranked(yield* evaluate(second, parts))

    const best = survivors(tried, 5)
    parts = grow(Math.max(0, budget - spent) / lastRung)
    const last = yield* evaluate(
      best.map(({ settings }) => settings),
      parts
    )
    tried = ranked(last)
    const each = Math.max(1, sizeOf(parts))
    let stopped: Searched["stopped"] = "the budget was spent"
    for (;;) {
      if (spent + each > budget) break
      const room = Math.floor((budget - spent) / each)
      const [leader] = tried
      const from = [...different(tried).slice(0, 2), ...different(nearOf(tried)).slice(0, 1)]
      const next = unique(interleaved(from.map((one) => neighbours(one, tried, space))))
        .filter((settings) => !tried.some(({ key }) => key === keyOf(settings)))
        .slice(0, Math.min(6, room))
      if (next.length === 0) {
        stopped = "nothing got better"
        break
      }
      tried = ranked([...tried, ...(yield* evaluate(next, parts))])
      if (!isBetter(tried[0]!, leader!)) {
        stopped = "nothing got better"
        break
      }
    }
    return { tried, choices: known.size, stopped }
  })

const isBetter = ({ score: now }: Tried, { score: before }: Tried): boolean =>
  before.excess > 1 ? now.excess < before.excess * (1 - worthwhile) : now.cost < before.cost * (1 - worthwhile)

/** Those that keep the targets, the cheapest first; then the others, the nearest first. Of two that come to the same, what changes less. */
export const ranked = (all: ReadonlyArray<Tried>): ReadonlyArray<Tried> =>
  all.toSorted((a, b) => {
    const [one, other] = [a.score, b.score]
    const keeps = one.excess <= 1
    if (keeps !== other.excess <= 1) return keeps ? -1 : 1
    // Infinite excesses have no difference.
    const nearer = one.excess === other.excess ? 0 : one.excess - other.excess
    const first = keeps ? one.cost - other.cost || nearer : nearer || one.cost - other.cost
    return first || a.changes - b.changes || (a.key < b.key ? -1 : 1)
  })

/** Without those that come to the same as one before them. */
export const different = (all: ReadonlyArray<Tried>): ReadonlyArray<Tried> => {
  const scores = all.map(({ score: { cost, excess } }) => `${cost} ${excess}`)
  return all.filter((_, n) => scores.indexOf(scores[n]!) === n)
}

/** The best, those that are cheaper than it and miss the targets by little, and the best of each kind of policy. */
const survivors = (all: ReadonlyArray<Tried>, count: number): ReadonlyArray<Tried> => {
  const near = nearOf(all)
  const kinds = new Map<string, Tried>()
  for (const one of all) if (!kinds.has(one.settings.policy.kind)) kinds.set(one.settings.policy.kind, one)
  const half = Math.ceil(count / 2)
  const chosen = new Set([...all.slice(0, half), ...near.slice(0, count - half), ...kinds.values()])
  for (const one of all) {
    if (chosen.size >= count) break
    chosen.add(one)
  }
  return all.filter((one) => chosen.has(one))
}

/** Those that are cheaper than the best, and miss the targets by little. */
const nearOf = (all: ReadonlyArray<Tried>): ReadonlyArray<Tried> => {
  const [best] = all
  if (best === undefined || best.score.excess > 1) return []
  return all
    .filter(({ score }) => score.excess > 1 && score.excess <= 2 && score.cost < best.score.cost)
    .toSorted((a, b) => a.score.excess * a.score.cost - b.score.excess * b.score.cost)
}

/** Where to go from here; of fixed numbers to the middle between one that is enough and one that is not. */
const neighbours = (
  { score, settings }: Tried,
  all: ReadonlyArray<Tried>,
  { cheaper, safer }: Space
): ReadonlyArray<Settings> => {
  const next = score.excess <= 1 ? cheaper(settings) : safer(settings)
  const { policy } = settings
  if (policy.kind !== "fixed") return next
  const others = all.flatMap(({ score, settings }) =>
    settings.policy.kind === "fixed" ? [{ workers: settings.policy.workers, isEnough: score.excess <= 1 }] : []
  )
  const enough = Math.min(...others.flatMap(({ isEnough, workers }) => (isEnough ? workers : [])))
  const tooFew = Math.max(...others.flatMap(({ isEnough, workers }) => (isEnough || workers > enough ? [] : workers)))
  if (!Number.isFinite(enough) || !Number.isFinite(tooFew)) return next
  const middle = (enough + tooFew) >> 1
  return middle === tooFew
    ? []
    : [
        {
          ...settings,
          policy: { ...policy, workers: middle },
          minWorkers: Math.min(middle, settings.minWorkers),
          maxWorkers: middle
        }
      ]
}

const unique = (all: ReadonlyArray<Settings>): ReadonlyArray<Settings> => [
  ...new Map(all.map((settings) => [keyOf(settings), settings])).values()
]
