/** A process that says when it is ready, starts as much as it may from a word on, until its time is over, and then prints when each of them started: Unix time in milliseconds. */
import { once } from "node:events"
import { Clock, Console, Effect, Layer, Logger } from "effect"
import { NodeRedis, NodeRuntime } from "@effect/platform-node"
import { RateLimiter } from "effect/persistence"
import { ElasticPool, Handlers, WorkerPool } from "../../src/index.ts"
import * as SharedLimit from "../../src/SharedLimit.ts"

const [path, algorithm, seconds] = process.argv.slice(2)
const store = RateLimiter.layer.pipe(
  Layer.provide(RateLimiter.layerStoreRedis({ prefix: `${algorithm}:` })),
  Layer.provide(NodeRedis.layer({ socket: { path: path!, tls: false } }))
)
const limit = SharedLimit.make({
  name: "vendor",
  limit: 100,
  window: "1 second",
  algorithm: algorithm as "token-bucket"
})
const pool = Layer.unwrap(
  Effect.map(limit, (limit) => ElasticPool.layer({ scaling: "none", minWorkers: 16, limits: [limit] }))
).pipe(Layer.provide(Layer.mergeAll(store, Handlers.layer())))

const starts: Array<number> = []
const program = Effect.gen(function* () {
  const { drain, run } = yield* WorkerPool.WorkerPool
  yield* Console.log("ready")
  yield* Effect.promise(() => once(process.stdin, "data"))
  const note = Effect.map(Clock.currentTimeMillis, (now) => void starts.push(now))
  yield* Effect.forkChild(Effect.forEach(Array.from({ length: 1000 }), () => run(note), { concurrency: "unbounded" }))
  yield* Effect.sleep(Number(seconds) * 1000)
  yield* drain({ deadline: 0 })
  yield* Console.log(JSON.stringify(starts))
  process.stdin.destroy()
})

program.pipe(Effect.provide(pool), Effect.provide(Logger.layer([])), NodeRuntime.runMain)
