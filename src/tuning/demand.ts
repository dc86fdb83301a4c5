/** What a load asks for, whatever pool meets it: the same with a worker for each request. */
import { Histogram } from "../simulation/histogram.ts"
import { jobs } from "../simulation/workload.ts"
import { type DrawnLoad, firstFrom, type Span } from "./load.ts"
import { isOf, type Target } from "./target.ts"

export interface Demand {
  readonly requests: number
  readonly perSecond: number
  /** Of what it has several, that can be told apart. */
  readonly keys: number
  readonly priorities: number
  /** Workers that would be busy if each request began at once: on average, at most, and in a share of the time. */
  readonly busyMean: number
  readonly busyMost: number
  readonly busyIn: (share: number) => number
  readonly meanServiceMillis: number
  /** How long those requests work of which a target speaks. */
  readonly serviceOf: (target: Target) => Histogram
  /** Requests that arrive in this time, and the worker-milliseconds that they ask for. */
  readonly within: (span: Span) => { readonly requests: number; readonly workMillis: number }
}

export const demandOf = (
  load: DrawnLoad,
  seed: string,
  durationMillis: number,
  targets: ReadonlyArray<Target>
): Demand => {
  const arrivals = load.part(seed, { fromMillis: 0, toMillis: durationMillis })
  const keys = new Set<string>()
  const priorities = new Set<number>()
  const services = new Map(targets.map((target) => [target, new Histogram()] as const))
  const starts: Array<number> = []
  const work: Array<number> = [0]
  for (const job of jobs(arrivals, load.load.service, durationMillis, seed)) {
    if (job.key !== undefined) keys.add(job.key)
    priorities.add(job.priority ?? 0)
    starts.push(job.atMillis)
    work.push(work.at(-1)! + job.serviceMillis)
    for (const [target, service] of services) if (isOf(target, job)) service.add(job.serviceMillis)
  }
  const ends = Float64Array.from(starts, (start, n) => start + work[n + 1]! - work[n]!).sort()
  const busy = profile(starts, ends, durationMillis)
  const requests = starts.length
  const upTo = (millis: number) => firstFrom(requests, (n) => starts[n]!, millis)
  return {
    requests,
    perSecond: (1000 * requests) / durationMillis,
    keys: keys.size,
    priorities: priorities.size,
    busyMean: work.at(-1)! / durationMillis,
    busyMost: busy.length - 1,
    busyIn: (share) => levelAt(busy, share),
    meanServiceMillis: requests === 0 ? 0 : work.at(-1)! / requests,
    serviceOf: (target) => services.get(target)!,
    within: ({ fromMillis, toMillis }) => {
      const [from, to] = [upTo(fromMillis), toMillis >= durationMillis ? requests : upTo(toMillis)]
      return { requests: to - from, workMillis: work[to]! - work[from]! }
    }
  }
}

/** How long so many are busy at once: at each number, the milliseconds. */
const profile = (starts: ReadonlyArray<number>, ends: Float64Array, durationMillis: number): ReadonlyArray<number> => {
  const millis = [0]
  let [busy, at, ended] = [0, 0, 0]
  const pass = (until: number) => {
    const end = Math.min(until, durationMillis)
    millis[busy] = (millis[busy] ?? 0) + Math.max(0, end - at)
    at = Math.max(at, end)
  }
  for (const start of starts) {
    while (ended < ends.length && ends[ended]! <= start) {
      pass(ends[ended++]!)
      busy--
    }
    pass(start)
    busy++
  }
  for (; ended < ends.length; ended++) {
    pass(ends[ended]!)
    busy--
  }
  return millis
}

/** The least number that is enough in this share of the time. */
const levelAt = (millis: ReadonlyArray<number>, share: number): number => {
  let left = share * millis.reduce((sum, one) => sum + one, 0)
  for (const [busy, time] of millis.entries()) if ((left -= time) <= 0) return busy
  return millis.length - 1
}
