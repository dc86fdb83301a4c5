/** How those end that a queue gives up: for a newer request, or since they have waited for too long. */
import { Exit } from "effect"
import { RequestEvicted, RequestShed } from "../PoolError.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Counters } from "./counters.ts"
import type { Crew } from "./crew.ts"
import { Deadline, type Deadlines, grainMillis } from "./deadlines.ts"
import type { Events } from "./events.ts"
import type { PoolRequest } from "./request.ts"
import { withoutStack } from "./runtime.ts"
import type { Settle } from "./settle.ts"

interface Dependencies {
  readonly counters: Counters
  readonly queue: WaitingRequests
  readonly settle: Settle
}

/** This one was taken out of the queue to make room for another. */
export const evict = (pool: Dependencies, request: PoolRequest, now: number): void => {
  if (pool.queue.overload !== undefined) return shed(pool, request, now)
  pool.settle(request, "evicted", Exit.fail(withoutStack(() => new RequestEvicted({ tag: request.tag }))), now)
}

/** It was taken out, and has not ended. */
const shed = ({ counters, settle }: Dependencies, request: PoolRequest, now: number): void => {
  const waitedMillis = Math.round(now - request.since)
  counters.shed++
  settle(request, "evicted", Exit.fail(withoutStack(() => new RequestShed({ tag: request.tag, waitedMillis }))), now)
}

/** From now on the queue ends those that have waited for too long, where the pool's strategy says so. */
export const connectShedding = (
  pool: Dependencies & { readonly crew: Crew; readonly deadlines: Deadlines; readonly events: Events }
): void => {
  const { crew, deadlines, events, queue } = pool
  const { overload } = queue
  if (overload === undefined) return
  const deadline = new Deadline((now) => {
    overload.onAlarm(now)
    // One that is gone may have stood before others.
    crew.wakeFreed(0)
  })
  overload.connect({
    alarm: {
      set: (at, now) => deadlines.set(deadline, now, Math.max(0, Math.ceil(at - now - grainMillis))),
      clear: () => deadlines.clear(deadline)
    },
    shed: (request, now) => shed(pool, request, now),
    onOverloaded: () => {
      if (events.on) events.publish({ _tag: "Overloaded", waiting: queue.waiting })
    },
    onRecovered: () => {
      if (events.on) events.publish({ _tag: "Recovered" })
    }
  })
}
