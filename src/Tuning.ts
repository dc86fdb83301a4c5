/**
 * Finds the cheapest settings of a pool that keep what is wanted of it, by simulation: the real queue, pool and scaler on virtual time.
 * The same options give the same report, byte for byte. An export of its own, `effect-worker-pool/Tuning`.
 */
import { Effect } from "effect"
import type { InvalidPoolConfig } from "./PoolError.ts"
import { demandOf } from "./tuning/demand.ts"
import { byWorth, drawsFor, finalists, judge, type Judged } from "./tuning/judge.ts"
import { DrawnLoad, type Load, type Span } from "./tuning/load.ts"
import { type Common, type Mark, type Measured, Measurer, type Task } from "./tuning/measure.ts"
import { obstaclesOf } from "./tuning/obstacles.ts"
import { look, scoreWhole } from "./tuning/outlook.ts"
import { seenSeed, split, taskOf, whole } from "./tuning/parts.ts"
import type { Outlook, Report, Watched } from "./tuning/report.ts"
import { type Cost, type Interval, once, type Score, scoreOf } from "./tuning/scores.ts"
import { type Run, search } from "./tuning/search.ts"
import { keyLimitName, keyOf, type Policy, policyOf, policyText, poolOf, type Settings } from "./tuning/settings.ts"
import { type Ground, spaceOf } from "./tuning/space.ts"
import {
  InvalidTarget,
  isKept,
  type Measure,
  millisText,
  parse,
  type Share,
  shown,
  type Target
} from "./tuning/target.ts"
import { checked, notEmpty, type Wanted } from "./tuning/wanted.ts"

export {
  InvalidTarget,
  isKept,
  keyLimitName,
  keyOf,
  Measurer,
  millisText,
  parse as parseTarget,
  policyOf,
  policyText,
  poolOf,
  shown
}
export type { Common, Cost, Interval, Judged, Load, Mark, Measure, Measured, Outlook, Policy, Report, Score, Settings }
export type { Share, Span, Target, Task, Wanted, Watched }

