/** A recording as a load for a simulation: the same arrivals, and attempts as they were or drawn anew. */
import * as checks from "../internal/checks.ts"
import type { Arrival, Arrivals } from "../simulation/arrivals.ts"
import type { Draw } from "../simulation/random.ts"
import type { ServiceTimes } from "../simulation/serviceTimes.ts"
import { isLoad, type Recorded, type RecordedAttempt } from "./recorded.ts"

/** Which part of a recording, and how much of it. */
export interface LoadOptions {
  /** For the names of the load. Default `"recording"`. */
  readonly name?: string | undefined
  /** Milliseconds since the start of the recording. Default `0`. */
  readonly from?: number | undefined
  /** The same; above `from`. Default: the end of the last request. */
  readonly to?: number | undefined
  /**
   * So many times as many requests, over the same time. Each comes once as recorded; its copies come within half a second of it, and
   * below 1 that share of them is kept, at random. Above 0. Default `1`.
   */
  readonly scale?: number | undefined
  /**
   * `"recorded"`: each request's attempts take as long as they took, and end as they ended; what has not run, and what runs more often
   * than it did, is drawn. `"redrawn"`: all are drawn, from those of their type. Default `"recorded"`.
   */
  readonly attempts?: "recorded" | "redrawn" | undefined
}

/** What `Simulation.run` takes. Instants count from `from`. */
export interface RecordedLoad {
  readonly arrivals: Arrivals
  /** Draws from the attempts of the type, wherever in the part they are; for a type that never ran, from all. */
  readonly service: ServiceTimes
  /** By type, the share of the attempts that failed. Those that ran into a timeout are no failures here: they take as long as they took. */
  readonly failures: Readonly<Record<string, number>>
  readonly durationMillis: number
  /** Requests that the arrivals leave out, since a simulation has nothing that would refuse or join them: of the ends `"joined"`, `"refusedDuplicate"` and `"refusedDraining"`. */
  readonly leftOut: number
}

/** The part of a recording that came from `from` on and before `to`, in any order. It keeps what it needs of each. */
export const load = (recorded: Iterable<Recorded>, options: LoadOptions = {}): RecordedLoad => {
  const { attempts = "recorded", from = 0, name = "recording", scale = 1, to } = options
  const arrivals: Array<Arrival> = []
  const times = new Map<string, Tally>()
  let leftOut = 0
  let last = from
  for (const request of recorded) {
    const { atMillis, end, endedAtMillis, key, priority, type } = request
    if (atMillis < from || (to !== undefined && atMillis >= to)) continue
    last = Math.max(last, endedAtMillis)
    if (!isLoad(end)) {
      leftOut++
      continue
    }
    let tally = times.get(type)
    if (tally === undefined) times.set(type, (tally = new Tally()))
    for (const attempt of request.attempts) tally.add(attempt)
    const known = attempts === "recorded" ? knownOf(request.attempts) : []
    arrivals.push({
      atMillis: atMillis - from,
      type,
      ...(key === undefined ? {} : { key }),
      ...(priority === undefined || priority === 0 ? {} : { priority }),
      ...(known.length === 0 ? {} : { attempts: known })
    })
  }
  arrivals.sort((a, b) => a.atMillis - b.atMillis)
  const failures = Object.fromEntries([...times].map(([type, { failed }]) => [type, failed]))
  return {
    arrivals: {
      name,
      invalid: invalidOptions(options, arrivals.length),
      types: [...times.keys()],
      *draw(draw, durationMillis) {
        for (const arrival of scale === 1 ? arrivals : scaled(arrivals, scale, draw)) {
          if (arrival.atMillis > durationMillis) return
          yield arrival
        }
      }
    },
    service: drawn(name, times),
    failures,
    durationMillis: (to ?? last) - from,
    leftOut
  }
}

const invalidOptions = ({ from = 0, scale = 1, to }: LoadOptions, count: number) =>
  checks.finite("from", from) ??
  (to === undefined || to > from ? undefined : checks.wrong("to", `after ${from}`, to)) ??
  checks.finite("scale", scale) ??
  checks.above(0)("scale", scale) ??
  (count > 0 ? undefined : checks.wrong("recording", "at least one request in this part of it", "none"))

/** One that was interrupted would have gone on, nobody knows for how long. */
const knownOf = (attempts: ReadonlyArray<RecordedAttempt>) => {
  const known = []
  for (const { end, millis } of attempts) {
    if (end === "interrupted") break
    known.push({ millis, fails: end === "failed" })
  }
  return known
}

/** The attempts of one type. */
class Tally {
  readonly whole: Array<number> = []
  readonly cut: Array<number> = []
  private failures = 0

  add({ end, millis }: RecordedAttempt): void {
    if (end === "interrupted") this.cut.push(millis)
    else this.whole.push(millis)
    if (end === "failed") this.failures++
  }

  /** Those that were cut short only where there are no others. */
  get millis(): ReadonlyArray<number> {
    return this.whole.length > 0 ? this.whole : this.cut
  }

  get failed(): number {
    return this.whole.length === 0 ? 0 : this.failures / this.whole.length
  }
}

const drawn = (name: string, times: ReadonlyMap<string, Tally>): ServiceTimes => {
  const all = [...times.values()].flatMap(({ millis }) => millis)
  return {
    name: `drawn from ${name}`,
    invalid: all.length > 0 ? undefined : checks.wrong("service", "at least one recorded attempt", "none"),
    meanMillis: all.reduce((sum, millis) => sum + millis, 0) / all.length,
    sampler: (draw) => {
      const samplers = new Map([...times].map(([type, { millis }]) => [type, picker(millis, draw.of(type))] as const))
      const other = picker(all, draw)
      return (type) => samplers.get(type)?.() ?? other()!
    }
  }
}

const picker =
  (values: ReadonlyArray<number>, { uniform }: Draw) =>
  () =>
    values[Math.floor(uniform() * values.length)]

/** Copies of a request come so near to it. Nearer ones would be bursts of their own, farther ones would blur those that there are. */
const spreadMillis = 500

const scaled = (arrivals: ReadonlyArray<Arrival>, scale: number, { uniform }: Draw): ReadonlyArray<Arrival> => {
  const whole = Math.floor(scale)
  const all: Array<Arrival> = []
  for (const arrival of arrivals) {
    const count = whole + (uniform() < scale - whole ? 1 : 0)
    for (let n = 0; n < count; n++) {
      const shift = n === 0 ? 0 : (2 * uniform() - 1) * spreadMillis
      all.push(n === 0 ? arrival : { ...arrival, atMillis: Math.max(0, arrival.atMillis + shift) })
    }
  }
  return all.sort((a, b) => a.atMillis - b.atMillis)
}
