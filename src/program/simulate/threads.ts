/** A pool for simulations side by side, each on a thread. */
import { Effect, Layer, References } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, type WorkerPool } from "../../index.ts"
import * as Threads from "../../threads/Threads.ts"

/** Runs it with a pool of at most so many threads, which have the handlers of this module. Standard output is for the answer alone: nothing is logged. */
export const withThreads =
  <Rpcs extends Rpc.Any>(group: RpcGroup.RpcGroup<Rpcs>, module: URL, max: number) =>
  <A, E>(effect: Effect.Effect<A, E, WorkerPool.WorkerPool>) =>
    effect.pipe(
      Effect.provide(
        ElasticPool.layer({
          minWorkers: max,
          maxWorkers: max,
          capacity: "unbounded",
          scaling: "none",
          timeout: "none"
        }).pipe(
          Layer.provide(Handlers.layer(group)),
          Layer.provide(Threads.layer(group, { module, max, min: 0, spare: 0 }))
        )
      ),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
