/** A pool of one thread for the tests of what crosses to it. */
import { Cause, Effect, Exit, Layer } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import type { Worker } from "node:worker_threads"
import { ElasticPool, Handlers, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"

export const isolations = ["thread", "process"] as const

/** One thread, no other: what would be lost would be missed. */
export const poolOf = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  /** The name of a module, or what is spawned in its place. */
  source: string | { readonly spawn: () => Worker },
  threads: Omit<Threads.Options, "name"> = {},
  options: ElasticPool.Options = {}
): Layer.Layer<WorkerPool.WorkerPool | Threads.Threads> => {
  const made = Threads.layer(group, {
    ...(typeof source === "string" ? { module: new URL(`./modules/${source}`, import.meta.url) } : source),
    max: 1,
    spare: 0,
    ...threads
  })
  return ElasticPool.layer({ scaling: "none", minWorkers: 1, ...options }).pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provideMerge(made),
    Layer.orDie
  ) as never
}

export const execute = (rpc: Rpc.Any, payload: unknown): Effect.Effect<any, any, WorkerPool.WorkerPool> =>
  Effect.flatMap(WorkerPool.WorkerPool, (pool) => (pool.execute as any)(rpc, payload))

/** What its caller sees as a defect. */
export const defectOf = (rpc: Rpc.Any, payload: unknown): Effect.Effect<Error, never, WorkerPool.WorkerPool> =>
  Effect.map(Effect.exit(execute(rpc, payload)), (exit) =>
    Exit.isFailure(exit) ? (Cause.squash(exit.cause) as Error) : new Error("it has succeeded")
  )
