/** The few counts that change at almost every step, for who looks at each: a snapshot is made of sixty. */
import type { Crew } from "./crew.ts"
import type { WaitingRequests } from "../RequestQueue.ts"

/** As in a `PoolSnapshot`, at the moment of the reading. */
export interface Gauges {
  readonly blocked: number
  readonly waiting: number
  readonly workers: number
}

interface Read {
  readonly crew: Crew
  readonly queue: WaitingRequests
}

const pools = new WeakMap<object, Read>()

export const connect = (pool: object, { crew, queue }: Read): void => void pools.set(pool, { crew, queue })

/** Answers what reads those of a pool of this package. */
export const gaugesOf = (pool: object): (() => Gauges) => {
  const { crew, queue } = pools.get(pool)!
  return () => ({ blocked: queue.blocked, waiting: queue.waiting, workers: crew.size })
}
