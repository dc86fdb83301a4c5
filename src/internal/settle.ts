/** The only place that ends an accepted request and counts its end. */
import { Cause, type Exit } from "effect"
import type { End } from "../Outcome.ts"
import type { Phase } from "../PoolError.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Counters } from "./counters.ts"
import type { DeadLetterBox } from "./deadLetterBox.ts"
import type { Deadlines } from "./deadlines.ts"
import type { Events } from "./events.ts"
import type { LatencyHistogram } from "./histogram.ts"
import { type PoolRequest, toOutcome } from "./request.ts"
import type { Turn } from "./runtime.ts"

export type Settle = (request: PoolRequest, end: End, exit: Exit.Exit<any, any>, now: number) => void

/**
 * The caller has taken the request out of its place in the queue, if it had one, and marked its worker, if it has one.
 * A request that has ended already stays as it is. Listeners run last: by then every count agrees.
 */
export const makeSettle =
  (pool: {
    readonly counters: Counters
    readonly waited: LatencyHistogram
    readonly ran: LatencyHistogram
    readonly deadlines: Deadlines
    readonly deadLetters: DeadLetterBox
    readonly events: Events
    readonly queue: WaitingRequests
    readonly turn: Turn
    readonly onDefect: (request: PoolRequest) => void
    /** Before its caller is told, and after. */
    readonly onSettled: (request: PoolRequest, from: Phase, millis: number) => void
    readonly onTold: () => void
  }): Settle =>
  (request, end, exit, now) => {
    if (request.phase === "ended") return
    const { counters } = pool
    const from = request.phase as Phase
    if (from === "running") counters.running--
    const millis = now - request.since
    request.elapse(now)
    request.phase = "ended"
    request.end = end
    request.exit = exit
    pool.queue.settled(request, now)
    const { details } = request
    if (details !== undefined) {
      if (details.expiry !== undefined) pool.deadlines.clear(details.expiry)
      if (details.delay !== undefined) pool.deadlines.clear(details.delay)
      details.expiry = details.delay = details.retryStep = undefined
      details.spans?.onEnded(request)
      details.spans = details.span = details.asyncContext = details.inherited = details.parent = undefined
    }
    counters.waitedMillis += request.waitedMillis
    counters.ranMillis += request.ranMillis
    pool.waited.record(request.waitedMillis)
    if (request.attempts > 0) pool.ran.record(request.ranMillis)
    switch (end) {
      case "succeeded":
        counters.succeeded++
        break
      case "failed":
        counters.failed++
        if (exit._tag === "Failure" && Cause.hasDies(exit.cause)) {
          counters.defects++
          pool.onDefect(request)
        }
        pool.deadLetters.add(request)
        break
      case "timedOut":
        counters.timedOut++
        pool.deadLetters.add(request)
        break
      case "expired":
        counters.expired++
        break
      case "evicted":
        counters.evicted++
        break
      case "cancelled":
        counters.cancelled++
        break
      case "interrupted":
        counters.interrupted++
        break
    }
    if (pool.events.recorder !== undefined) pool.events.recorder.ended(request, from, millis, now)
    if (pool.events.on) pool.events.publish({ _tag: "RequestEnded", outcome: toOutcome(request) })
    pool.onSettled(request, from, millis)
    pool.turn.tell(request)
    pool.onTold()
  }
