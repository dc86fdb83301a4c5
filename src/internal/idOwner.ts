/** What callers name themselves: the primary key of a request, and whose it is. */
import { Context, PrimaryKey } from "effect"

/** The same primary key of two owners is two requests. `undefined`: nobody's. */
export const IdOwner = Context.Reference<string | undefined>("effect-worker-pool/IdOwner", {
  defaultValue: () => undefined
})

/** What `Rpc.make` has made of its `primaryKey`. Functions, and effects, have none. */
export const primaryKeyOf = (payload: unknown): string | undefined =>
  PrimaryKey.isPrimaryKey(payload) ? PrimaryKey.value(payload) : undefined
