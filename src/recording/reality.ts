/** What really happened, in the figures of a simulation: the same meter, led through what a recording has. */
import { Meter, type MeterOptions } from "../simulation/meter.ts"
import type { Ended } from "../simulation/meter.ts"
import type { Figures } from "../simulation/report.ts"
import type { Job } from "../simulation/workload.ts"
import { isLoad, isRefused, type Recorded, type RecordedEnd } from "./recorded.ts"
import type { Mark } from "./rows.ts"

export interface RealityOptions extends Pick<MeterOptions, "warmupMillis" | "waitTargetMillis" | "tickMillis"> {
  /** Milliseconds since the start of the recording. */
  readonly fromMillis: number
  readonly durationMillis: number
}

/** A mark, and of which recording it is. */
export type SaltedMark = Mark & { readonly salt: string }

/** Of the requests that came in that time, until the last of them has ended. Without marks no worker is known of. */
export const realityOf = (
  recorded: Iterable<Recorded>,
  marks: ReadonlyArray<SaltedMark>,
  { durationMillis, fromMillis, ...options }: RealityOptions
): Figures => {
  const meter = new Meter({ ...options, durationMillis, capacity: undefined })
  const steps: Array<Step> = []
  let index = 0
  for (const request of recorded) {
    const atMillis = request.atMillis - fromMillis
    if (isLoad(request.end) && atMillis >= 0 && atMillis < durationMillis)
      steps.push(...stepsOf(request, atMillis, fromMillis, index++))
  }
  const lastMillis = steps.reduce((last, { atMillis }) => Math.max(last, atMillis), durationMillis)
  for (const { atMillis, workers } of workersBetween(marks)) {
    const at = Math.max(0, atMillis - fromMillis)
    if (at <= lastMillis) steps.push({ atMillis: at, order: -1, do: (state) => void (state.workers = workers) })
  }
  steps.sort((a, b) => a.atMillis - b.atMillis || a.order - b.order)
  const state: State = { meter, waiting: 0, workers: 0 }
  steps.forEach((step, n) => {
    step.do(state)
    // As in a simulation: once all is done that happens at that instant.
    if (steps[n + 1]?.atMillis === step.atMillis) return
    meter.onInstant(step.atMillis, { waiting: state.waiting, blocked: 0, workers: state.workers })
  })
  meter.onInstant(lastMillis, { waiting: state.waiting, blocked: 0, workers: state.workers })
  // Between two marks nobody knows when the number of workers has changed, and how often.
  return { policy: "recorded", ...meter.finish(lastMillis), reversals: 0, decisions: [] }
}

interface State {
  readonly meter: Meter
  waiting: number
  workers: number
}

interface Step {
  readonly atMillis: number
  /** Of two at one instant the lower one comes first. */
  readonly order: number
  readonly do: (state: State) => void
}

const stepsOf = (request: Recorded, atMillis: number, fromMillis: number, index: number): ReadonlyArray<Step> => {
  const { attempts, end, endedAtMillis, key, priority, type } = request
  const job: Job = {
    atMillis,
    type,
    ...(key === undefined ? {} : { key }),
    ...(priority === undefined ? {} : { priority }),
    index,
    serviceMillis: attempts[0]?.millis ?? 0,
    luck: 0,
    startedAt: undefined
  }
  const last = attempts.at(-1)
  const isEndedByLast = last !== undefined && endedAtMillis - last.startedAtMillis - last.millis < 0.001
  const steps: Array<Step> = [
    {
      atMillis,
      order: 0,
      do: (state) => {
        state.meter.onArrival(job)
        if (!isRefused(end)) state.waiting++
      }
    }
  ]
  attempts.forEach(({ millis, startedAtMillis }, n) => {
    const startedAt = startedAtMillis - fromMillis
    steps.push({
      atMillis: startedAt,
      order: 1,
      do: (state) => {
        state.waiting--
        if (n === 0) state.meter.onStart(job, startedAt)
        else state.meter.onRetry(job)
      }
    })
    const endedAt = startedAt + millis
    steps.push({
      atMillis: endedAt,
      order: 2,
      do: (state) => {
        state.meter.onServed(job, startedAt, endedAt)
        // Between two attempts it waits again.
        if (n + 1 < attempts.length || !isEndedByLast) state.waiting++
      }
    })
  })
  const endedAt = endedAtMillis - fromMillis
  steps.push({
    atMillis: endedAt,
    order: 3,
    do: (state) => {
      state.meter.onEnd(job, endOf(end), endedAt, end === "shed")
      if (!isRefused(end) && !isEndedByLast) state.waiting--
    }
  })
  return steps
}

const ended: Readonly<Partial<Record<RecordedEnd, Ended>>> = {
  succeeded: "completed",
  failed: "failed",
  timedOut: "timedOut",
  expired: "expired",
  // Its time was over before it was let in, or its caller's patience was.
  abandoned: "expired",
  evicted: "evicted",
  shed: "evicted"
}

/** The same of a simulated request. */
export const endOf = (end: RecordedEnd): Ended => (isRefused(end) ? "refused" : (ended[end] ?? "interrupted"))

/** How many there were from each mark to the next: on average, as the marks count their time. */
const workersBetween = (
  marks: ReadonlyArray<SaltedMark>
): ReadonlyArray<{ readonly atMillis: number; readonly workers: number }> => {
  const bySalt = Map.groupBy(marks, ({ salt }) => salt)
  const changes = [...bySalt.values()].flatMap((own) =>
    own.map((mark, n) => {
      const next = own[n + 1]
      const millis = next === undefined ? 0 : next.atMillis - mark.atMillis
      const workers = millis > 0 ? (next!.workerMillis - mark.workerMillis) / millis : mark.closed ? 0 : mark.workers
      return { atMillis: mark.atMillis, salt: mark.salt, workers }
    })
  )
  const now = new Map<string, number>()
  return changes
    .sort((a, b) => a.atMillis - b.atMillis)
    .map(({ atMillis, salt, workers }) => {
      now.set(salt, workers)
      return { atMillis, workers: [...now.values()].reduce((sum, count) => sum + count, 0) }
    })
}
