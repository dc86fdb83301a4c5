/** A request in the place of another one. */
import type { Counters } from "../internal/counters.ts"
import type { PoolRequest } from "../internal/request.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { FairQueue } from "./fairQueue.ts"
import type { Line, Order } from "./order.ts"
import type { Ranked } from "./ranked.ts"

/** Lets it in, or blocks it, as the other one was, of which no attempt runs. That is out of the queue then, and has to be ended. */
export const takeOver = (
  queue: WaitingRequests,
  counters: Counters,
  before: PoolRequest,
  request: PoolRequest,
  now: number
): void => {
  counters.offered++
  if (before.phase === "delayed") {
    queue.withdraw(before, now)
    return queue.accept(request, now)
  }
  request.phase = before.phase
  if (before.phase === "blocked") {
    queue.early.delete(before)
    return queue.door.replace(before, request)
  }
  counters.accepted++
  if (queue.overload !== undefined) replaceBehind(queue.order, before, request, now)
  else if (queue.fair === undefined) (queue.order as Line).replace(before, request)
  else replaceIn(queue.fair, before, request, now)
}

/** None of these starts any more, whatever is done by those who hear of the end of another one. They keep their places. */
export const takeBack = (queue: WaitingRequests, requests: ReadonlyArray<PoolRequest>, now: number): void => {
  for (const request of requests) {
    if (request.phase !== "waiting") continue
    queue.withdraw(request, now)
    queue.hold(request)
  }
}

/** Where the two are alike it takes the very place, and its lane keeps its turn; else it goes behind those that are like it. */
const replaceIn = (queue: FairQueue, before: Ranked, request: Ranked, now: number): void => {
  const { lane } = before
  // What counts at a gate until its end takes that with it.
  if (lane === undefined || before.holds === true || queue.laneOf(request) !== lane) {
    return replaceBehind(queue, before, request, now)
  }
  request.lane = lane
  lane.replace(before, request)
}

/** Where it counts for how long each has waited, none has the place of an older one. */
const replaceBehind = (order: Order, before: PoolRequest, request: PoolRequest, now: number): void => {
  order.remove(before, now)
  order.push(request, now)
}
