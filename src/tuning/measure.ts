/** One simulation of a part of the load under one choice of settings, and of it what the targets and the cost ask for. */
import { type Duration, Effect } from "effect"
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { ScalingPolicy } from "../ScalingPolicy.ts"
import * as Simulation from "../Simulation.ts"
import { Histogram } from "../simulation/histogram.ts"
import { merge } from "../simulation/labels.ts"
import { DrawnLoad, type Load, type Span } from "./load.ts"
import { policyOf, poolOf, type Settings } from "./settings.ts"
import { isOf, type Target } from "./target.ts"

/** What all tasks of a search have in common. */
export interface Common {
  readonly load: Load
  /** What it is like when its service times are drawn anew. Default: as `load` is drawn. */
  readonly redrawn?: Load | undefined
  /** Twice as many requests over the same time. Default: two draws of `load` together. */
  readonly doubled?: Load | undefined
  /** How long requests arrive. */
  readonly duration: Duration.Input
  /** The pool as it is today. */
  readonly pool?: Simulation.Options["pool"]
  /** That of today. Default `ScalingPolicy.adaptive()`. */
  readonly policy?: ScalingPolicy | undefined
}

/** One simulation, as plain data: it may cross to a thread. */
export interface Task extends Span {
  readonly settings: Settings | "today"
  /** What arrives so long before `fromMillis` is simulated, and counts for nothing. */
  readonly warmupMillis: number
  readonly seed: string
  /** Which of the loads. */
  readonly of: "load" | "redrawn" | "doubled"
  /** Whether it is asked for the seconds of the run. */
  readonly isWatched?: boolean | undefined
}

/** Of one target: how many requests it speaks of, and their times, or how many of them there were. */
export interface Mark {
  readonly count: number
  readonly times?: ReadonlyArray<number> | undefined
  readonly hits?: number | undefined
}

/** What one task came to. Plain data too. */
export interface Measured {
  /** Requests that were simulated, those of the warm-up among them. */
  readonly requests: number
  readonly millis: number
  readonly workerMillis: number
  /** The most workers of a second, on average. */
  readonly peak: number
  /** One for each target. */
  readonly marks: ReadonlyArray<Mark>
  /** The seconds of the run, for whoever asked. */
  readonly windows?: ReadonlyArray<Simulation.Window> | undefined
}

/** Runs tasks. Keep it: it remembers the load that it drew last. */
export class Measurer {
  private readonly loads: Readonly<Record<Task["of"], DrawnLoad>>
  private readonly common: Common
  private readonly targets: ReadonlyArray<Target>

  constructor(common: Common, durationMillis: number, targets: ReadonlyArray<Target>) {
    this.common = common
    this.targets = targets
    const { load, redrawn, doubled = { ...load, arrivals: merge(load.arrivals, load.arrivals) } } = common
    const drawn = (load: Load) => new DrawnLoad(load, durationMillis)
    const asIs = drawn(load)
    this.loads = { load: asIs, redrawn: redrawn === undefined ? asIs : drawn(redrawn), doubled: drawn(doubled) }
  }

  /** Simulates what a task asks for. Fails where the options of the pool do not go together. */
  run(task: Task): Effect.Effect<Measured, InvalidPoolConfig> {
    return Effect.suspend(() => {
      const { seed, toMillis, warmupMillis } = task
      const drawn = this.loads[task.of]
      const span = { fromMillis: task.fromMillis - warmupMillis, toMillis }
      const tally = new Tally(this.targets, warmupMillis)
      return Effect.map(
        Simulation.run({
          ...drawn.load,
          ...this.chosen(task.settings),
          arrivals: drawn.part(seed, span),
          downstream: shifted(drawn.load.downstream, span.fromMillis),
          duration: span.toMillis - span.fromMillis,
          warmup: warmupMillis,
          seed,
          onEnd: (request) => tally.add(request)
        }),
        ({ windows }) => ({
          ...tally.finish(windows, toMillis - span.fromMillis),
          ...(task.isWatched === true ? { windows: windows.filter(({ fromMillis }) => fromMillis < toMillis) } : {})
        })
      )
    })
  }

  private chosen(settings: Settings | "today"): Pick<Simulation.Options, "policy" | "pool"> {
    const { policy, pool = {} } = this.common
    const quiet = { ...pool, deadLetters: 0, decisions: 0 }
    return settings === "today"
      ? { policy, pool: quiet }
      : { policy: policyOf(settings.policy), pool: poolOf(settings, quiet) }
  }
}

/** Outages are told from the start of the load, and a part begins later. */
const shifted = (downstream: Load["downstream"], byMillis: number): Load["downstream"] => {
  if (downstream?.outages === undefined) return downstream
  const outages = downstream.outages.flatMap(({ fromMillis, untilMillis }) =>
    untilMillis <= byMillis
      ? []
      : [{ fromMillis: Math.max(0, fromMillis - byMillis), untilMillis: untilMillis - byMillis }]
  )
  return { ...downstream, outages }
}

/** Counts what the targets ask for. */
export class Tally {
  private requests = 0
  private readonly counts: ReadonlyArray<{ count: number; hits: number; readonly times: Histogram | undefined }>
  private readonly targets: ReadonlyArray<Target>
  private readonly warmupMillis: number

  constructor(targets: ReadonlyArray<Target>, warmupMillis: number) {
    this.targets = targets
    this.warmupMillis = warmupMillis
    this.counts = targets.map(({ measure }) => ({
      count: 0,
      hits: 0,
      times: measure.kind === "time" ? new Histogram() : undefined
    }))
  }

  add(request: Simulation.SimulatedRequest): void {
    this.requests++
    const { atMillis, end, endedAt, startedAt } = request
    if (atMillis < this.warmupMillis) return
    for (const [n, target] of this.targets.entries()) {
      if (!isOf(target, request)) continue
      const { measure } = target
      const counts = this.counts[n]!
      if (measure.kind === "share") {
        counts.count++
        if (isHit(measure, end, endedAt - atMillis)) counts.hits++
      } else if (end !== "refused") {
        counts.count++
        counts.times!.add((measure.of === "wait" ? (startedAt ?? endedAt) : endedAt) - atMillis)
      }
    }
  }

  /** The seconds that count are those from the warm-up on, while requests arrive. */
  finish(windows: ReadonlyArray<Simulation.Window>, untilMillis: number): Measured {
    let [workerMillis, peak] = [0, 0]
    for (const { fromMillis, workers } of windows) {
      const millis = Math.min(untilMillis, fromMillis + 1000) - Math.max(this.warmupMillis, fromMillis)
      if (millis <= 0) continue
      workerMillis += workers * millis
      peak = Math.max(peak, workers)
    }
    return {
      requests: this.requests,
      millis: untilMillis - this.warmupMillis,
      workerMillis,
      peak,
      marks: this.counts.map(({ count, hits, times }) =>
        times === undefined ? { count, hits } : { count, times: times.sparse }
      )
    }
  }
}

const isHit = (measure: Target["measure"] & { readonly kind: "share" }, end: string, tookMillis: number): boolean => {
  const { of, withinMillis = Infinity } = measure
  if (of === "good") return end === "completed" && tookMillis <= withinMillis
  return of === "lost" ? end === "refused" || end === "evicted" || end === "expired" : end === of
}
