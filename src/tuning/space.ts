/** Which settings a search begins with, and which lie next to others. */
import type { Demand } from "./demand.ts"
import { defaultCooldownMillis, type Policy, type Settings } from "./settings.ts"
import type { Target } from "./target.ts"

/** What is known before anything is simulated. */
export interface Ground {
  readonly demand: Demand
  readonly targets: ReadonlyArray<Target>
  /** What is tuned, as it is today; its policy may be one that cannot be written down. */
  readonly today: Omit<Settings, "policy">
  /** No more workers than these. Not there: as many as the load could ever keep busy. */
  readonly mostWorkers: number | undefined
  /** Handlers get slower the more of them run. */
  readonly isSlowedDown: boolean
  /** The pool has limits, or keys or priorities that they are for. */
  readonly hasTurns: boolean
}

export interface Space {
  readonly seeds: ReadonlyArray<Settings>
  /** A worker for each request, if so many are allowed: nobody waits for one. */
  readonly widest: Settings
  /** One step from these, to where it may cost less, or to where the targets may be kept better. */
  readonly cheaper: (settings: Settings) => ReadonlyArray<Settings>
  readonly safer: (settings: Settings) => ReadonlyArray<Settings>
}

export const spaceOf = (ground: Ground): Space => {
  const { demand, today } = ground
  const ceiling = ground.mostWorkers ?? Math.max(today.maxWorkers, Math.ceil(1.2 * demand.busyMost) + 2)
  const workers = (count: number) => Math.max(1, Math.min(ceiling, Math.ceil(count)))
  const base = { ...today, maxWorkers: ceiling, minWorkers: Math.min(ceiling, today.minWorkers) }
  const fixed = (count: number): Settings => {
    const n = workers(count)
    return { ...base, policy: { kind: "fixed", workers: n }, minWorkers: Math.min(n, today.minWorkers), maxWorkers: n }
  }
  const goal = goalOf(ground)
  const adaptive = (
    times: number,
    others: Partial<Settings> = {},
    cooldownMillis = defaultCooldownMillis
  ): Settings => ({
    ...base,
    ...others,
    policy: { kind: "adaptive", waitTargetMillis: wait(goal * times), cooldownMillis, isGuarded: ground.isSlowedDown }
  })
  const queueLength = (threshold: number): Settings => ({
    ...base,
    policy: { kind: "queueLength", threshold, step: Math.max(1, Math.round(demand.busyMean / 10)) },
    scalingIntervalMillis: 100
  })
  const busy = (share: number) => workers(demand.busyIn(share))
  // The first of each kind come first: a small budget goes no further.
  const seeds = interleaved<Settings>([
    [
      demand.busyIn(0.9),
      demand.busyIn(0.99),
      1.05 * demand.busyMean,
      ...[0.999, 0.5].map(demand.busyIn),
      demand.busyMost
    ].map(fixed),
    [1, 2, 0.5, 4, 0.25].map((times) => adaptive(times)),
    [1, 5, 20].map(queueLength),
    [
      ...(demand.keys > 1 ? [2, 4].map((part) => adaptive(1, { keyConcurrency: busy(0.5 / part) })) : []),
      ...(demand.priorities > 1 ? [5000, 120_000].map((agingMillis) => adaptive(1, { agingMillis })) : []),
      ...(ground.isSlowedDown ? [guardless(adaptive(1))] : []),
      adaptive(2, { scalingIntervalMillis: 250 }, 1000),
      adaptive(1, { minWorkers: busy(0.1) }),
      adaptive(2, { minWorkers: busy(0.5) }),
      adaptive(1, {}, 1000),
      adaptive(2, { maxWorkers: Math.max(base.minWorkers, busy(0.99)) })
    ]
  ])
  const levels = steps(ground, goal, ceiling)
  return {
    seeds,
    widest: { ...fixed(ceiling), capacity: "unbounded" },
    cheaper: (settings) => levels(settings, true),
    safer: (settings) => levels(settings, false)
  }
}

const guardless = (settings: Settings): Settings =>
  settings.policy.kind === "adaptive" ? { ...settings, policy: { ...settings.policy, isGuarded: false } } : settings

