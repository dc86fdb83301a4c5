/** What a request has besides, in a queue that is more than first in, first out. */
import { Details, PoolRequest, type Route } from "../internal/request.ts"
import type { Lane } from "./flow.ts"

/** A request that came before its queue had an order of its own gets these late. */
export interface Ranked extends PoolRequest {
  /** Whose it is. `undefined`: nobody's, as `""`. */
  key?: string
  /** What the functions of the limits said of it, in their order; `undefined`: there are no such limits. */
  values?: Values | undefined
  /** Where it waits, or has waited last. */
  lane?: Lane | undefined
  /** An attempt of it runs, as far as the queue knows. */
  isStarted?: boolean
  /** It counts at those of its lane's gates that last until its end. */
  holds?: boolean
  /** That of its breaker in which its attempt has begun, until that has said how it went. Only where there is one. */
  epoch?: number | undefined
}

/** Whose a request is; `""`: nobody's. */
export const keyOf = ({ key = "" }: Ranked): string => key

/** From now on it has this priority, wherever it stands. */
export const prioritize = (request: PoolRequest, priority: number): void => {
  const details = (request.details ??= new Details())
  details.policy = { ...request.policy, priority }
}

/** The requests in whose attempts it was asked for, one in another. */
export const callersOf = (request: PoolRequest): ReadonlyArray<PoolRequest> => {
  const callers: Array<PoolRequest> = []
  for (let at = request.details?.parent; at !== undefined; at = at.details?.parent) callers.push(at)
  return callers
}

/** Of each limit with a function what that said; `undefined`: not limited. */
export type Values = ReadonlyArray<string | undefined>

/** One that has room for them from the start. The others have no such fields: they would pay for them. */
export class RankedRequest extends PoolRequest implements Ranked {
  readonly key: string
  readonly values: Values | undefined
  lane: Lane | undefined = undefined
  isStarted = false
  holds = false

  constructor(
    sequence: number,
    route: Route,
    payload: unknown,
    details: Details | undefined,
    now: number,
    key: string,
    values: Values | undefined
  ) {
    super(sequence, route, payload, details, now)
    this.key = key
    this.values = values
  }
}
