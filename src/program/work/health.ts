/** What a process that only works answers over HTTP: whether it lives, whether it is ready, and its metrics. */
import { Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { draining, invalid, notFound, type Problem, toResponse } from "../../http/problem.ts"
import { securityHeaders } from "../../http/send.ts"

export interface Health {
  /** Why it is not ready, if it is not. */
  readonly readiness: Effect.Effect<Problem | undefined>
  /** Whatever has to be done before the metrics are read. */
  readonly beforeMetrics: Effect.Effect<unknown>
}

export const app = (health: Health) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
    const answer = answers(health)[url.split("?", 1)[0]!]
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

const answers = ({
  beforeMetrics,
  readiness
}: Health): Readonly<Record<string, Effect.Effect<HttpServerResponse.HttpServerResponse>>> => ({
  "/health/live": Effect.succeed(ok),
  "/health/ready": Effect.map(readiness, (problem) => (problem === undefined ? ok : toResponse(problem))),
  "/metrics": Effect.map(Effect.andThen(beforeMetrics, PrometheusMetrics.format()), (text) =>
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

export const stopping: Problem = { ...draining, detail: "The pool is shutting down, and claims nothing more" }
