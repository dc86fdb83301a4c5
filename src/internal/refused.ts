/** A request that is refused before it has come to the queue: it is counted, and nothing is kept of it. */
import type { Counters } from "./counters.ts"
import type { Events } from "./events.ts"
import type { PoolRequest } from "./request.ts"

export const countRefused = (
  { counters, events }: { readonly counters: Counters; readonly events: Events },
  request: PoolRequest,
  counter: "refusedDraining" | "refusedOpen" | "refusedDuplicate"
): void => {
  request.route.counts.offered++
  counters.offered++
  counters[counter]++
  events.recorder?.unaccepted(request, counter, request.since)
}
