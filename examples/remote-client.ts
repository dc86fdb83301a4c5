/**
 * A typed client of a pool in another process. First `worker-pool serve --handlers examples/handlers.ts`, then run it:
 * `npm run example examples/remote-client.ts`. `WORKER_POOL_URL` and `WORKER_POOL_TOKEN` name another service.
 */
import { Effect } from "effect"
import * as RemotePool from "effect-worker-pool/RemotePool"
import { group } from "./handlers.ts"

const { WORKER_POOL_TOKEN: token, WORKER_POOL_URL: url = "http://127.0.0.1:8080" } = process.env

const program = Effect.gen(function* () {
  const pool = yield* RemotePool.client(group)
  console.log(yield* pool.Echo({ message: "hello" }))
  // => hello

  // The handler's own error and the pool's come as the classes they are; each has its place in the type.
  const answer = pool.Flaky({ failureRate: 1 }).pipe(
    Effect.catchTag("Unlucky", ({ message }) => Effect.succeed(`unlucky: ${message}`)),
    Effect.catchTag("QueueFull", ({ capacity }) => Effect.succeed(`refused: ${capacity} requests are in the queue`))
  )
  console.log(yield* answer)
  // => unlucky: no luck this time

  // Giving a call up cancels its request: the worker is free for the next one.
  const { _tag } = yield* Effect.timeoutOption(pool.Sleep({ millis: 60_000 }), "100 millis")
  console.log(_tag)
  // => None
})

await program.pipe(
  Effect.catchTag("RpcClientError", ({ reason }) =>
    Effect.sync(() => console.error(`no pool answers at ${url}: ${"cause" in reason ? reason.cause : reason.message}`))
  ),
  Effect.scoped,
  Effect.provide(RemotePool.layerProtocol({ url, token })),
  Effect.runPromise
)
