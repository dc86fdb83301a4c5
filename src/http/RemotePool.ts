/** A pool that other processes call: the Rpcs of its group over HTTP, with a typed client. An export of its own. */
import { Cause, Effect, Layer, type Redacted, type Scope } from "effect"
import {
  FetchHttpClient,
  type Headers,
  HttpClient,
  HttpClientRequest,
  HttpRouter,
  HttpServerRequest
} from "effect/http"
import {
  type Rpc,
  RpcClient,
  type RpcClientError,
  type RpcGroup,
  RpcMiddleware,
  RpcSerialization,
  RpcServer
} from "effect/rpc"
import { PoolError, WorkerPool } from "../index.ts"
import { IdOwner } from "../internal/idOwner.ts"
import { nestsDeeperThan } from "../internal/jsonText.ts"
import { maxBodyDepth, tooDeep } from "./body.ts"
import * as Crashes from "./crashes.ts"
import { logCause } from "./logCause.ts"
import * as Problem from "./problem.ts"
import * as RpcAnswers from "./rpcAnswers.ts"
import { areMessages, expected } from "./rpcMessages.ts"
import { type CallOptions, headersOf, optionsOf, ownerOf, withOwner } from "./rpcOptions.ts"

/** Adds to each Rpc what the pool itself can fail with, so that it reaches the client as the same typed error. */
export class PoolErrors extends RpcMiddleware.Service<PoolErrors>()("effect-worker-pool/RemotePool/PoolErrors", {
  error: PoolError.PoolError
}) {}

/** The Rpcs of a group as they are called from afar: each can also fail with the pool's own errors. */
export type Remote<Rpcs extends Rpc.Any> = Rpc.AddMiddleware<Rpcs, typeof PoolErrors>

/** A function for each Rpc; besides its own errors and the pool's it fails when the pool cannot be reached. */
export type Client<Rpcs extends Rpc.Any> = RpcClient.RpcClient<Remote<Rpcs>, RpcClientError.RpcClientError>

/** The path of the calls, of the routes and of the client, unless they are given another one. */
export const defaultPath = "/rpc"

/** The group as it is called from afar. `Handlers.layer` takes the one without: in the process nothing is added. */
export const group = <Rpcs extends Rpc.Any>(local: RpcGroup.RpcGroup<Rpcs>): RpcGroup.RpcGroup<Remote<Rpcs>> =>
  local.middleware(PoolErrors)

/**
 * The route on which a pool takes the calls of remote clients, as lines of JSON. Each call is one request of the pool:
 * bounded, timed out, retried and counted like any other. A client that gives up a call, or goes away, cancels it.
 */
export const layerRoutes = <Rpcs extends Rpc.Any>(
  local: RpcGroup.RpcGroup<Rpcs>,
  options: {
    readonly path?: HttpRouter.PathInput | undefined
    /**
     * Whose the calls of an HTTP request are, whatever its client says: by its token, or by a header that a proxy sets.
     * `undefined`: whose the client says.
     */
    readonly keyOf?: ((request: HttpServerRequest.HttpServerRequest) => string | undefined) | undefined
  } = {}
): Layer.Layer<never, never, WorkerPool.WorkerPool | HttpRouter.HttpRouter | Rpc.ServicesServer<Rpcs>> =>
  RpcServer.layer(group(local) as unknown as RpcGroup.RpcGroup<any>, {
    // Else the defect of one handler would fail all that its client waits for.
    disableFatalDefects: true
  }).pipe(
    Layer.provide([
      layerHandlers(local),
      layerPoolErrors,
      Layer.effect(RpcServer.Protocol, protocolAt(options.path ?? defaultPath, options.keyOf))
    ]),
    Layer.provide(RpcAnswers.layer)
  ) as Layer.Layer<never, never, any>

