/** A function for each Rpc of a group, over a pool. */
import { type Context, Effect } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import type * as Call from "./Call.ts"
import type { PoolError } from "./PoolError.ts"

type Arguments<R extends Rpc.Any> =
  Rpc.PayloadConstructor<R> extends infer P
    ? [void] extends [P] | [{} extends P ? void : never]
      ? [payload?: P | undefined, options?: Call.Options]
      : [payload: P, options?: Call.Options]
    : never

/**
 * A function for each Rpc of a group, named by its tag: it takes the payload and the options of the call, runs the request
 * and waits for its end, as `WorkerPool.execute` does. A payload whose fields may all be left out may be left out too.
 */
export type PoolClient<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: (...args: Arguments<R>) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | PoolError>
}

/** @internal The pool is named by its tag, so that the client of one pool cannot be taken for another's. */
export const make =
  <Self>(
    pool: Context.Key<
      Self,
      { readonly execute: (rpc: any, payload: any, options?: Call.Options) => Effect.Effect<any, any> }
    >
  ) =>
  <Rpcs extends Rpc.Any>(
    group: RpcGroup.RpcGroup<Rpcs>
  ): Effect.Effect<PoolClient<Rpcs>, never, Self | Rpc.ToHandler<Rpcs>> =>
    Effect.map(pool as Effect.Effect<any, never, any>, ({ execute }) => {
      const client: Record<string, unknown> = {}
      for (const rpc of group.requests.values()) {
        client[rpc._tag] = (payload: unknown, options?: Call.Options) => execute(rpc, payload, options)
      }
      return client as PoolClient<Rpcs>
    })
