/** Two pools in one program, each with its own handlers and bounds. Run it: `npm run example examples/several-pools.ts`. */
import { Effect, Layer, Schema, Stream } from "effect"
import { ElasticPool, Handlers, Outcome, ScalingPolicy, WorkerPool } from "effect-worker-pool"
import { Rpc, RpcGroup } from "effect/rpc"

const Fetch = Rpc.make("Fetch", { payload: { url: Schema.String }, success: Schema.String })
const Hash = Rpc.make("Hash", { payload: { text: Schema.String }, success: Schema.Int })
class Network extends RpcGroup.make(Fetch) {}
class Processor extends RpcGroup.make(Hash) {}

const NetworkHandlers = Handlers.layer(Network).pipe(
  Layer.provide(Network.toLayer({ Fetch: ({ url }) => Effect.as(Effect.sleep("2 millis"), `body of ${url}`) }))
)
const ProcessorHandlers = Handlers.layer(Processor).pipe(
  Layer.provide(Processor.toLayer({ Hash: ({ text }) => Effect.succeed(text.length) }))
)

const program = Effect.gen(function* () {
  const network = yield* ElasticPool.make({ name: "network", maxWorkers: 32 }).pipe(Effect.provide(NetworkHandlers))
  const processor = yield* ElasticPool.make({
    name: "processor",
    minWorkers: 2,
    maxWorkers: 2,
    scaling: ScalingPolicy.fixed(2)
  }).pipe(Effect.provide(ProcessorHandlers))

  // A stream through both: no more is pulled than the pools take.
  const hashes = yield* Stream.range(1, 5).pipe(
    Stream.map((n) => WorkerPool.call(Fetch, { url: `/${n}` })),
    (calls) => network.pool.process(calls, { ordered: true }),
    Stream.filter(Outcome.isSuccess),
    Stream.mapEffect(({ exit }) => processor.pool.execute(Hash, { text: exit.value })),
    Stream.runCollect
  )
  console.log(hashes)

  for (const { pool } of [network, processor]) {
    const { accepted, succeeded } = yield* pool.snapshot
    console.log(`${pool.name}: ${succeeded} of ${accepted} succeeded`)
  }
})

await Effect.runPromise(Effect.scoped(program))

// => [ 10, 10, 10, 10, 10 ]
// => network: 5 of 5 succeeded
// => processor: 5 of 5 succeeded
