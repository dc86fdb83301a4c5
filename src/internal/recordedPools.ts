/** How somebody who records a pool finds what it tells: by its public service alone. */
import type { Scope } from "effect"
import type { PoolConfig } from "../PoolConfig.ts"
import type { Events } from "./events.ts"

export interface Recorded {
  readonly config: PoolConfig["Service"]
  readonly events: Events
  readonly now: () => number
  /** Workers there are, and requests that have neither ended nor been refused. */
  readonly counts: () => { readonly workers: number; readonly pending: number }
  /** Ends when the pool has drained. */
  readonly scope: Scope.Scope
  /** Milliseconds until its scaler looks at it next. Written by that; not there: nobody does. */
  untilTick?: (() => number) | undefined
}

const pools = new WeakMap<object, Recorded>()

export const connect = (pool: object, recorded: Recorded): void => void pools.set(pool, recorded)

/** `undefined`: it is not a pool of this package. */
export const recordedOf = (pool: object): Recorded | undefined => pools.get(pool)

/** This one is another door to that one. */
export const sameAs = (pool: object, inner: object): void => {
  const recorded = pools.get(inner)
  if (recorded !== undefined) pools.set(pool, recorded)
}
