/** Counts for tests of what reads them: all of their laws hold. */
import type * as PoolSnapshot from "../../src/PoolSnapshot.ts"
import type { Proposal, ScalingPolicy, ScalingSignals } from "../../src/ScalingPolicy.ts"

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
  refusedOpen: 0,
  refusedDuplicate: 0,
  joined: 0,
  accepted: 14,
  waiting: 2,
  delayed: 3,
  scheduled: 0,
  heldBack: 0,
  keys: 0,
  limits: {},
  running: 2,
  batched: 0,
  shed: 0,
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
  retriesDenied: 0,
  handlerNotFound: 0,
  invalid: 0,
  waitedMillis: 0,
  ranMillis: 0,
  workers: 5,
  idle: 1,
  ending: 1,
  stuck: 1,
  lent: 0,
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
      runningMillis: 100,
      succeededMillis: 100,
      heldBack: 0,
      batches: 0,
      needless: 0
    }
  }
}

export const signals: ScalingSignals = { ...snapshot, epochMillis: 0, intervalMillis: 1000 }

/** What happened in one second of a made-up pool with one handler, `"Work"`. */
export interface Second {
  readonly arrived: number
  /** Attempts that ended, and how long each took. */
  readonly ended?: number
  readonly millis?: number
  readonly waiting?: number
  readonly running?: number
  readonly failed?: number
  readonly timedOut?: number
  readonly shed?: number
  readonly paused?: boolean
  readonly epochMillis?: number
}

/**
 * Lets a policy live through these seconds, from `workers` on, and answers what it wanted at each. It gets what it asks
 * for; whatever arrives has begun and, unless told otherwise, ended within its second.
 */
export const live = (
  policy: ScalingPolicy,
  seconds: ReadonlyArray<Second>,
  workers = 1
): ReadonlyArray<Omit<Proposal<unknown>, "state"> & { readonly target: number }> => {
  let state = policy.initial
  let target = workers
  let at = 0
  let offered = 0
  let ended = 0
  let occupiedMillis = 0
  let succeeded = 0
  let succeededMillis = 0
  let failed = 0
  let timedOut = 0
  let shed = 0
  return seconds.map((second) => {
    const millis = second.millis ?? 100
    const ends = second.ended ?? second.arrived
    at += 1000
    offered += second.arrived
    ended += ends
    occupiedMillis += ends * millis
    failed += second.failed ?? 0
    timedOut += second.timedOut ?? 0
    shed += second.shed ?? 0
    const good = ends - (second.failed ?? 0) - (second.timedOut ?? 0)
    succeeded += good
    succeededMillis += good * millis
    const running = second.running ?? Math.min(target, Math.ceil((second.arrived * millis) / 1000))
    const work = {
      offered,
      attempts: ended + running,
      retries: 0,
      running,
      succeeded,
      failed,
      timedOut,
      occupiedMillis,
      runningMillis: 0,
      succeededMillis,
      heldBack: 0,
      batches: 0,
      needless: 0
    }
    const { state: next, ...proposal } = policy.decide(
      {
        ...signals,
        atMillis: at,
        epochMillis: second.epochMillis ?? at,
        paused: second.paused ?? false,
        waiting: second.waiting ?? 0,
        blocked: 0,
        shed,
        running,
        ending: 0,
        workers: target,
        target,
        minWorkers: 0,
        maxWorkers: 10_000,
        handlers: { Work: work }
      },
      state
    )
    const answer = { ...proposal, target }
    state = next
    target = proposal.workers
    return answer
  })
}

/** The same second, `n` times. */
export const times = (n: number, second: Second): ReadonlyArray<Second> => Array.from({ length: n }, () => second)