/** The first of each, then the second of each. */
export const interleaved = <A>(lists: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<A> =>
  Array.from({ length: Math.max(0, ...lists.map(({ length }) => length)) }).flatMap((_, n) =>
    lists.flatMap((list) => (n < list.length ? [list[n]!] : []))
  )

/** The shortest wait that a target allows. */
const goalOf = ({ demand, targets }: Ground): number => {
  const bounds = targets.flatMap(({ bound, measure }) => {
    if (measure.kind === "share") {
      return measure.withinMillis === undefined ? [] : [measure.withinMillis - demand.meanServiceMillis]
    }
    return [measure.of === "wait" ? bound : bound - demand.meanServiceMillis]
  })
  return Math.max(10, Math.min(...bounds.filter((bound) => bound > 0), 10_000))
}

const rounded = (value: number): number => Number(value.toPrecision(2))
const wait = (millis: number): number => Math.ceil(rounded(Math.max(2, Math.min(60_000, millis))))

const steps =
  ({ demand, today }: Ground, goal: number, ceiling: number) =>
  (settings: Settings, isCheaper: boolean): ReadonlyArray<Settings> => {
    const { capacity, keyConcurrency, maxWorkers, minWorkers, policy, scalingIntervalMillis } = settings
    const up = isCheaper ? 1 : -1
    const next: Array<Settings> = []
    const add = (change: Partial<Settings>) => next.push({ ...settings, ...change })
    const ofPolicy = (policy: Policy) => add({ policy })
    if (policy.kind === "fixed") {
      for (const share of [0.04, 0.12]) {
        const n = policy.workers - up * Math.max(1, Math.round(share * policy.workers))
        if (n >= 1 && n <= ceiling) {
          add({ policy: { ...policy, workers: n }, maxWorkers: n, minWorkers: Math.min(n, minWorkers) })
        }
      }
    } else {
      if (policy.kind === "adaptive") {
        const { cooldownMillis, waitTargetMillis } = policy
        // On one ladder, so that two ways to the same place meet there.
        const rung = Math.round(2 * Math.log2(waitTargetMillis / goal))
        for (const far of [2, 1]) ofPolicy({ ...policy, waitTargetMillis: wait(goal * 2 ** ((rung + up * far) / 2)) })
        const cooldown = Math.round(cooldownMillis / 2 ** up)
        if (cooldown >= 250 && cooldown <= 60_000) ofPolicy({ ...policy, cooldownMillis: cooldown })
      } else {
        const threshold = Math.floor(isCheaper ? policy.threshold * 2 : policy.threshold / 2)
        if (threshold >= 1) ofPolicy({ ...policy, threshold })
        const step = isCheaper ? Math.floor(policy.step / 2) : policy.step * 2
        if (step >= 1 && step <= ceiling) ofPolicy({ ...policy, step })
      }
      const least = isCheaper ? Math.floor(minWorkers / 1.4) : Math.max(minWorkers + 1, Math.ceil(minWorkers * 1.4))
      if (least !== minWorkers && least >= Math.min(1, today.minWorkers) && least <= maxWorkers)
        add({ minWorkers: least })
      const most = isCheaper
        ? Math.ceil(Math.min(maxWorkers, 1.1 * demand.busyMost) * 0.9)
        : Math.min(ceiling, Math.ceil(maxWorkers * 1.2))
      if (most !== maxWorkers && most >= Math.max(1, minWorkers)) add({ maxWorkers: most })
      const interval = isCheaper ? scalingIntervalMillis * 2 : Math.round(scalingIntervalMillis / 2)
      if (interval >= 100 && interval <= 5000) add({ scalingIntervalMillis: interval })
      // With fewer workers at a time, but early.
      if (isCheaper && scalingIntervalMillis > 250) add({ scalingIntervalMillis: 250 })
    }
    if (keyConcurrency !== undefined) {
      const most = isCheaper ? Math.ceil(keyConcurrency / 2) : Math.min(ceiling, keyConcurrency * 2)
      if (most !== keyConcurrency) add({ keyConcurrency: most })
    }
    // What would wait for longer than it may is refused at once, as far as a target lets it be.
    const short = Math.max(1, Math.ceil((1.5 * goal * demand.perSecond) / 1000))
    if (isCheaper && (capacity === "unbounded" || short < capacity)) add({ capacity: short })
    if (!isCheaper && capacity !== today.capacity) add({ capacity: today.capacity })
    return next
  }
