/** The contract of the service: every route, what it takes and what it answers. `/openapi.json` is made of it. */
import { Exit, Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { type Handlers, Outcome, PoolError } from "../index.ts"

const states = [...PoolError.Phase.literals, ...Outcome.ends] as const

/** A request as it is shown. */
export const RequestResource = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  state: Schema.Literals(states),
  attempts: Schema.Int,
  waitedMillis: Schema.optionalKey(Schema.Finite),
  ranMillis: Schema.optionalKey(Schema.Finite),
  acceptedAt: Schema.optionalKey(Schema.String),
  endedAt: Schema.optionalKey(Schema.String),
  result: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown),
  resubmittedFrom: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Request" })

const ProblemDetails = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  field: Schema.optionalKey(Schema.String),
  instance: Schema.optionalKey(Schema.String),
  request: Schema.optionalKey(RequestResource)
}).annotate({ identifier: "Problem" })

const asProblem = HttpApiSchema.asJson({ contentType: "application/problem+json" })
const problem = (status: number, description: string) =>
  ProblemDetails.annotate({ description }).pipe(asProblem, HttpApiSchema.status(status))
const accepted = RequestResource.pipe(HttpApiSchema.status(202))
const Count = Schema.Int

export const PoolResource = Schema.Struct({
  name: Schema.String,
  state: Schema.Literals(["open", "draining", "closed"]),
  paused: Schema.Boolean,
  policy: Schema.String,
  held: Schema.NullOr(Count),
  explain: Schema.String,
  bounds: Schema.Struct({ minWorkers: Count, maxWorkers: Count }),
  capacity: Schema.Union([Count, Schema.Literal("unbounded")]),
  workers: Schema.Record(Schema.String, Count),
  requests: Schema.Record(Schema.String, Count),
  deadLetters: Count,
  types: Schema.Array(Schema.Struct({ type: Schema.String, example: Schema.Unknown })),
  version: Schema.String
}).annotate({ identifier: "Pool" })

/** Says what there is to whoever has misspelt it. */
const members = <Fields extends Schema.Struct.Fields>(fields: Fields): Schema.Struct<Fields> =>
  Schema.Struct(fields).annotate({
    messageUnexpectedKey: `Expected a member of ${Object.keys(fields).join(", ")}, got another one`
  })

export const PoolPatch = members({
  minWorkers: Schema.optionalKey(Count),
  maxWorkers: Schema.optionalKey(Count),
  policy: Schema.optionalKey(Schema.String),
  hold: Schema.optionalKey(Schema.NullOr(Count)),
  paused: Schema.optionalKey(Schema.Boolean)
})

/** A body or a query that does not fit its schema is answered as a problem that names the field. */
export class InvalidAsProblem extends HttpApiMiddleware.Service<InvalidAsProblem>()(
  "effect-worker-pool/http/InvalidAsProblem",
  { error: problem(400, "Something that was sent is not as it has to be") }
) {}

const id = { id: Schema.String }
const Preferring = Schema.Struct({
  prefer: Schema.optionalKey(Schema.String.annotate({ description: "`wait=SECONDS`: answer with the end (RFC 7240)" }))
})
const missing = [problem(404, "No such request"), problem(410, "It has ended and is no longer kept")] as const

const requests = HttpApiGroup.make("requests")
  .add(
    HttpApiEndpoint.get("listRequests", "/requests", {
      query: {
        state: Schema.optionalKey(
          Schema.String.annotate({ description: "States with commas between, or `deadLetter`" })
        ),
        type: Schema.optionalKey(Schema.String),
        limit: Schema.optionalKey(Schema.FiniteFromString),
        after: Schema.optionalKey(Schema.String.annotate({ description: "`next` of the page before" }))
      },
      success: Schema.Struct({ requests: Schema.Array(RequestResource), next: Schema.NullOr(Schema.String) })
    }).annotate(OpenApi.Summary, "Requests, newest first"),
    HttpApiEndpoint.get("getRequest", "/requests/:id", {
      params: id,
      headers: Preferring,
      success: RequestResource,
      error: missing
    }).annotate(OpenApi.Summary, "One request: where it is, or what became of it"),
    HttpApiEndpoint.delete("cancelRequest", "/requests/:id", {
      params: id,
      success: Schema.Struct({
        id: Schema.String,
        cancel: Schema.Literals(["withdrawn", "interrupting", "settled"])
      }),
      error: missing
    }).annotate(OpenApi.Summary, "Cancel a request"),
    HttpApiEndpoint.post("retryRequest", "/requests/:id/retry", {
      params: id,
      success: accepted,
      error: [
        ...missing,
        problem(409, "It is no dead letter"),
        problem(429, "The queue is full"),
        problem(503, "The pool is shutting down")
      ]
    }).annotate(OpenApi.Summary, "Send a dead letter again, as a new request")
  )
  .middleware(InvalidAsProblem)
  .annotate(OpenApi.Description, "Requests that were sent: where they are and what became of them")

