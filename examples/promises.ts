/** Promises in handlers, those that listen to their signal and those that do not. Run it: `npm run example examples/promises.ts`. */
import { Effect, Layer, Schema } from "effect"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import { Rpc, RpcGroup } from "effect/rpc"
import { setTimeout } from "node:timers/promises"

class Slow extends Schema.TaggedError<Slow>()("Slow", { reason: Schema.String }) {}

class Jobs extends RpcGroup.make(
  Rpc.make("Listens", { payload: { n: Schema.Number }, success: Schema.Number, error: Slow }),
  Rpc.make("Deaf", { payload: { n: Schema.Number }, success: Schema.Number })
) {}

let alive = 0
let most = 0

/** Somebody else's function: it takes no signal, and nothing can stop it. */
const render = async (n: number): Promise<number> => {
  most = Math.max(most, ++alive)
  await setTimeout(60)
  alive--
  return n
}

const JobsHandlers = Jobs.toLayer({
  // A timeout aborts the signal. Whatever takes it ends then: `fetch`, most of Node's own functions, most clients.
  Listens: ({ n }) =>
    Effect.tryPromise({
      try: (signal) => setTimeout(60, n, { signal }),
      catch: (error) => new Slow({ reason: String(error) })
    }),
  // Without `uninterruptible` its worker would be free at the timeout, and the promise go on beside the next one.
  Deaf: ({ n }) => Effect.uninterruptible(Effect.promise(() => render(n)))
})

const program = Effect.gen(function* () {
  const { Deaf, Listens } = yield* WorkerPool.client(Jobs)
  console.log((yield* Effect.flip(Listens({ n: 1 })))._tag)
  const tags = yield* Effect.forEach(
    [1, 2, 3, 4, 5, 6],
    (n) => Effect.map(Effect.flip(Deaf({ n })), ({ _tag }) => _tag),
    { concurrency: "unbounded" }
  )
  console.log(`${tags.filter((tag) => tag === "RequestTimeout").length} heard of their timeout`)
  console.log(`at most ${most} at once`)
})

// The callers hear at 20 ms; a promise that takes longer than the grace counts as stuck until it has settled.
const PoolLayer = ElasticPool.layer({
  minWorkers: 2,
  maxWorkers: 2,
  timeout: "20 millis",
  interruptGrace: "1 second"
}).pipe(Layer.provide(Handlers.layer(Jobs)), Layer.provideMerge(JobsHandlers))

await program.pipe(Effect.provide(PoolLayer), Effect.runPromise)

// => RequestTimeout
// => 6 heard of their timeout
// => at most 2 at once
