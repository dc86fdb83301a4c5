/** Prints what what is spawned answers, and whether it was here. */
import { Effect, Layer } from "effect"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import * as Threads from "effect-worker-pool/Threads"
import type { ChildProcess } from "node:child_process"
import { threadId, type Worker } from "node:worker_threads"
import { Images } from "./images.ts"

export const ask = (spawn: () => Worker | ChildProcess): Promise<void> =>
  Effect.gen(function* () {
    const images = yield* WorkerPool.client(Images)
    const told = yield* images.Brightest({ pixels: new Uint8Array([1, 7, 3]) })
    const where = told.process !== process.pid ? "process" : told.thread !== threadId ? "thread" : "here"
    process.stdout.write(`${told.brightest} ${where}\n`)
  }).pipe(
    Effect.provide(
      ElasticPool.layer({ maxWorkers: 1 }).pipe(
        Layer.provide(Handlers.layer(Images)),
        Layer.provideMerge(Threads.layer(Images, { spawn, max: 1, spare: 0 }))
      )
    ),
    Effect.runPromise
  )
