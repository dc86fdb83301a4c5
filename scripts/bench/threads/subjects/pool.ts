/** This pool on threads, or in processes. */
import { Effect, Layer, ManagedRuntime, References } from "effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { ElasticPool, Handlers, WorkerPool } from "../../../../src/index.ts"
import * as Threads from "../../../../src/threads/Threads.ts"
import { bundle } from "../bundle.ts"
import { Echo, group, Move, Noop, Spin } from "../group.ts"
import type { Prepare } from "../subjects.ts"

export const isolated =
  (isolation: "thread" | "process", answerWithin?: number): Prepare =>
  ({ isBundled, spare, threads }) => {
    const source = isBundled ? spawned(isolation) : { module: new URL("../handlers.ts", import.meta.url) }
    return async () => {
      const runtime = ManagedRuntime.make(
        ElasticPool.layer({ minWorkers: threads, maxWorkers: threads }).pipe(
          Layer.provide(Handlers.layer(group)),
          Layer.provide(
            Threads.layer(group, { ...source, isolation, min: threads, max: threads, spare, answerWithin })
          ),
          Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "Warn"))
        )
      )
      const { execute } = await runtime.runPromise(WorkerPool.WorkerPool)
      return {
        noop: (n) => Effect.runPromise(execute(Noop, n)),
        spin: (millis, timeout) => Effect.runPromise(execute(Spin, millis, { timeout })),
        echo: (bytes) => Effect.runPromise(execute(Echo, bytes)),
        move:
          isolation === "thread"
            ? (bytes) => Effect.runPromise(execute(Move, bytes as Uint8Array<ArrayBuffer>))
            : undefined,
        close: () => runtime.dispose()
      }
    }
  }

const spawned = (isolation: "thread" | "process"): Threads.Source => {
  const file = bundle()
  return {
    spawn: () => (isolation === "thread" ? new Worker(file) : fork(fileURLToPath(file), { serialization: "advanced" }))
  }
}
