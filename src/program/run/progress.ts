/** Says how far the run is: on a terminal a live line, elsewhere a plain line now and then. */
import { Clock, Effect } from "effect"
import type { PoolSnapshot, WorkerPool } from "../../index.ts"
import { duration } from "../output/duration.ts"
import type { StatusLine } from "../output/statusLine.ts"
import type { Tally } from "./tally.ts"

export interface Progress {
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly tally: Tally
  /** The number of lines with a request; `undefined` for a stream. */
  readonly total: number | undefined
  readonly startedAt: number
  readonly statusLine: StatusLine
}

const redrawMillis = 125
const plainMillis = 5000
/** How often the workers are counted: a change of a shorter time is not seen. */
const lookMillis = 25

export const watch = Effect.fnUntraced(function* ({ pool, startedAt, statusLine, tally, total }: Progress) {
  const every = statusLine.isTerminal ? redrawMillis : plainMillis
  const rate = new Rate(startedAt)
  let last = startedAt
  for (;;) {
    yield* Effect.sleep(lookMillis)
    const snapshot = yield* pool.snapshot
    // Once it is closed it has none.
    if (snapshot.state !== "closed") tally.see(snapshot)
    const now = Number(yield* Clock.monotonicTimeNanos) / 1e6
    if (now - last < every) continue
    last = now
    const line = progressLine(tally, snapshot, rate.at(now, tally.done - tally.earlier), total)
    if (statusLine.isTerminal) statusLine.draw(line)
    else statusLine.print(`worker-pool: ${line}`)
  }
})

/** Lines per second over the last seconds. */
export class Rate {
  private readonly marks: Array<readonly [at: number, done: number]>

  constructor(startedAt: number) {
    this.marks = [[startedAt, 0]]
  }

  at(now: number, done: number): number {
    const { marks } = this
    marks.push([now, done])
    while (marks.length > 2 && now - marks[1]![0] > 5000) marks.shift()
    const [then, before] = marks[0]!
    return now === then ? 0 : ((done - before) * 1000) / (now - then)
  }
}

export const progressLine = (
  { bad, done }: Pick<Tally, "bad" | "done">,
  { delayed, scheduled, state, stuck, waiting, workers }: Counts,
  perSecond: number,
  total: number | undefined
): string =>
  [
    total === undefined ? `${done} done` : `${done} of ${total} done`,
    `${bad} failed`,
    `${Math.round(perSecond)}/s`,
    `${workers} workers`,
    `${waiting + delayed - scheduled} waiting`,
    ...(scheduled > 0 ? [`${scheduled} later`] : []),
    ...(stuck > 0 ? [`${stuck} stuck`] : []),
    ...(total !== undefined && perSecond > 0 ? [`${duration((total - done) / perSecond)} left`] : [])
  ].join(", ") + (state === "open" ? "" : ", stopping")

type Counts = Pick<PoolSnapshot.PoolSnapshot, "delayed" | "scheduled" | "state" | "stuck" | "waiting" | "workers">