/** What to tune, for which load and to which targets. */
export interface Options<E = never> extends Wanted {
  /** Runs one simulation, for whoever has threads: it is asked for many at once. Default: one after the other, here. */
  readonly measure?: ((task: Task) => Effect.Effect<Measured, E>) | undefined
  /** Whether the report has an `outlook`, for pictures. Default `false`. */
  readonly isWatched?: boolean | undefined
  /** Hears how much of the budget is spent, from 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
}

/** At least so many are judged on the unseen part, beside those of today. */
const judgedAtOnce = 3
/** Of the budget, what the search has; the rest is for the unseen part. */
const searchShare = 0.45
/** Above this share of today's cost a change saves nothing. */
const unchanged = 0.99

/**
 * Searches, judges and recommends. Fails with `InvalidTarget` for a target that is none, and with `InvalidPoolConfig` for other options that
 * are wrong. Interrupting it ends the simulation that runs.
 */
export const run = <E = never>(options: Options<E>): Effect.Effect<Report, InvalidPoolConfig | InvalidTarget | E> =>
  Effect.gen(function* () {
    const { cost, durationMillis, isRecorded, seed, budget, targets, today, mostWorkers } = yield* checked(options)
    const measurer = new Measurer(options, durationMillis, targets)
    const measure: (task: Task) => Effect.Effect<Measured, E | InvalidPoolConfig> =
      options.measure ?? ((task) => measurer.run(task))
    let simulated = 0
    const hear = ({ requests }: Measured) => {
      simulated += requests
      options.onProgress?.(Math.min(1, simulated / budget))
    }
    const counted: Run<E | InvalidPoolConfig> = (tasks) =>
      Effect.forEach(tasks, (task) => Effect.tap(measure(task), (measured) => Effect.sync(() => hear(measured))), {
        concurrency: options.measure === undefined ? 1 : "unbounded"
      })
    const { seen, unseen } = split(durationMillis, isRecorded)
    const searchSeed = seenSeed(seed)
    const demand = demandOf(new DrawnLoad(options.load, durationMillis), searchSeed, durationMillis, targets)
    yield* notEmpty(demand, targets)
    const isSlowedDown = options.load.downstream?.capacity !== undefined
    const hasTurns = (options.pool?.limits ?? []).length > 0
    const ground: Ground = { demand, targets, today, mostWorkers, isSlowedDown, hasTurns }
    const space = spaceOf(ground)
    const found = yield* search({
      ground,
      space,
      seen,
      seed: searchSeed,
      cost,
      budget: searchShare * budget,
      run: counted
    })
    const { first, later } = finalists(found.tried, judgedAtOnce)
    const draws = drawsFor(budget - simulated, first.length + 1, unseen, demand)
    const judging = { demand, targets, unseen, cost, seed: String(seed), draws, isRecorded, run: counted }
    const [current, ...judged] = yield* judge(["today", ...first], judging)
    const all = [current!, ...judged]
    const wholes = new Map<Judged, Score>()
    const onWhole = (one: Judged) =>
      Effect.gen(function* () {
        const known = wholes.get(one)
        if (known !== undefined) return known
        const score = yield* scoreWhole(one.settings, durationMillis, ground, cost, searchSeed, counted)
        wholes.set(one, score)
        return score
      })
    const isAllowed = mostWorkers === undefined || current!.score.peakWorkers <= mostWorkers
    /** Blocks of a recording begin without what the time before has left behind: all of it is one run. */
    const isKeeper = (one: Judged) =>
      Effect.gen(function* () {
        if (one.score.excess > 1 || (one === current && !isAllowed)) return false
        return !isRecorded || (yield* onWhole(one)).excess <= 1
      })
    const cheapest = (those: ReadonlyArray<Judged>) =>
      Effect.gen(function* () {
        for (const one of byWorth(those)) if (yield* isKeeper(one)) return one
        return undefined
      })
    // What costs as much as today's settings, if those keep the targets, is no answer.
    const limit = (yield* isKeeper(current!)) ? current!.score.cost * unchanged : Infinity
    const left = later.filter(({ score }) => score.cost < limit && (limit === Infinity || score.excess <= 1))
    let best = yield* cheapest(all)
    for (let round = 0; left.length > 0 && (best === undefined || best === current); round++) {
      if (round > 0 && simulated >= budget) break
      const next = left.splice(0, judgedAtOnce).map(({ settings }) => settings)
      all.push(...(yield* judge(next, judging)))
      best = yield* cheapest(all)
    }
    // What is there already, and is no dearer, needs no change.
    const chosen = best === undefined || best.score.cost < limit ? best : current
    const obstacles = chosen === undefined ? yield* whyNot(ground, space.widest, seen, searchSeed, counted) : []
    const spent = simulated
    const seenWhole = (one: Judged): Judged => {
      const score = wholes.get(one)
      return score === undefined ? one : { ...one, whole: score }
    }
    const others = byWorth(all.filter((one) => one !== chosen && one !== current))
    const shown = chosen ?? byWorth(all)[0]!
    if (isRecorded) yield* onWhole(shown)
    const outlook =
      options.isWatched === true
        ? yield* look(shown.settings, durationMillis, ground, cost, `${seed}/outlook`, counted)
        : undefined
    options.onProgress?.(1)
    const asToday = seenWhole(current!)
    return {
      targets,
      cost,
      chosen: chosen === undefined ? undefined : chosen === current ? asToday : seenWhole(chosen),
      today: asToday,
      others: others.map(seenWhole),
      obstacles,
      seen,
      unseen,
      isRecorded,
      draws,
      durationMillis,
      demand: {
        requests: demand.requests,
        perSecond: demand.perSecond,
        busyMean: demand.busyMean,
        busyMost: demand.busyMost
      },
      tried: found.tried.map(({ score, settings }) => ({ settings, score })),
      choices: found.choices,
      stopped: found.stopped,
      simulated: spent,
      ...(outlook === undefined ? {} : { outlook })
    }
  })

/** What runs the tasks of this search: for a thread, which has the options again. */
export const measurerOf = (options: Options): Effect.Effect<Measurer, InvalidPoolConfig | InvalidTarget> =>
  Effect.map(checked(options), ({ durationMillis, targets }) => new Measurer(options, durationMillis, targets))

const whyNot = <E>(
  ground: Ground,
  widest: Settings,
  seen: ReadonlyArray<Span>,
  seed: string,
  run: Run<E>
): Effect.Effect<ReadonlyArray<string>, E> => {
  const parts = whole(seen)
  const tasks = parts.map((part) => taskOf(part, widest, seed))
  return Effect.map(run(tasks), (all) => obstaclesOf(ground, scoreOf(all.map(once), ground.targets, "peak")))
}
