/** The pool's counters: plain numbers, each changed in the same step as what it counts. */
import type { End } from "../Outcome.ts"

export class Counters implements Record<End, number> {
  /** Written by the queue. */
  offered = 0
  abandoned = 0
  refusedFull = 0
  refusedDraining = 0
  accepted = 0
  /** Written by the pool's door. */
  handlerNotFound = 0
  invalid = 0
  /** Written by attempt and settle. */
  running = 0
  ending = 0
  stuck = 0
  attempts = 0
  retries = 0
  /** Written by settle alone. */
  succeeded = 0
  failed = 0
  defects = 0
  timedOut = 0
  expired = 0
  evicted = 0
  cancelled = 0
  interrupted = 0
  waitedMillis = 0
  ranMillis = 0
}
