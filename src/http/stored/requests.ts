/** The routes of single requests that are stored: of all of them, whichever process was asked or works on them. */
import { Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import type { RequestRecord } from "../../durable/Store.ts"
import type { PoolError } from "../../index.ts"
import { Api } from "../api.ts"
import { clientOf } from "../client.ts"
import { waitSeconds } from "../headers.ts"
import { filterOf, json, listedOf, Page, problems, wrongCursor } from "../lists.ts"
import { invalid, notFound, type Problem, toResponse } from "../problem.ts"
import { refusalOf, storeAway } from "../refusals.ts"
import { locationOf } from "../resource.ts"
import { isUuid } from "../../durable/asking/ids.ts"
import type { Service } from "../service.ts"
import { cancelAll, failAway } from "./away.ts"
import { beforeOf, cursorOf, listStates } from "./pages.ts"
import * as Resource from "./resource.ts"
import { outcomeWithin, type Room } from "./room.ts"

type Answer = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  PoolError.NoSuchRequest | PoolError.StoreUnavailable | PoolError.InvalidRequestOption
>

export const layer = (service: Service, room: Room) =>
  HttpApiBuilder.group(Api, "requests", (handlers) => {
    const { options, pool, retryAfter, tenants } = service
    const { durable } = room

    /** The request of an id, or the answer that there is none: a tenant has no others than its own. */
    const withRecord = (
      id: string,
      { headers }: HttpServerRequest.HttpServerRequest,
      use: (record: RequestRecord) => Answer
    ) =>
      Effect.gen(function* () {
        // Nothing else is an id, and the store need not be asked.
        if (!isUuid(id)) return toResponse(unknownId(id))
        const record = yield* durable.find(id)
        const tenant = tenants.of(headers)
        if (tenant !== undefined && record.request.key !== tenant) return toResponse(unknownId(id))
        return yield* use(record)
      }).pipe(Effect.catch((error) => Effect.succeed(toResponse(refused(id, error)))))
    const refused = (id: string, error: Effect.Error<Answer>): Problem => {
      if (error._tag === "NoSuchRequest") return unknownId(id)
      return error._tag === "StoreUnavailable" ? storeAway : invalid(error.field, error.message)
    }
    const show = (record: RequestRecord, status = 200, headers?: Readonly<Record<string, string>>) =>
      Effect.map(Resource.of(room, record), (text) => json(text, { status, headers }))
    const showNow = (id: string, status = 200, headers?: Readonly<Record<string, string>>): Answer =>
      Effect.flatMap(durable.find(id), (record) => show(record, status, headers))

    return handlers
      .handle("getRequest", ({ headers, params: { id }, request }) =>
        withRecord(id, request, (record) =>
          Effect.gen(function* () {
            const seconds = waitSeconds(headers.prefer, options.maxWaitMillis / 1000)
            if (seconds === undefined || record.end !== undefined) return yield* show(record)
            yield* outcomeWithin(yield* room.ticketOf(record), seconds * 1000)
            return yield* showNow(id, 200, { "preference-applied": `wait=${seconds}` })
          })
        )
      )
      .handle("cancelRequest", ({ params: { id }, request }) =>
        withRecord(id, request, () =>
          Effect.map(durable.cancel(id), (cancel) => HttpServerResponse.jsonUnsafe({ id, cancel }))
        )
      )
      .handle("cancelRequests", ({ query, request }) =>
        Effect.gen(function* () {
          const owner = tenants.keyOf(tenants.of(request.headers), query.key)
          if ("status" in owner) return toResponse(owner)
          const filter = filterOf(query)
          if ("status" in filter) return toResponse(filter)
          // No request of a store has a group.
          const none = query.group === undefined ? {} : { wanted: [] }
          const cancelled = yield* cancelAll(durable, pool, { ...filter, ...owner, ...none })
          yield* Effect.logInfo(`DELETE /requests by ${clientOf(request)}: ${cancelled} of ${JSON.stringify(query)}`)
          return HttpServerResponse.jsonUnsafe({ cancelled })
        }).pipe(Effect.catch(() => Effect.succeed(toResponse(storeAway))))
      )
      .handle("patchRequest", ({ params: { id }, payload: { priority }, request }) =>
        withRecord(id, request, (record) =>
          Effect.gen(function* () {
            if (record.end !== undefined) return toResponse(problems.started)
            const ticket = yield* room.ticketOf(record)
            const isSet = yield* ticket.setPriority(priority)
            if (isSet) return yield* showNow(id)
            yield* failAway(durable)
            return toResponse(problems.started)
          })
        )
      )
      .handle("retryRequest", ({ params: { id }, request }) => {
        if (service.stopping) return Effect.succeed(toResponse(problems.stopping))
        return withRecord(id, request, () =>
          durable.resubmit(id).pipe(
            Effect.flatMap((ticket) => showNow(ticket.id, 202, { location: locationOf(ticket.id) })),
            Effect.catch((error) =>
              error._tag === "NoSuchRequest"
                ? Effect.fail(error)
                : Effect.succeed(
                    toResponse(
                      error._tag === "DeadLetterNotFound" ? problems.noDeadLetter : refusalOf(error, retryAfter)
                    )
                  )
            )
          )
        )
      })
      .handle("discardRequest", ({ params: { id }, request }) =>
        withRecord(id, request, () =>
          Effect.map(durable.discard(id), (isDiscarded) =>
            isDiscarded ? HttpServerResponse.empty({ status: 204 }) : toResponse(problems.noDeadLetter)
          )
        )
      )
      .handle("listRequests", ({ query, request }) =>
        Effect.gen(function* () {
          const owner = tenants.keyOf(tenants.of(request.headers), query.key)
          if ("status" in owner) return toResponse(owner)
          const asked = listedOf(query)
          if ("status" in asked) return toResponse(asked)
          const { limit, wanted } = asked
          const before = beforeOf(query.after)
          if (before === "wrong") return toResponse(wrongCursor)
          const page = new Page(limit)
          if (query.group !== undefined) return json(page.text)
          // One more tells whether there is another page.
          const one = { tag: query.type, key: owner.key, before, limit: limit + 1 }
          for (const record of yield* listStates(durable, wanted, one)) {
            if (!page.add({ cursor: cursorOf(record), text: yield* Resource.of(room, record) })) break
          }
          return json(page.text)
        }).pipe(Effect.catch(() => Effect.succeed(toResponse(storeAway))))
      )
  })

const unknownId = (id: string): Problem =>
  notFound(`No request has the id "${id.slice(0, 100)}" (what has ended is kept for a while, and then forgotten)`)
