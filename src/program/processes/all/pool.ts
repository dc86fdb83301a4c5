/** What several processes tell of their pools, as that of one. */
import type { Point } from "../../../http/points.ts"
import type { PoolResource } from "../../../http/shapes.ts"

/** What `GET /pool` tells. */
export type Pool = typeof PoolResource.Type

export type Counts = Readonly<Record<string, number>>
type Bounds = Point["bounds"]
type Limit = Point["limits"][string]

export const sumOf = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, number) => sum + number, 0)

/** Each member of the sum of all. */
export const added = (all: ReadonlyArray<Counts>): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
  return sums
}

/** Those that have ended have nothing under way any more. What they had then is lost. */
const underWay = ["blocked", "waiting", "heldBack", "delayed", "scheduled", "running", "batched"]

export const onlyEnded = (requests: Counts): { readonly counts: Counts; readonly lost: number } => {
  const { blocked = 0, delayed = 0, running = 0, waiting = 0 } = requests
  const lost = waiting + delayed + running
  const counts: Record<string, number> = { ...requests }
  for (const name of underWay) counts[name] = 0
  // Neither accepted nor offered, as far as can be told: what is told of the others adds up.
  counts["accepted"] = (counts["accepted"] ?? 0) - lost
  counts["offered"] = (counts["offered"] ?? 0) - lost - blocked
  return { counts, lost }
}

export type Processes = NonNullable<Pool["processes"]>

/**
 * Bounds are those of the processes that take requests, in their order; counts those of all that there are, and of those that
 * have ended.
 */
export const mergePools = (
  serving: ReadonlyArray<Pool>,
  leaving: ReadonlyArray<Pool>,
  gone: Counts,
  processes: Processes,
  policy: string
): Pool => {
  const all = [...serving, ...leaving]
  const current = serving.length > 0 ? serving : all
  const recurring = all.flatMap(({ recurring = [] }) => recurring)
  return {
    ...current[0]!,
    state: stateOf(current),
    paused: current.every(({ paused }) => paused),
    policy,
    held: heldOf(current),
    explain: current.map(({ explain }) => explain).join("\n"),
    bounds: boundsOf(current),
    capacity: current.some(({ capacity }) => capacity === "unbounded")
      ? "unbounded"
      : sumOf(current.map(({ capacity }) => Number(capacity))),
    workers: added(all.map(({ workers }) => workers)),
    requests: added([...all.map(({ requests }) => requests), gone]),
    keys: Math.max(...all.map(({ keys }) => keys)),
    limits: mergeLimits(
      current.map(({ limits }) => limits),
      leaving.map(({ limits }) => limits)
    ),
    ...(current[0]!.overloaded !== undefined && { overloaded: current.some(({ overloaded }) => overloaded === true) }),
    ...(recurring.length > 0 && { recurring }),
    deadLetters: sumOf(all.map(({ deadLetters }) => deadLetters ?? 0)),
    processes
  }
}

/** A point of each, of the same second. What is no count is that of the process where it is worst; bounds are of those that serve. */
export const mergePoints = (
  points: ReadonlyArray<Point>,
  serving: ReadonlyArray<Point>,
  at: number,
  policy: string
): Point => {
  const current = serving.length > 0 ? serving : points
  const worst = (of: "ran" | "waited") => {
    const told = points.flatMap((point) => point[of] ?? [])
    if (told.length === 0) return null
    const most = (share: "p50" | "p95" | "p99") => Math.max(...told.map((percentiles) => percentiles[share]))
    return { p50: most("p50"), p95: most("p95"), p99: most("p99") }
  }
  const sum = (of: (point: Point) => number) => sumOf(points.map(of))
  const first = points[0]!
  return {
    ...first,
    at,
    workers: added(points.map(({ workers }) => workers)) as Point["workers"],
    rates: added(points.map(({ rates }) => rates)) as Point["rates"],
    waiting: sum(({ waiting }) => waiting),
    heldBack: sum(({ heldBack }) => heldBack),
    keys: Math.max(...points.map(({ keys }) => keys)),
    limits: mergeLimits(
      current.map(({ limits }) => limits),
      points.filter((point) => !current.includes(point)).map(({ limits }) => limits)
    ),
    delayed: sum(({ delayed }) => delayed),
    scheduled: sum(({ scheduled }) => scheduled),
    running: sum(({ running }) => running),
    batched: sum(({ batched }) => batched),
    attempts: sum(({ attempts }) => attempts),
    joined: sum(({ joined }) => joined),
    shed: sum(({ shed }) => shed),
    retriesDenied: sum(({ retriesDenied }) => retriesDenied),
    deadLetters: sum(({ deadLetters }) => deadLetters ?? 0),
    ...(first.overloaded !== undefined && { overloaded: points.some(({ overloaded }) => overloaded === true) }),
    waited: worst("waited"),
    ran: worst("ran"),
    state: stateOf(current),
    paused: current.every(({ paused }) => paused),
    held: heldOf(current),
    policy,
    bounds: boundsOf(current),
    eventLoopDelayMillis: Math.max(...points.map(({ eventLoopDelayMillis }) => eventLoopDelayMillis))
  }
}

