/** The key that has most waiting, and which of its requests gives way first. */
import type { PoolRequest } from "../internal/request.ts"
import { ByCount } from "./byCount.ts"
import type { Flow } from "./flow.ts"
import type { Flows } from "./flows.ts"

/** The keys by how many of them wait. */
export const byWaiting = (flows: Flows): ByCount<Flow> => {
  const fattest = new ByCount<Flow>()
  for (const flow of flows.all) if (flow.waiting > 0) fattest.set(flow, flow.waiting)
  flows.onPlaces.push((flow) => (flow.waiting > 0 ? fattest.set(flow, flow.waiting) : fattest.delete(flow)))
  return fattest
}

/** The one that came first. */
export const oldestOf = (flow: Flow | undefined): PoolRequest | undefined => {
  let oldest: PoolRequest | undefined
  for (const { oldest: first } of flow?.lanes() ?? []) {
    if (first !== undefined && (oldest === undefined || first.sequence < oldest.sequence)) oldest = first
  }
  return oldest
}
