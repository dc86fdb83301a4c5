/** A function for each Rpc of a group, over a pool. */
import { Context, Effect } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import type * as Call from "./Call.ts"
import type { PoolError } from "./PoolError.ts"

type Arguments<R extends Rpc.Any, Options> =
  Rpc.PayloadConstructor<R> extends infer P
    ? [void] extends [P] | [{} extends P ? void : never]
      ? [payload?: P | undefined, options?: Options]
      : [payload: P, options?: Options]
    : never

/**
 * A function for each Rpc of a group, named by its tag: it takes the payload and the options of the call, runs the request
 * and waits for its end, as `WorkerPool.execute` does. A payload whose fields may all be left out may be left out too.
 */
export type PoolClient<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: (
    ...args: Arguments<R, Call.Options>
  ) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | PoolError>
}

/**
 * The same for callers without Effect: each function gives a promise, as `WorkerPool.executePromise` does. A request has what the program
 * has that asked for the client: its span, the annotations of its log, and in an attempt the slot of that attempt.
 */
export type PromiseClient<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: (...args: Arguments<R, Call.PromiseOptions>) => Promise<Rpc.Success<R>>
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

/** @internal */
export const makePromise =
  <Self>(
    pool: Context.Key<
      Self,
      {
        readonly executePromise: (
          rpc: any,
          payload: any,
          options?: Call.PromiseOptions,
          context?: Context.Context<never>
        ) => Promise<any>
      }
    >
  ) =>
  <Rpcs extends Rpc.Any>(
    group: RpcGroup.RpcGroup<Rpcs>
  ): Effect.Effect<PromiseClient<Rpcs>, never, Self | Rpc.ToHandler<Rpcs>> =>
    Effect.contextWith((context: Context.Context<any>) => {
      const { executePromise } = Context.get(context, pool)
      const client: Record<string, unknown> = {}
      for (const rpc of group.requests.values()) {
        client[rpc._tag] = (payload: unknown, options?: Call.PromiseOptions) =>
          executePromise(rpc, payload, options, context)
      }
      return Effect.succeed(client as PromiseClient<Rpcs>)
    })
