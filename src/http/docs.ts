/**
 * The documentation at `/docs`: Swagger UI as Effect brings it. Effect has all of it in one page of 2 MB that is sent anew
 * each time; here its script and its style are files that a browser keeps, compressed, and what bars those who see little
 * or hear the page is put right.
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiSwagger } from "effect/http-api"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { script, style } from "./docsFixes.ts"
import * as Problem from "./problem.ts"

/** What the page may load and do. Swagger UI sets styles on its elements. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** It shows what `/openapi.json` says. */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter> = HttpRouter.use((router) =>
  Effect.gen(function* () {
    // Most services are never asked for it, and it takes a while to make.
    const files = yield* Effect.cached(makeFiles)
    const answer = Effect.gen(function* () {
      const { headers, url } = yield* HttpServerRequest.HttpServerRequest
      const file = (yield* files).get(url.split("?", 1)[0]!)
      return file === undefined ? Problem.toResponse(gone) : responseOf(file, headers)
    })
    yield* router.add("GET", "/docs", answer)
    yield* router.add("GET", "/docs/:file", answer)
  })
)

interface File {
  readonly bytes: Uint8Array
  readonly gzipped: Uint8Array
  readonly contentType: string
  readonly etag: string
  readonly isNamedByHash: boolean
}

const responseOf = (
  { bytes, contentType, etag, gzipped, isNamedByHash }: File,
  headers: Readonly<Record<string, string | undefined>>
) => {
  const common = {
    etag,
    // Where there is a token it is not for everybody.
    "cache-control": isNamedByHash ? "private, max-age=31536000, immutable" : "no-cache",
    "content-security-policy": policy,
    vary: "Accept-Encoding"
  }
  if (headers["if-none-match"]?.includes(etag) === true) {
    return HttpServerResponse.empty({ status: 304, headers: common })
  }
  return takesGzip(headers["accept-encoding"])
    ? HttpServerResponse.uint8Array(gzipped, { contentType, headers: { ...common, "content-encoding": "gzip" } })
    : HttpServerResponse.uint8Array(bytes, { contentType, headers: common })
}

const takesGzip = (accepted = ""): boolean => /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)

const gone = Problem.notFound("There is no such file of the documentation; /docs names those that there are")

/** By their paths. */
const makeFiles: Effect.Effect<ReadonlyMap<string, File>> = Effect.gen(function* () {
  const { css, javascript } = yield* swaggerUi
  const scriptFile = yield* makeFile("text/javascript; charset=utf-8", `${javascript}\n${script}`, true)
  const styleFile = yield* makeFile("text/css; charset=utf-8", `${css}\n${style}`, true)
  const names = { script: `docs/${hashOf(scriptFile)}.js`, style: `docs/${hashOf(styleFile)}.css` }
  return new Map([
    ["/docs", yield* makeFile("text/html; charset=utf-8", page(names), false)],
    [`/${names.script}`, scriptFile],
    [`/${names.style}`, styleFile]
  ])
})

const makeFile = (contentType: string, text: string, isNamedByHash: boolean): Effect.Effect<File> =>
  Effect.promise(async () => {
    const bytes = Buffer.from(text)
    const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 20)}"`
    return { bytes, gzipped: await promisify(gzip)(bytes), contentType, etag, isNamedByHash }
  })

const hashOf = ({ etag }: File): string => etag.slice(1, -1)

const page = (names: { readonly script: string; readonly style: string }) => `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>effect-worker-pool API</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="${names.style}">
  <script src="${names.script}" defer></script>
</head>
<body>
  <main id="swagger-ui"></main>
</body>
</html>
`

/** Effect gives its script and its style only within a page: here that of an API without routes. */
const swaggerUi = Effect.gen(function* () {
  const app = yield* HttpRouter.toHttpEffect(
    HttpApiSwagger.layer(HttpApi.make("none"), { path: "/" }).pipe(Layer.provide(NodeHttpServer.layerHttpServices))
  )
  const request = HttpServerRequest.fromWeb(new Request("http://localhost/"))
  const response = yield* Effect.provideService(app, HttpServerRequest.HttpServerRequest, request)
  const html = yield* Effect.promise(() => HttpServerResponse.toWeb(response).text())
  const [, css] = /<style>([^]*?)<\/style>/.exec(html)!
  const [, javascript] = /<script>([^]*)window\.onload = /.exec(html)!
  return { css: css!, javascript: javascript! }
}).pipe(Effect.scoped, Effect.orDie)
