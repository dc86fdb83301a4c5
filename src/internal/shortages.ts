/** How a Scaler hears that a request has found no idle worker: it knows a pool by its public service alone. */
import type { Crew } from "./crew.ts"

const crews = new WeakMap<object, Crew>()

export const connect = (pool: object, crew: Crew): void => void crews.set(pool, crew)

/** See `Crew.listen`; of a pool that is not one of this package nobody hears. Answers how to stop listening. */
export const listen = (pool: object, listener: () => void): (() => void) => {
  const crew = crews.get(pool)
  crew?.listen(listener)
  return () => crew?.listen(undefined)
}
