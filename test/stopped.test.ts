/** A process that was stopped, or computed for long: what came for it meanwhile counts before the deadlines that passed. */
import { expect, it } from "vitest"
import { Effect, Layer, ManagedRuntime } from "effect"
import { once } from "node:events"
import { createServer, connect, type Socket } from "node:net"
import { ElasticPool, Handlers, WorkerPool } from "../src/index.ts"
import { hears, Works } from "./support/bench.ts"

it("an answer that came before its attempt's timeout is heard, though the process reads it only after that", async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const connected = once(server, "connection")
  const socket = connect((server.address() as { readonly port: number }).port, "127.0.0.1")
  const [peer] = (await connected) as [Socket]
  const answer = Effect.promise(() => once(socket, "data").then(String))
  const layer = ElasticPool.layer({ scaling: "none", minWorkers: 3, timeout: "200 millis" }).pipe(
    Layer.provide(Handlers.layer(Works)),
    Layer.provide(Works.toLayer({ Work: () => Effect.succeed("") }))
  )
  const runtime = ManagedRuntime.make(layer)
  const pool = await runtime.runPromise(WorkerPool.WorkerPool)
  const answered = runtime.runPromise(hears(pool.run(answer)))
  const silent = runtime.runPromise(hears(pool.run(Effect.never)))
  // The answer is on its way, and then nothing of this process runs until every timeout has passed.
  peer.write("answer")
  const until = performance.now() + 400
  while (performance.now() < until);
  expect(await answered).toBe("success")
  expect(await silent).toBe("RequestTimeout")
  socket.destroy()
  server.close()
  await runtime.dispose()
})
