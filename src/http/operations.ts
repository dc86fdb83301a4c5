/** The routes for those who operate the service: health, metrics, events, sessions. */
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { PrometheusMetrics } from "effect/observability"
import { Api } from "./api.ts"
import type { makeEvents } from "./events.ts"
import type { Guard } from "./guard.ts"
import { draining, type Problem, toResponse } from "./problem.ts"
import { storeAway } from "./refusals.ts"
import type { Service } from "./service.ts"

export const layer = (service: Service, guard: Guard, events: ReturnType<typeof makeEvents>) =>
  HttpApiBuilder.group(Api, "service", (handlers) => {
    const { stored } = service
    return handlers
      .handle("live", () => Effect.succeed({ status: "ok" }))
      .handle("ready", () =>
        Effect.gen(function* () {
          const { state } = yield* service.pool.snapshot
          if (!service.ready || state !== "open") return toResponse(draining)
          const isAway = stored !== undefined && (yield* stored.durable.local).isAway
          return isAway ? toResponse(storeAway) : { status: "ok" }
        })
      )
      .handle("metrics", () =>
        Effect.gen(function* () {
          if (stored !== undefined) yield* stored.look.fresh
          const text = yield* PrometheusMetrics.format()
          return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
        })
      )
      .handle("events", ({ query, request }) =>
        events({ only: query.only, lastEventId: request.headers["last-event-id"] })
      )
      .handle("getSession", ({ request }) =>
        Effect.succeed({
          required: guard.isTokenRequired,
          loggedIn: !guard.isTokenRequired || guard.isLoggedIn(request.headers.cookie)
        })
      )
      .handle("logIn", ({ payload }) =>
        Effect.sync(() =>
          guard.isToken(payload.token)
            ? HttpServerResponse.empty({ status: 204, headers: { "set-cookie": guard.logIn() } })
            : toResponse(notTheToken)
        )
      )
      .handle("logOut", ({ request }) =>
        Effect.sync(() =>
          HttpServerResponse.empty({ status: 204, headers: { "set-cookie": guard.logOut(request.headers.cookie) } })
        )
      )
  })

const notTheToken: Problem = {
  status: 401,
  kind: "token",
  title: "Unauthorized",
  detail: "Expected `token` to be the token of this service",
  members: { field: "token" },
  headers: { "www-authenticate": "Bearer" }
}
