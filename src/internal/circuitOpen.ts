/** Calls that a circuit breaker refuses. */
import { Exit } from "effect"
import { CircuitOpen } from "../PoolError.ts"
import type { BreakerGate } from "../queue/breaker.ts"
import { keyOf, type Ranked } from "../queue/ranked.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { PoolRequest } from "./request.ts"
import { withoutStack } from "./runtime.ts"

/** Why this call is refused: its breaker lets nothing through for now, and its requests do not wait for that. */
export const refusedByBreaker = (
  queue: WaitingRequests,
  request: PoolRequest
): Exit.Exit<never, CircuitOpen> | undefined => {
  const { flows, gates } = queue.fair!
  if (gates.breakers === undefined) return undefined
  const gate = gates.breakerOf(request.tag, flows.find(keyOf(request)))
  if (gate === undefined || gate.options.whenOpen !== "fail") return undefined
  const { since } = request
  return gate.isTooMuch(gate.waiting + 1, since) && !isWithinProbe(request, gate) ? openExit(gate, since) : undefined
}

/** What a probe asks for is part of it. */
export const isWithinProbe = (request: PoolRequest, gate: BreakerGate): boolean => {
  for (let at: Ranked | undefined = request.details?.parent; at !== undefined; at = at.details?.parent) {
    if (at.lane?.breaker === gate && gate.carries(at.epoch)) return true
  }
  return false
}

export const openExit = (gate: BreakerGate, now: number): Exit.Exit<never, CircuitOpen> => {
  const { key, tag } = gate
  const retryAfterMillis = gate.retryAfterMillis(now)
  return Exit.fail(withoutStack(() => new CircuitOpen({ tag, ...(key !== undefined && { key }), retryAfterMillis })))
}
