/**
 * What the service is compared with, each in a process of its own: `node scripts/http/servers.ts bare|router|router-json`.
 * Their answer is as long as the service's.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const answer = {
  id: "0a1b2c-1234567",
  type: "Echo",
  state: "succeeded",
  attempts: 1,
  waitedMillis: 0.1,
  ranMillis: 0.1,
  acceptedAt: "2026-01-01T00:00:00.000Z",
  endedAt: "2026-01-01T00:00:00.000Z",
  result: "hello"
}

/** Reads and parses the body; nothing less can know what is asked. */
const bare = () => {
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      JSON.parse(Buffer.concat(chunks).toString("utf8"))
      const text = JSON.stringify(answer)
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
      response.end(text)
    })
  })
  server.listen(0, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}

const router = (
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, any, HttpServerRequest.HttpServerRequest>
) =>
  HttpRouter.serve(HttpRouter.add("POST", "/requests/Echo", handler), {
    disableListenLog: true,
    disableLogger: true
  }).pipe(
    Layer.merge(
      Layer.effectDiscard(
        HttpServer.addressFormattedWith((url) => Effect.sync(() => console.log(`listening on ${url}`)))
      )
    ),
    Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    Layer.launch,
    Effect.runPromise
  )

const starts: Readonly<Record<string, () => unknown>> = {
  bare,
  router: () => router(Effect.sync(() => HttpServerResponse.jsonUnsafe(answer))),
  "router-json": () =>
    router(
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ json }) =>
        Effect.map(json, () => HttpServerResponse.jsonUnsafe(answer))
      )
    )
}

const [name = ""] = process.argv.slice(2)
const start = starts[name]
if (start === undefined) {
  console.error(`Expected one of ${Object.keys(starts).join(", ")}, got "${name}"`)
  process.exit(2)
}
start()
