/** A pool inside a program that knows promises only. Run it: `npm run example examples/embed.ts`. */
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import { Rpc, RpcGroup } from "effect/rpc"

class Images extends RpcGroup.make(
  Rpc.make("Resize", { payload: { path: Schema.String, width: Schema.Int }, success: Schema.String })
) {}

const ImagesHandlers = Images.toLayer({
  Resize: ({ path, width }) => Effect.as(Effect.sleep("50 millis"), `${path} at ${width}`)
})

/** The handlers are merged in, not only provided: `WorkerPool.clientPromise` asks for them too. */
const runtime = ManagedRuntime.make(
  ElasticPool.layer({ name: "images", maxWorkers: 4 }).pipe(
    Layer.provide(Handlers.layer(Images)),
    Layer.provideMerge(ImagesHandlers)
  )
)

/** What the rest of the program calls. */
const images = await runtime.runPromise(WorkerPool.clientPromise(Images))

console.log(
  await Promise.all([images.Resize({ path: "a.png", width: 640 }), images.Resize({ path: "b.png", width: 320 })])
)

// The signal cancels the request.
await images
  .Resize({ path: "c.png", width: 640 }, { signal: AbortSignal.timeout(1) })
  .catch(() => console.log("c.png was given up"))

const pool = await runtime.runPromise(WorkerPool.WorkerPool)
const { accepted, cancelled, succeeded } = await runtime.runPromise(pool.snapshot)
console.log({ accepted, succeeded, cancelled })

// Ends like a service that got SIGTERM: takes nothing new, finishes what was accepted.
await runtime.dispose()
console.log(
  await Effect.runPromise(Effect.flip(pool.submitUnknown("Resize", { path: "d.png", width: 640 }))).then(String)
)

// => [ 'a.png at 640', 'b.png at 320' ]
// => c.png was given up
// => { accepted: 3, succeeded: 2, cancelled: 1 }
// => PoolDraining: Pool "images" is shutting down and takes no new requests
