/** Pools whose handlers run on threads, as the tests need them. */
import { Effect, Layer } from "effect"
import { ElasticPool, Handlers, PoolSnapshot, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group } from "./modules/workGroup.ts"

export const isolations = ["thread", "process"] as const

export const module = new URL("./modules/work.ts", import.meta.url)

/** With workers enough: it is the threads that are too few. */
export const poolOf = (threads: Threads.Options, options: ElasticPool.Options = {}) =>
  ElasticPool.layer({ scaling: "none", minWorkers: 4, ...options }).pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provideMerge(Threads.layer(group, { module, ...threads }))
  )

export const snapshot = Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.snapshot)

/** What a pool must be able to say when all is over: the laws hold, and nothing is stuck. */
export const isSound = Effect.map(snapshot, (counts) => [
  ...PoolSnapshot.lawViolations(counts),
  ...(counts.stuck > 0 ? [`${counts.stuck} are stuck`] : [])
])

/** When the threads are as this says; looked at whenever a request has come back from one, and a little later. */
export const when = (is: (stats: Threads.Stats) => boolean): Effect.Effect<Threads.Stats, never, Threads.Threads> =>
  Effect.flatMap(Threads.stats, (stats) =>
    is(stats)
      ? Effect.succeed(stats)
      : Effect.andThen(
          turn,
          Effect.suspend(() => when(is))
        )
  )

/** A moment of the real clock, whatever that of the test says: threads are real. */
export const turn = Effect.promise(() => new Promise<void>((resume) => setTimeout(resume, 5)))
