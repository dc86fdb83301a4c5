// That nothing is lost when threads are killed: so many in a row that really compute. `npm run threads:soak [-- kills [every]]`
// prints heap, memory, descriptors and threads of the operating system as it goes.
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { Effect, Fiber, Layer } from "effect"
import { ElasticPool, Handlers, PoolSnapshot, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { bundle } from "../bench/threads/bundle.ts"
import { Endless, group } from "./group.ts"

const bundled = bundle(join(import.meta.dirname, "handlers.thread.ts"))
const kills = Number(process.argv[2] ?? 1000)
const every = Number(process.argv[3] ?? 500)
const atOnce = 2

const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
const count = (directory: string) => {
  try {
    return readdirSync(directory).length
  } catch {
    return "?"
  }
}
const began = performance.now()

const print = (killed: number | string): void => {
  ;(globalThis as { gc?: () => void }).gc?.()
  const { external, heapUsed, rss } = process.memoryUsage()
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  const row = [killed, seconds, megabytes(heapUsed), megabytes(external), megabytes(rss)]
  console.log(`| ${[...row, count("/proc/self/fd"), count("/proc/self/task")].join(" | ")} |`)
}

/** Begins for certain before its caller gives it up: not one is killed that has not computed. */
const killOne = Effect.gen(function* () {
  const { execute } = yield* WorkerPool.WorkerPool
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const caller = yield* Effect.forkChild(execute(Endless, { begun: begun.buffer }))
  const { async, value } = Atomics.waitAsync(begun, 0, 0)
  if (async) yield* Effect.promise(() => value)
  yield* Fiber.interrupt(caller)
})

const soak = Effect.gen(function* () {
  let done = 0
  const one = Effect.andThen(
    killOne,
    Effect.sync(() => {
      if (++done % every === 0) print(done)
    })
  )
  print(0)
  yield* Effect.forEach(Array.from({ length: kills }), () => one, { concurrency: atOnce, discard: true })
  const { snapshot } = yield* WorkerPool.WorkerPool
  const counts = yield* snapshot
  const { busy, dying, killed, started, stuck } = yield* Threads.stats
  print("at the end")
  return {
    killed,
    started,
    left: busy + dying + stuck,
    cancelled: counts.cancelled,
    broken: PoolSnapshot.lawViolations(counts)
  }
}).pipe(
  Effect.provide(
    ElasticPool.layer({ timeout: "none", maxWorkers: 8, deadLetters: 0 }).pipe(
      Layer.provide(Handlers.layer(group)),
      Layer.provideMerge(
        Threads.layer(group, {
          spawn: () => new Worker(bundled),
          max: atOnce,
          spare: 1,
          answerWithin: 0
        })
      )
    )
  )
)

console.log(`${kills} threads, killed while they compute, ${atOnce} at once; Node ${process.version}\n`)
console.log("| killed | s | heap MB | external MB | rss MB | descriptors | threads |")
console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
const { broken, cancelled, killed, left, started } = await Effect.runPromise(soak)
print("closed")
console.log(
  `\n${killed} killed, ${started} started, ${cancelled} requests cancelled, ${left} threads left at their work`
)
for (const problem of broken) console.log(problem)
process.exitCode = killed === kills && cancelled === kills && left === 0 && broken.length === 0 ? 0 : 1