const pool = HttpApiGroup.make("pool")
  .add(
    HttpApiEndpoint.get("getPool", "/pool", { success: PoolResource }).annotate(OpenApi.Summary, "Counts and settings"),
    HttpApiEndpoint.patch("patchPool", "/pool", { payload: PoolPatch, success: PoolResource }).annotate(
      OpenApi.Summary,
      "Change bounds, policy, hold or pause"
    ),
    HttpApiEndpoint.post("drainPool", "/pool/drain", {
      headers: Preferring,
      // No body is `null`.
      payload: [
        members({
          deadline: Schema.optionalKey(Schema.String),
          waiting: Schema.optionalKey(Schema.Literals(["finish", "interrupt"]))
        }),
        Schema.Null
      ],
      success: [
        PoolResource.pipe(HttpApiSchema.status(202)),
        Schema.Record(Schema.String, Schema.Unknown).annotate({ description: "The report, with `Prefer: wait`" })
      ]
    }).annotate(OpenApi.Summary, "Refuse new requests and finish the others")
  )
  .middleware(InvalidAsProblem)
  .annotate(OpenApi.Description, "The pool: its counts and its levers")

const Text = (contentType: string) => Schema.String.pipe(HttpApiSchema.asText({ contentType }))
const Health = Schema.Struct({ status: Schema.String })

const service = HttpApiGroup.make("service")
  .add(
    HttpApiEndpoint.get("live", "/health/live", { success: Health }).annotate(OpenApi.Summary, "Whether it runs"),
    HttpApiEndpoint.get("ready", "/health/ready", {
      success: Health,
      error: problem(503, "It takes no new requests")
    }).annotate(OpenApi.Summary, "Whether it takes requests"),
    HttpApiEndpoint.get("metrics", "/metrics", { success: Text("text/plain") }).annotate(
      OpenApi.Summary,
      "Metrics for Prometheus"
    ),
    HttpApiEndpoint.get("events", "/events", {
      query: { only: Schema.optionalKey(Schema.String.annotate({ description: "Names of events, commas between" })) },
      success: Text("text/event-stream"),
      error: problem(503, "As many streams are open as there may be")
    }).annotate(OpenApi.Summary, "What happens, as server-sent events"),
    HttpApiEndpoint.get("getSession", "/session", {
      success: Schema.Struct({ required: Schema.Boolean, loggedIn: Schema.Boolean })
    }).annotate(OpenApi.Summary, "Whether a token is needed, and was given"),
    HttpApiEndpoint.post("logIn", "/session", {
      payload: members({ token: Schema.String }),
      success: HttpApiSchema.NoContent,
      error: problem(401, "Not the token")
    }).annotate(OpenApi.Summary, "Exchange the token for a cookie"),
    HttpApiEndpoint.delete("logOut", "/session", { success: HttpApiSchema.NoContent }).annotate(
      OpenApi.Summary,
      "End the session"
    )
  )
  .middleware(InvalidAsProblem)
  .annotate(OpenApi.Description, "Health, metrics, events and sessions")

/** What `routes.ts` serves. The route that takes requests is not in it: see `submit.ts`. */
export class Api extends HttpApi.make("worker-pool")
  .add(requests, pool, service)
  // An error says what came: to the client who sent it.
  .annotate(HttpApi.ParseOptions, { reportInput: true })
  // A member that is misspelt would be passed over in silence.
  .annotate(HttpApi.PayloadParseOptions, { reportInput: true, onExcessProperty: "error" })
  .annotate(HttpApi.QueryParseOptions, { reportInput: true, onExcessProperty: "error" }) {}

const ends = [
  problem(400, "The payload, or an option, is not as it has to be"),
  problem(404, "No such type"),
  problem(409, "A request with this Idempotency-Key has not ended yet"),
  problem(410, "It was cancelled"),
  problem(413, "The body is too large"),
  problem(415, "The body is not JSON, or is packed"),
  problem(422, "The handler failed: `request.error` is its error"),
  problem(429, "The queue is full"),
  problem(500, "The handler died"),
  problem(503, "The pool is shutting down, or stopped the request"),
  problem(504, "It timed out or expired")
] as const

/** The whole contract: with a route for each type of request, its payload and its result. */
export const contract = (handlers: Handlers.Handlers["Service"], version: string): typeof Api => {
  const types = [...handlers].map(([tag, { rpc }]) =>
    HttpApiEndpoint.post(`submit${tag}`, `/requests/${encodeURIComponent(tag)}`, {
      headers: Schema.Struct({ ...Preferring.fields, "idempotency-key": Schema.optionalKey(Schema.String) }),
      query: {
        timeout: Schema.optionalKey(Schema.String),
        expiresIn: Schema.optionalKey(Schema.String),
        retries: Schema.optionalKey(Schema.String)
      },
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
