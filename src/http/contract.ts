/** The contract of one service: what it has always, and a route for each type of request that it takes. */
import { Exit, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import type { Handlers } from "../index.ts"
import { Api } from "./api.ts"
import { accepted, Preferring, problem, RequestResource } from "./shapes.ts"

const option = (description: string, example: string) =>
  Schema.optionalKey(Schema.String.annotate({ description, examples: [example] }))

const SubmitHeaders = Schema.Struct({
  ...Preferring.fields,
  "idempotency-key": option(
    "Another request with it is not run, but answered as the first (1 to 255 characters)",
    "7f3a"
  ),
  priority: option("`u=0` to `u=7` (RFC 9218): the priority `2 * (3 - u)`, where the query has none", "u=1")
})

const SubmitQuery = {
  timeout: option("For one attempt, or none", "500ms"),
  expiresIn: option("For the request in every phase, or none", "10s"),
  retries: option("Attempts after a first that failed", "2"),
  key: option("Whose request it is: workers are shared fairly among keys (1 to 256 characters)", "acme"),
  priority: option("-10 to 10, higher first", "5"),
  primaryKey: option("Its identity, beside its type (1 to 256 characters)", "order-7"),
  duplicate: option("What it is to one of its identity: allow, join, reject, replace or latest", "join"),
  debounce: option("With replace or latest: it starts so long after the last call of its identity", "500ms"),
  debounceAtMost: option("The longest that later calls put that off", "5s"),
  group: option("The group that it belongs to (1 to 256 characters)", "import-3"),
  delay: option("It starts no sooner than so long after the call", "1h"),
  startAt: option(
    "It starts no sooner than then, by the clock of the service; not beside `delay`",
    "2026-12-24T18:00:00Z"
  )
}

const ends = [
  problem(400, "The payload, or an option, is not as it has to be"),
  problem(404, "No such type"),
  problem(
    409,
    "One of the same identity has not ended (`duplicate`), or one with this Idempotency-Key (`still-running`)"
  ),
  problem(410, "It was cancelled, or gave way to a later one of the same identity"),
  problem(413, "The body is too large"),
  problem(415, "The body is not JSON, or is packed"),
  problem(422, "The handler failed: `request.error` is its error"),
  problem(429, "The queue is full"),
  problem(500, "The handler died, or its thread ended under it (`thread-crashed`)"),
  problem(
    503,
    "The pool is shutting down, or stopped the request, or gave it up, since there was too much to do; or its circuit breaker is open (`circuit-open`); or the store cannot be reached"
  ),
  problem(504, "It timed out or expired")
] as const

/** The whole contract: with a route for each type of request, its payload and its result. */
export const contract = (handlers: Handlers.Handlers["Service"], version: string): typeof Api => {
  const types = [...handlers].map(([tag, { rpc }]) =>
    HttpApiEndpoint.post(`submit${tag}`, `/requests/${encodeURIComponent(tag)}`, {
      headers: SubmitHeaders,
      query: SubmitQuery,
      payload: rpc.payloadSchema as Schema.Top,
      success: [accepted, Schema.Struct({ ...RequestResource.fields, result: rpc.successSchema as Schema.Top })],
      error: ends
    }).annotate(OpenApi.Summary, `Run ${tag}`)
  )
  const bodiless = [...handlers].flatMap(([tag, { rpc }]) =>
    takesNothing(rpc.payloadSchema) ? [`/requests/${encodeURIComponent(tag)}`] : []
  )
  const [first, ...rest] = types
  const submit = HttpApiGroup.make("submit").annotate(OpenApi.Description, "Requests, by their type")
  const api = first === undefined ? Api : Api.add(submit.add(first, ...rest))
  return api.annotateMerge(
    OpenApi.annotations({
      title: "effect-worker-pool",
      version,
      description: "An elastic worker pool. Every error is a problem (RFC 9457).",
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
      servers: [{ url: "/" }],
      transform: (document) => withToken(withOptionalBodies(document, ["/pool/drain", ...bodiless]))
    })
  ) as unknown as typeof Api
}

/** Whether a request without a body has a payload all the same. */
const takesNothing = (payload: Schema.Top): boolean => {
  try {
    const decoded = Schema.decodeUnknownEffect(Schema.toCodecJson(payload))(null)
    return Exit.isExit(decoded) && Exit.isSuccess(decoded)
  } catch {
    return false
  }
}

/** Each body is said to be required, also where it may be left out. */
const withOptionalBodies = (document: Record<string, any>, paths: ReadonlyArray<string>): Record<string, any> => {
  for (const path of paths) {
    const body = document.paths[path]?.post?.requestBody
    if (body !== undefined) body.required = false
  }
  return document
}

/** A service on this machine alone needs no token; any other does. */
const withToken = (document: Record<string, any>): Record<string, any> => ({
  ...document,
  security: [{}, { token: [] }],
  components: { ...document.components, securitySchemes: { token: { type: "http", scheme: "bearer" } } }
})
