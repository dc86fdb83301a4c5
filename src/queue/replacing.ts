/** A request in the place of another one, where keys, priorities or limits have their say. */
import type { FairQueue } from "./fairQueue.ts"
import type { Ranked } from "./ranked.ts"

/** Where the two are alike it takes the very place, and its lane keeps its turn; else it goes behind those that are like it. */
export const replaceIn = (queue: FairQueue, before: Ranked, request: Ranked, now: number): void => {
  const { lane } = before
  // What counts at a gate until its end takes that with it.
  if (lane === undefined || before.holds === true || queue.laneOf(request) !== lane) {
    queue.remove(before, now)
    queue.push(request, now)
    return
  }
  request.lane = lane
  lane.replace(before, request)
}
