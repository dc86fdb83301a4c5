/** One measurement of `starts.ts`, in a process of its own: prints how long a start took, and what a thread takes of memory. */
import { Effect, Layer } from "effect"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import { createPool } from "effect-worker-pool/promise"
import * as Threads from "effect-worker-pool/Threads"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { Way } from "../starts.ts"
import { group, Rss } from "./group.ts"

const { cache, door, file, isolation }: Way = JSON.parse(process.argv[2]!)
const env = cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: cache }
const url = new URL(file)
const many = 4
const megabytes = () => process.memoryUsage.rss() / 2 ** 20

const source: Threads.Source & Threads.Options =
  door !== "spawn"
    ? { module: url, env }
    : {
        spawn: () =>
          isolation === "thread"
            ? new Worker(url, { env })
            : fork(fileURLToPath(url), { env: env as NodeJS.ProcessEnv, serialization: "advanced" })
      }

const poolOf = (count: number) =>
  ElasticPool.layer({ minWorkers: count, maxWorkers: count, scaling: "none" }).pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provideMerge(Threads.layer(group, { ...source, isolation, min: count, max: count, spare: 0 }))
  )

/** What `count` threads answer, and then the memory of this process. */
const withThreads = async (count: number): Promise<{ readonly answer: number; readonly here: number }> => {
  if (door === "functions") {
    await using pool = createPool<typeof import("./functions.ts")>({
      minWorkers: count,
      maxWorkers: count,
      threads: { module: url, isolation, min: count, max: count, spare: 0, env }
    })
    const answers = await Promise.all(Array.from({ length: count }, () => pool.run.rss()))
    while (pool.snapshot().limits["threads"]!.threads!.now.idle < count) await pool.run.rss()
    return { answer: answers[0]!, here: megabytes() }
  }
  const answer = Effect.gen(function* () {
    const { execute } = yield* WorkerPool.WorkerPool
    const [answer] = yield* Effect.all(
      Array.from({ length: count }, () => execute(Rss, undefined)),
      { concurrency: "unbounded" }
    )
    return { answer: answer!, here: megabytes() }
  })
  return Effect.runPromise(Effect.provide(answer, poolOf(count)))
}

const began = performance.now()
await withThreads(1)
const millis = performance.now() - began
const before = megabytes()
const { answer, here } = await withThreads(many)
process.stdout.write(JSON.stringify({ millis, megabytes: isolation === "process" ? answer : (here - before) / many }))
