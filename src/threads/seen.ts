/** What is seen of threads from outside: how many there are, and what becomes of each. */
import type { Capacity } from "../index.ts"
import type { Thread } from "./thread.ts"

/** How many threads there are, by what they do, and what has become of those that there were. */
export interface Stats {
  /** Not ready yet. */
  readonly starting: number
  /** Ready, and free. */
  readonly idle: number
  /** Each runs an attempt. */
  readonly busy: number
  /** On their way out; those that were killed may still compute. */
  readonly dying: number
  /** Killed, and still there long after: they run native code. */
  readonly stuck: number
  /** Ever started. */
  readonly started: number
  /** Killed, since an attempt had not ended in time or took too much memory. */
  readonly killed: number
  /** Ended by themselves, or from outside, though nobody had asked for it. */
  readonly crashed: number
  /** How long the last one took to become ready, in milliseconds; `undefined`: none has. */
  readonly startMillis: number | undefined
}

/** Of all that there ever were. */
export interface Totals {
  threads: number
  killed: number
  crashed: number
}

export const statsOf = (
  threads: Iterable<Thread>,
  { crashed, killed, threads: started }: Totals,
  startMillis: number | undefined
): Stats => {
  const by = { starting: 0, idle: 0, busy: 0, dying: 0, stuck: 0, gone: 0 }
  for (const { isStuck, state } of threads) by[isStuck ? "stuck" : state]++
  const { gone: _, ...now } = by
  return { ...now, started, killed, crashed, startMillis }
}

/** The same for the snapshots and metrics of pools. */
export const countsOf = ({ crashed, killed, startMillis, started, ...now }: Stats): Capacity.ThreadCounts => ({
  now,
  total: { started, killed, crashed },
  startMillis
})

/** Whatever a thread has thrown: more characters than these say nothing more. */
const mostDetail = 500

/** An event of each pool that shares the places. */
export const tell = (
  places: Capacity.Places,
  { id, task }: Thread,
  change: Capacity.ThreadChange["change"],
  detail?: string
): void => {
  if (!places.isHeard) return
  places.publish({
    thread: id,
    change,
    ...(task !== undefined && { tag: task.tag }),
    ...(detail !== undefined && { detail: detail.slice(0, mostDetail) })
  })
}
