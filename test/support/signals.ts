/** Counts for tests of what reads them: all of their laws hold. */
import type * as PoolSnapshot from "../../src/PoolSnapshot.ts"
import type { ScalingSignals } from "../../src/ScalingPolicy.ts"

export const snapshot: PoolSnapshot.PoolSnapshot = {
  pool: "p",
  state: "open",
  paused: false,
  atMillis: 0,
  offered: 20,
  blocked: 1,
  abandoned: 2,
  refused: 3,
  refusedFull: 1,
  refusedDraining: 2,
  accepted: 14,
  waiting: 2,
  delayed: 3,
  running: 2,
  succeeded: 1,
  failed: 1,
  timedOut: 1,
  expired: 1,
  evicted: 1,
  cancelled: 1,
  interrupted: 1,
  defects: 0,
  attempts: 9,
  retries: 2,
  handlerNotFound: 0,
  invalid: 0,
  waitedMillis: 0,
  ranMillis: 0,
  workers: 5,
  idle: 1,
  ending: 1,
  stuck: 1,
  target: 5,
  retiring: 0,
  minWorkers: 1,
  maxWorkers: 4,
  maxStuckWorkers: 0,
  capacity: 10,
  handlers: {
    Work: {
      offered: 20,
      attempts: 9,
      retries: 2,
      running: 4,
      succeeded: 1,
      failed: 1,
      timedOut: 1,
      occupiedMillis: 900,
      succeededMillis: 100
    }
  }
}

export const signals: ScalingSignals = { ...snapshot, epochMillis: 0, intervalMillis: 1000 }
