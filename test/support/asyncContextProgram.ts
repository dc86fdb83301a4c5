/** Handlers that enter a storage: prints what the ones after them see, in this pool and another, and their callers. */
import { Effect, Exit, Layer, Logger, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { AsyncLocalStorage } from "node:async_hooks"
import { ElasticPool, Handlers } from "../../src/index.ts"

const storage = new AsyncLocalStorage<string>()
const Enter = Rpc.make("Enter", { payload: { n: Schema.Number }, success: Schema.NullOr(Schema.String) })
class Enters extends RpcGroup.make(Enter) {}
const handlers = Handlers.layer(Enters).pipe(
  Layer.provide(
    Enters.toLayer({
      Enter: ({ n }) => {
        const seen = storage.getStore() ?? null
        if (n === 1) storage.enterWith("a handler's")
        return n === 2 ? Effect.as(Effect.yieldNow, seen) : Exit.succeed(seen)
      }
    })
  )
)

const program = Effect.gen(function* () {
  const make = Effect.provide(ElasticPool.make({ maxWorkers: 1, scaling: "none" }), handlers)
  const { pool } = yield* make
  const { pool: other } = yield* make
  const answers: Array<string | null> = []
  for (const n of [0, 1, 2]) answers.push(yield* pool.execute(Enter, { n }))
  answers.push(yield* other.execute(Enter, { n: 0 }))
  const after = yield* Effect.promise(() =>
    storage.run("caller", async () => {
      await Effect.runPromise(pool.execute(Enter, { n: 1 }))
      return storage.getStore()
    })
  )
  return { answers, after }
})

process.stdout.write(
  JSON.stringify(await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Logger.layer([])))))
)
