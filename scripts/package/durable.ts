/**
 * A program with Effect and a store. `scripts/check-package.mjs` compiles and runs it: with `missing` where no package of a store is
 * installed, and with the folder of a store where they are.
 */
import { Config, Effect, Layer, Redacted, Schema } from "effect"
import { Handlers, type PoolError, WorkerPool } from "effect-worker-pool"
import * as Durable from "effect-worker-pool/Durable"
import { Rpc, RpcGroup } from "effect/rpc"

const Double = Rpc.make("Double", { payload: { n: Schema.Int }, success: Schema.Int, error: Schema.String })
class Doubles extends RpcGroup.make(Double) {}
const handlers = Handlers.layer(Doubles).pipe(
  Layer.provideMerge(
    Doubles.toLayer({
      Double: ({ n }) => Effect.map(Durable.Delivery, (delivery) => (delivery?.deliveries === 1 ? 2 * n : 0))
    })
  )
)

const [directory] = process.argv.slice(2)
const doubled = (store: Layer.Layer<Durable.Store, PoolError.StoreUnavailable>) =>
  Effect.gen(function* () {
    const { Double: double } = yield* WorkerPool.client(Doubles)
    const { store: kind } = yield* Durable.Durable
    const six: number = yield* double({ n: 3 })
    return [kind, six] as const
  }).pipe(
    Effect.provide(
      Durable.layer({ maxWorkers: 2, deliveries: 3 }).pipe(Layer.provideMerge(handlers), Layer.provide(store))
    )
  )
const print = (program: Effect.Effect<unknown, unknown>) =>
  Effect.runPromise(Effect.match(program, { onFailure: String, onSuccess: JSON.stringify })).then(console.log)

/** What an API process has, and how it would be asked within a transaction. */
export const client: Layer.Layer<WorkerPool.WorkerPool | Durable.Durable, unknown> = Durable.layerClient({
  groups: [Doubles],
  storeTimeout: "1 second"
}).pipe(
  Layer.provide(Durable.layerPostgres({ url: Config.Redacted("DATABASE_URL"), schema: "jobs", listenUrl: "none" }))
)
export const outbox = (transaction: Durable.Transaction) =>
  Effect.flatMap(Durable.Durable, (durable) => durable.submitIn(transaction, Double, { n: 1 }, { id: "one" }))

await print(doubled(Durable.layerMemory))
if (directory === "missing") {
  await print(doubled(Durable.layerPostgres({ url: Redacted.make("postgres://nobody:secret@127.0.0.1:1/none") })))
  await print(doubled(Durable.layerEmbedded({ directory: "never" })))
} else await print(doubled(Durable.layerEmbedded({ directory: directory! })))
