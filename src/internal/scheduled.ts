/** How a request is kept until its time has come: until its first attempt, or between two. */
import type { WaitingRequests } from "../RequestQueue.ts"
import { Deadline, type Deadlines, grainMillis } from "./deadlines.ts"
import { interruptedExit } from "./exits.ts"
import { Details, type PoolRequest } from "./request.ts"
import type { Settle } from "./settle.ts"

export interface Dependencies {
  readonly deadlines: Deadlines
  readonly queue: WaitingRequests
  readonly settle: Settle
  /** Until when this request may come back from its delay. `Infinity` unless the pool drains. */
  readonly latestReturn: (request: PoolRequest) => number
  /** A held request has come back and waits. */
  readonly onReturn: () => void
}

/** The queue holds this one: it waits after so many whole milliseconds, or ends now where the pool would not be there any more. */
export const returnAfter = (pool: Dependencies, request: PoolRequest, millis: number, now: number): void => {
  const { deadlines, queue } = pool
  if (now + millis >= pool.latestReturn(request)) {
    queue.withdraw(request, now)
    pool.settle(request, "interrupted", interruptedExit(request, "delayed"), now)
    return
  }
  const details = (request.details ??= new Details())
  const back = (now: number) => {
    details.delay = undefined
    request.elapse(now)
    queue.release(request, now)
    pool.onReturn()
  }
  if (millis === 0) return back(now)
  details.delay = new Deadline(back)
  deadlines.set(details.delay, now, millis)
}

/** The queue holds this one until its first start. */
export const holdUntilStart = (pool: Dependencies, request: PoolRequest, now: number): void =>
  returnAfter(pool, request, Math.max(1, Math.ceil(request.details!.startsAt! - now - grainMillis)), now)

/** When a delayed one may start. Not known of one that waits for the end of another. */
export const startsInMillis = ({ details, phase }: PoolRequest, now: number): number | undefined =>
  phase !== "delayed" || details?.delay === undefined ? undefined : Math.max(0, details.delay.at - now)
