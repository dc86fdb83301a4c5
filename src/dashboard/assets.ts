/** The page at `/`: the files that the build has left in `dist/dashboard`. */
import { Effect, FileSystem, Layer } from "effect"
import { HttpMiddleware, HttpPlatform, HttpRouter, HttpServerResponse, HttpStaticServer } from "effect/http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { fileURLToPath } from "node:url"
import * as Problem from "../http/problem.ts"

/** The same from `src/dashboard` and from `dist/dashboard`. */
const root = fileURLToPath(new URL("../../dist/dashboard/", import.meta.url))

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** A browser asks each time whether a file has changed, and gets it compressed if it has. */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter> = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const files = yield* HttpStaticServer.make({ root, cacheControl: "no-cache" })
    const page = files.pipe(
      HttpMiddleware.compression(),
      Effect.provideService(HttpPlatform.HttpPlatform, yield* HttpPlatform.HttpPlatform),
      // What is not there is told as on every other route.
      Effect.orDie
    )
    const fileSystem = yield* FileSystem.FileSystem
    const isBuilt = yield* fileSystem.exists(`${root}index.html`)
    // A route for each: no path that a client makes up reaches the file system.
    const scripts = isBuilt ? yield* fileSystem.readDirectory(`${root}assets`) : []
    const answer = Effect.map(
      isBuilt ? page : Effect.succeed(Problem.toResponse(notBuilt)),
      HttpServerResponse.setHeader("content-security-policy", policy)
    )
    yield* router.add("GET", "/", answer)
    for (const file of scripts) yield* router.add("GET", `/assets/${file}`, answer)
  })
).pipe(Layer.orDie, Layer.provide(NodeHttpServer.layerHttpServices))

const notBuilt = Problem.notFound("The page has not been built: npm run build")
