/** What a process that only works answers over HTTP: whether it lives, whether it is ready, and its metrics. */
import { Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { invalid, notFound, type Problem, toResponse } from "../../http/problem.ts"
import { securityHeaders } from "../../http/send.ts"

/** Why it is not ready, if it is not. */
export type Readiness = Effect.Effect<Problem | undefined>

/** `look`: what is to be seen before metrics are written. */
export const app = (readiness: Readiness, look: Effect.Effect<unknown>) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
    const answer = answers(readiness, look)[url.split("?", 1)[0]!]
    const response =
      answer === undefined
        ? Effect.succeed(toResponse(nothingHere))
        : method === "GET" || method === "HEAD"
          ? answer
          : Effect.succeed(toResponse(wrongMethod))
    return Effect.map(response, (response) =>
      HttpServerResponse.setHeaders(response, { ...securityHeaders, ...response.headers })
    )
  })

const answers = (
  readiness: Readiness,
  look: Effect.Effect<unknown>
): Readonly<Record<string, Effect.Effect<HttpServerResponse.HttpServerResponse>>> => ({
  "/health/live": Effect.succeed(ok),
  "/health/ready": Effect.map(readiness, (problem) => (problem === undefined ? ok : toResponse(problem))),
  "/metrics": Effect.map(Effect.andThen(look, PrometheusMetrics.format()), (text) =>
    HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  )
})

const ok = HttpServerResponse.jsonUnsafe({ status: "ok" })

/** Also of `POST /requests/{type}`, which another process of the store may take. */
export const nothingHere: Problem = notFound(
  "There is nothing here but /health/live, /health/ready and /metrics: this process only works"
)

const wrongMethod: Problem = {
  ...invalid("method", "Expected the method to be of GET, HEAD", "method"),
  status: 405,
  title: "Method Not Allowed",
  headers: { allow: "GET, HEAD" }
}

export const stopping: Problem = notReady("It is stopping, and claims nothing more")
export const isAway: Problem = notReady("The store cannot be reached")

function notReady(detail: string): Problem {
  return { status: 503, kind: "not-ready", title: "Service Unavailable", detail, headers: { "retry-after": "5" } }
}