/** Open as long as one is. */
const stateOf = (all: ReadonlyArray<Pick<Point, "state">>): Point["state"] =>
  (["open", "draining", "closed"] as const).find((state) => all.some((one) => one.state === state))!

const heldOf = (all: ReadonlyArray<Pick<Point, "held">>): number | null => {
  const held = all.flatMap(({ held }) => (held === null ? [] : [held]))
  return held.length < all.length ? null : sumOf(held)
}

const boundsOf = (all: ReadonlyArray<{ readonly bounds: Bounds }>): Bounds => ({
  minWorkers: sumOf(all.map(({ bounds }) => bounds.minWorkers)),
  maxWorkers: sumOf(all.map(({ bounds }) => bounds.maxWorkers))
})

type Limits = Readonly<Record<string, Limit>>

const mergeLimits = (serving: ReadonlyArray<Limits>, leaving: ReadonlyArray<Limits>): Limits =>
  Object.fromEntries(
    Object.keys(serving[0] ?? {}).map((name) => {
      const current = serving.flatMap((limits) => limits[name] ?? [])
      return [name, mergeLimit(current, [...current, ...leaving.flatMap((limits) => limits[name] ?? [])])]
    })
  )

export const mergeLimit = (current: ReadonlyArray<Limit>, all: ReadonlyArray<Limit>): Limit => {
  const first = current[0]!
  const rates = current.flatMap(({ rate }) => (rate === "none" ? [] : [rate]))
  const breakers = all.flatMap(({ breaker }) => breaker ?? [])
  const threads = all.flatMap(({ threads }) => threads ?? [])
  const sum = (of: "running" | "heldBack" | "started" | "gates") => sumOf(all.map((limit) => limit[of]))
  return {
    concurrency: first.concurrency === "none" ? "none" : sumOf(current.map(({ concurrency }) => Number(concurrency))),
    rate:
      rates.length === 0
        ? "none"
        : {
            limit: sumOf(rates.map(({ limit }) => limit)),
            period: rates[0]!.period,
            burst: sumOf(rates.map(({ burst }) => burst))
          },
    paused: current.every(({ paused }) => paused),
    running: sum("running"),
    heldBack: sum("heldBack"),
    started: sum("started"),
    gates: sum("gates"),
    ...(breakers.length > 0 && {
      breaker: {
        per: breakers[0]!.per,
        open: sumOf(breakers.map(({ open }) => open)),
        halfOpen: sumOf(breakers.map(({ halfOpen }) => halfOpen)),
        opened: sumOf(breakers.map(({ opened }) => opened))
      }
    }),
    ...(threads.length > 0 && {
      threads: {
        now: added(threads.map(({ now }) => now)) as NonNullable<Limit["threads"]>["now"],
        total: added(threads.map(({ total }) => total)) as NonNullable<Limit["threads"]>["total"],
        startMillis: Math.max(...threads.map(({ startMillis }) => startMillis ?? 0)) || null
      }
    })
  }
}
