/** What recurring calls know of their pool beyond its public service, and who asks a pool what recurs on it. */
import type { PoolEvent } from "../PoolEvent.ts"

export interface Connection {
  readonly publish: (event: PoolEvent) => void
  readonly isOpen: () => boolean
  /** What it can be asked for. `undefined`: that is not known, or anything. */
  readonly tags: (() => ReadonlyArray<string>) | undefined
  /** Its store knows a request by its id, in however many processes the call recurs. */
  readonly isShared: boolean
}

/** Of a pool that is not one of this package nothing more is known. */
const unknown: Connection = { publish: () => {}, isOpen: () => true, tags: undefined, isShared: false }

const connections = new WeakMap<object, Connection>()
const recurring = new WeakMap<object, Map<string, unknown>>()

export const connect = (pool: object, connection: Connection): void => void connections.set(pool, connection)

export const connectionOf = (pool: object): Connection => connections.get(pool) ?? unknown

/** What recurs on this pool, by name. */
export const recurringOn = <A>(pool: object): Map<string, A> => {
  const known = recurring.get(pool) ?? new Map<string, unknown>()
  recurring.set(pool, known)
  return known as Map<string, A>
}
