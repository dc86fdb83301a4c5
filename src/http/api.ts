/** The contract of the service: every route, what it takes and what it answers. `/openapi.json` is made of it. */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { advice } from "./adviceShapes.ts"
import {
  accepted,
  Count,
  GateResource,
  Group,
  Key,
  LimitPatch,
  LimitResource,
  members,
  PartQuery,
  PoolPatch,
  PoolResource,
  Preferring,
  problem,
  RequestPatch,
  RequestResource,
  WaitersResource
} from "./shapes.ts"

/** A body or a query that does not fit its schema is answered as a problem that names the field. */
export class InvalidAsProblem extends HttpApiMiddleware.Service<InvalidAsProblem>()(
  "effect-worker-pool/http/InvalidAsProblem",
  { error: problem(400, "Something that was sent is not as it has to be") }
) {}

const id = { id: Schema.String }
const away = problem(503, "The service is shutting down, or the store of requests cannot be reached")
const missing = [problem(404, "No such request"), problem(410, "It has ended and is no longer kept"), away] as const

const requests = HttpApiGroup.make("requests")
  .add(
    HttpApiEndpoint.get("listRequests", "/requests", {
      query: {
        state: Schema.optionalKey(
          Schema.String.annotate({ description: "States with commas between, or `deadLetter`" })
        ),
        type: Schema.optionalKey(Schema.String),
        key: Schema.optionalKey(Key),
        group: Schema.optionalKey(Group),
        limit: Schema.optionalKey(Schema.FiniteFromString),
        after: Schema.optionalKey(Schema.String.annotate({ description: "`next` of the page before" }))
      },
      success: Schema.Struct({ requests: Schema.Array(RequestResource), next: Schema.NullOr(Schema.String) }),
      error: away
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
    HttpApiEndpoint.delete("cancelRequests", "/requests", {
      query: {
        type: Schema.optionalKey(Schema.String),
        key: Schema.optionalKey(Key),
        group: Schema.optionalKey(Group),
        state: Schema.optionalKey(
          Schema.String.annotate({ description: "Phases (blocked, waiting, delayed, running) with commas between" })
        )
      },
      success: Schema.Struct({ cancelled: Count }),
      error: away
    })
      .annotate(OpenApi.Summary, "Cancel all requests that fit")
      .annotate(
        OpenApi.Description,
        "At least one of `type`, `key`, `group` and `state` is needed. Requests of `/rpc` are among them."
      ),
    HttpApiEndpoint.patch("patchRequest", "/requests/:id", {
      params: id,
      payload: RequestPatch,
      success: RequestResource,
      error: [...missing, problem(409, "It runs already, or has ended")]
    }).annotate(OpenApi.Summary, "Give a request that waits another priority"),
    HttpApiEndpoint.post("retryRequest", "/requests/:id/retry", {
      params: id,
      success: accepted,
      error: [...missing, problem(409, "It is no dead letter"), problem(429, "The queue is full")]
    }).annotate(OpenApi.Summary, "Send a dead letter again, as a new request"),
    HttpApiEndpoint.post("discardRequest", "/requests/:id/discard", {
      params: id,
      success: HttpApiSchema.NoContent,
      error: [...missing, problem(409, "It is no dead letter")]
    }).annotate(OpenApi.Summary, "Take a request out of the dead letters")
  )
  .middleware(InvalidAsProblem)
  .annotate(OpenApi.Description, "Requests that were sent: where they are and what became of them")

const pool = HttpApiGroup.make("pool")
  .add(
    HttpApiEndpoint.get("getPool", "/pool", { success: PoolResource }).annotate(OpenApi.Summary, "Counts and settings"),
    HttpApiEndpoint.patch("patchPool", "/pool", { payload: PoolPatch, success: PoolResource, error: away }).annotate(
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

const top = { top: Schema.optionalKey(Schema.FiniteFromString.annotate({ description: "1 to 1000; default 20" })) }

const turns = HttpApiGroup.make("turns")
  .add(
    HttpApiEndpoint.get("listGates", "/pool/gates", {
      query: { limit: Schema.optionalKey(Schema.FiniteFromString.annotate({ description: "1 to 1000; default 100" })) },
      success: Schema.Struct({ gates: Schema.Array(GateResource) })
    }).annotate(OpenApi.Summary, "The gates of limits, and others that are paused or hold requests back"),
    HttpApiEndpoint.get("listKeys", "/pool/keys", {
      query: top,
      success: Schema.Struct({ keys: Schema.Array(WaitersResource) })
    }).annotate(OpenApi.Summary, "The keys with most requests in the pool, those with most waiting first"),
    HttpApiEndpoint.get("listTags", "/pool/tags", {
      query: top,
      success: Schema.Struct({ tags: Schema.Array(WaitersResource) })
    }).annotate(OpenApi.Summary, "The types with most requests in the pool, those with most waiting first"),
    HttpApiEndpoint.post("pausePart", "/pool/pause", {
      query: PartQuery,
      success: HttpApiSchema.NoContent,
      error: away
    }).annotate(OpenApi.Summary, "Start no request of one type, of one key, or to which one limit applies"),
    HttpApiEndpoint.post("resumePart", "/pool/resume", {
      query: PartQuery,
      success: HttpApiSchema.NoContent,
      error: away
    }).annotate(OpenApi.Summary, "Let that part start again"),
    HttpApiEndpoint.patch("patchLimit", "/pool/limits/:name", {
      params: { name: Schema.String },
      payload: LimitPatch,
      success: LimitResource,
      error: [problem(404, "No such limit"), problem(409, "Its number is that of threads, or the like")]
    }).annotate(OpenApi.Summary, "Change a limit")
  )
  .middleware(InvalidAsProblem)
  .annotate(OpenApi.Description, "Who runs next: keys, limits, and pauses of a part")

const Text = (contentType: string) => Schema.String.pipe(HttpApiSchema.asText({ contentType }))
const Health = Schema.Struct({ status: Schema.String })

const service = HttpApiGroup.make("service")
  .add(
    HttpApiEndpoint.get("live", "/health/live", { success: Health }).annotate(OpenApi.Summary, "Whether it runs"),
    HttpApiEndpoint.get("ready", "/health/ready", {
      success: Health,
      error: problem(503, "It takes no new requests, or its store cannot be reached")
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
  .add(requests, pool, advice.middleware(InvalidAsProblem), turns, service)
  // An error says what came: to the client who sent it.
  .annotate(HttpApi.ParseOptions, { reportInput: true })
  // A member that is misspelt would be passed over in silence.
  .annotate(HttpApi.PayloadParseOptions, { reportInput: true, onExcessProperty: "error" })
  .annotate(HttpApi.QueryParseOptions, { reportInput: true, onExcessProperty: "error" }) {}
