/** All routes but the one that takes requests, as one Effect that answers a request. */
import { ByteSize, Cause, type Deferred, Effect, Layer, SchemaAST, type Scope } from "effect"
import { HttpIncomingMessage, HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware, OpenApi } from "effect/http-api"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Advice from "./advice.ts"
import { Api, InvalidAsProblem } from "./api.ts"
import { contract } from "./contract.ts"
import * as Docs from "./docs.ts"
import * as EventHub from "./eventHub.ts"
import { makeEvents } from "./events.ts"
import type { Guard } from "./guard.ts"
import { logCause } from "./logCause.ts"
import { wrongMethod } from "./methods.ts"
import * as Monitor from "./monitor.ts"
import * as Operations from "./operations.ts"
import * as Pool from "./pool.ts"
import * as Problem from "./problem.ts"
import * as Requests from "./requests.ts"
import { securityHeaders } from "./send.ts"
import type { Service } from "./service.ts"
import * as StoredRequests from "./stored/requests.ts"
import * as Turns from "./turns.ts"

export interface Parts {
  readonly guard: Guard
  /** Ends the streams of events. */
  readonly closing: Deferred.Deferred<void>
  /** Further routes. */
  readonly more: Layer.Layer<never, never, HttpRouter.HttpRouter>
}

export type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

export const make = (service: Service, { closing, guard, more }: Parts) =>
  Effect.gen(function* () {
    const monitor = yield* Monitor.make(service)
    const events = makeEvents(service, monitor, yield* EventHub.make(service, monitor), closing)
    const groups = Layer.mergeAll(
      service.stored === undefined ? Requests.layer(service) : StoredRequests.layer(service, service.stored),
      Pool.layer(service),
      Advice.layer(service),
      Turns.layer(service),
      Operations.layer(service, guard, events)
    )
    const { maxBodyBytes, version } = service.options
    const api = contract(service.handlers, version)
    const routes = Layer.mergeAll(
      HttpApiBuilder.layer(Api).pipe(Layer.provide(groups), Layer.provide(invalidAsProblem)),
      HttpRouter.add("GET", "/openapi.json", HttpServerResponse.jsonUnsafe(OpenApi.fromApi(api))),
      Docs.layer,
      more
    )
    const app = yield* HttpRouter.toHttpEffect(routes.pipe(Layer.provide(NodeHttpServer.layerHttpServices)))
    const limit = ByteSize.bytes(maxBodyBytes)
    return (app as App).pipe(
      Effect.catchCause((cause) => answerOf(cause, maxBodyBytes)),
      Effect.flatMap((response) =>
        Effect.map(HttpServerRequest.HttpServerRequest, (request) => dressed(response, request))
      ),
      Effect.provideService(HttpIncomingMessage.MaxBodySize, limit)
    )
  })

/** What every answer says, unless it says something else itself; and the one error that the router tells in its own words. */
const dressed = (response: HttpServerResponse.HttpServerResponse, { headers }: HttpServerRequest.HttpServerRequest) => {
  const answer =
    response.status === 415 ? Problem.toResponse(Problem.unsupportedType(headers["content-type"] ?? "")) : response
  return HttpServerResponse.setHeaders(answer, {
    ...securityHeaders,
    ...answer.headers
  })
}

const nothingHere = Problem.notFound("There is nothing here; /docs says what there is")

const invalidAsProblem = HttpApiMiddleware.layerSchemaErrorTransform(InvalidAsProblem, (error, { endpoint }) => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.fail(error)
  const unknown = error.kind === "Query" ? unknownName(error.cause.message, endpoint.query?.ast) : undefined
  if (unknown !== undefined) return Effect.succeed(Problem.toResponse(unknown))
  return Effect.succeed(Problem.toResponse(Problem.unfit(error.kind.toLowerCase(), error.cause.message)))
})

/** A name that a query does not have, in the words of `POST /requests`. */
const unknownName = (message: string, query: SchemaAST.AST | undefined): Problem.Problem | undefined => {
  const name = /^Unexpected key .*\n? *at \["([^"\]]*)"\]$/s.exec(message)?.[1]
  if (name === undefined || query === undefined || !SchemaAST.isObjects(query)) return undefined
  return Problem.unknownOption(
    name,
    query.propertySignatures.map(({ name }) => String(name))
  )
}

/** What no route has answered, in the shape of all errors. */
const answerOf = (cause: Cause.Cause<unknown>, maxBodyBytes: number) =>
  Effect.suspend(() => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
    const error = Cause.squash(cause)
    if (HttpServerError.isHttpServerError(error)) {
      const { reason } = error
      if (reason._tag === "RouteNotFound") {
        const { method, url } = reason.request
        return Effect.succeed(Problem.toResponse(wrongMethod(method, url.split("?", 1)[0]!) ?? nothingHere))
      }
      if (reason._tag === "RequestParseError") {
        return Effect.succeed(
          Problem.toResponse(
            reason.reason === "BodyTooLarge"
              ? Problem.tooLarge(maxBodyBytes)
              : Problem.invalid("body", "Expected a body that can be read")
          )
        )
      }
    }
    return Effect.as(logCause("a route failed", cause), Problem.toResponse(Problem.unexpected))
  })