/** The protocol itself answers what is no message with the text of its own defect; here it does not get that far. */
const protocolAt = (
  path: HttpRouter.PathInput,
  keyOf: (request: HttpServerRequest.HttpServerRequest) => string | undefined = () => undefined
) =>
  Effect.gen(function* () {
    const router = yield* HttpRouter.HttpRouter
    const { httpEffect, protocol } = yield* RpcServer.makeProtocolWithHttpEffect()
    const checked = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const owned = withOwner(request, keyOf(request))
      return Effect.flatMap(owned.text, (text) => {
        if (nestsDeeperThan(text, maxBodyDepth)) return Effect.succeed(Problem.toResponse(tooDeep("body")))
        return areMessages(text)
          ? Effect.provideService(httpEffect, HttpServerRequest.HttpServerRequest, owned)
          : Effect.succeed(Problem.toResponse(Problem.invalid("body", expected)))
      })
    })
    yield* router.add("POST", path, checked)
    return protocol
  })

/**
 * Whose a remote call is, its priority, its identity and group, and when it is to start:
 * `client.Resize(payload, RemotePool.callOptions({ key: "acme", priority: 5 }))`. A key, a primary key and a group have 1 to 256 characters,
 * without control characters; what is wrong fails the call with `InvalidRequestOption`. All else that may be asked of a pool, such as another
 * priority for what waits, pauses and limits, is in the routes of the service, and not here.
 */
export const callOptions = (options: CallOptions): { readonly headers: Readonly<Record<string, string>> } => ({
  headers: headersOf(options)
})

export type { CallOptions }

/** Needs a `Protocol`, such as that of `layerProtocol`, and lives as long as the scope. */
export const client = <Rpcs extends Rpc.Any>(
  local: RpcGroup.RpcGroup<Rpcs>
): Effect.Effect<Client<Rpcs>, never, RpcClient.Protocol | Scope.Scope> =>
  RpcClient.make(group(local)) as Effect.Effect<Client<Rpcs>, never, any>

/**
 * How clients reach the service at `url`: with `fetch`, one HTTP request a call. An answer that is no success, such as
 * that to a wrong token, fails the call. `fetch` gives up on a call that is not answered within 300 s; for slower ones
 * `RpcClient.layerProtocolHttp` takes any other `HttpClient`.
 */
export const layerProtocol = (options: {
  /** For example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly path?: HttpRouter.PathInput | undefined
  readonly token?: string | Redacted.Redacted | undefined
}): Layer.Layer<RpcClient.Protocol> => {
  const { path = defaultPath, token, url } = options
  const address = url.replace(/\/+$/, "") + path
  const authorize = (request: HttpClientRequest.HttpClientRequest) =>
    token === undefined ? request : HttpClientRequest.bearerToken(request, token)
  const protocol = Effect.flatMap(HttpClient.HttpClient, (http) =>
    http.pipe(
      HttpClient.mapRequest((request) => authorize(HttpClientRequest.setUrl(request, address))),
      HttpClient.filterStatusOk,
      RpcClient.makeProtocolHttp
    )
  )
  return Layer.effect(RpcClient.Protocol, protocol).pipe(
    Layer.provide([FetchHttpClient.layer, RpcSerialization.layerNdjson])
  )
}

type Handler = (payload: unknown, options: { readonly headers: Headers.Headers }) => Effect.Effect<unknown, unknown>

const layerPoolErrors = Layer.succeed(PoolErrors, (effect) => effect)

const layerHandlers = (local: RpcGroup.RpcGroup<any>) =>
  group(local).toLayer(
    Effect.map(WorkerPool.WorkerPool, ({ execute }) => {
      const handlers: Record<string, Handler> = {}
      for (const rpc of local.requests.values()) {
        handlers[rpc._tag] = (payload, { headers }) => {
          const options = optionsOf(headers)
          return options instanceof PoolError.InvalidRequestOption
            ? Effect.fail(options)
            : withoutText(rpc._tag, Effect.provideService(execute(rpc, payload, options), IdOwner, ownerOf(headers)))
        }
      }
      return handlers
    }) as any
  )

/** What a defect says, or what was thrown on a thread, is for the log of the service, and not for whoever called it. */
const withoutText = (tag: string, call: Effect.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> =>
  Effect.catchCause(call, (cause) =>
    Cause.hasDies(cause)
      ? Effect.andThen(logCause(`the handler of "${tag}" died`, cause), Effect.die("the handler died"))
      : Effect.failCause(
          Cause.map(cause, (error) => (error instanceof PoolError.ThreadCrashed ? Crashes.withoutText(error) : error))
        )
  )
