/** The routes of single requests, of this process's: look, list, cancel, send again. `stored/requests.ts` has those of a store. */
import { Effect, Fiber } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import type { Selection } from "../index.ts"
import { Api } from "./api.ts"
import { clientOf } from "./client.ts"
import { waitSeconds } from "./headers.ts"
import type { Entry } from "./ledger.ts"
import { cancelFitting, filterOf, json, listedOf, Page, problems, wrongCursor } from "./lists.ts"
import { gone, invalid, type Problem, toResponse, unknownId } from "./problem.ts"
import { refusalOf } from "./refusals.ts"
import * as Resource from "./resource.ts"
import type { Service } from "./service.ts"

export const layer = (service: Service) =>
  HttpApiBuilder.group(Api, "requests", (handlers) => {
    const { ledger, options, pool, tenants } = service

    /** The request of an id, or the answer that there is none: a tenant has no others than its own. */
    const withEntry = (
      id: string,
      { headers }: HttpServerRequest.HttpServerRequest,
      use: (entry: Entry) => Effect.Effect<HttpServerResponse.HttpServerResponse>
    ) =>
      Effect.suspend(() => {
        const entry = ledger.find(id)
        const tenant = tenants.of(headers)
        const isOthers = tenant !== undefined && typeof entry === "object" && entry.key !== tenant
        if (entry === undefined || isOthers) return Effect.succeed(toResponse(unknownId(id)))
        return entry === "gone" ? Effect.succeed(toResponse(gone(id))) : use(entry)
      })
    /** Why a dead letter is none of the client's, if it is not: of one that is no longer kept nobody knows whose it was. */
    const othersLetter = (id: string, { headers }: HttpServerRequest.HttpServerRequest): Problem | undefined => {
      const tenant = tenants.of(headers)
      const letter = ledger.find(id)
      if (tenant === undefined || (typeof letter === "object" && letter.key === tenant)) return undefined
      return letter === "gone" ? gone(id) : unknownId(id)
    }
    const show = (entry: Entry, status: number, headers?: Readonly<Record<string, string>>) =>
      Effect.map(Resource.of(entry), (text) => json(text, { status, headers }))

    return handlers
      .handle("getRequest", ({ headers, params: { id }, request }) =>
        withEntry(id, request, (entry) => {
          const seconds = waitSeconds(headers.prefer, options.maxWaitMillis / 1000)
          if (seconds === undefined || entry.ended !== undefined) return show(entry, 200)
          const applied = { "preference-applied": `wait=${seconds}` }
          return Effect.andThen(
            Effect.timeoutOption(ended(entry), seconds * 1000),
            Effect.suspend(() => show(entry, 200, applied))
          )
        })
      )
      .handle("cancelRequest", ({ params: { id }, request }) =>
        withEntry(id, request, ({ cancel }) =>
          Effect.map(cancel, (cancel) => HttpServerResponse.jsonUnsafe({ id, cancel }))
        )
      )
      .handle("cancelRequests", ({ query, request }) =>
        Effect.gen(function* () {
          const owner = tenants.keyOf(tenants.of(request.headers), query.key)
          if ("status" in owner) return toResponse(owner)
          const filter = filterOf(query)
          if ("status" in filter) return toResponse(filter)
          const { type, wanted } = filter
          const where = wanted && (({ phase }: Selection.RequestView) => wanted.includes(phase))
          const cancelled = yield* cancelFitting(pool, { tag: type, group: query.group, where, ...owner })
          yield* Effect.logInfo(`DELETE /requests by ${clientOf(request)}: ${cancelled} of ${JSON.stringify(query)}`)
          return HttpServerResponse.jsonUnsafe({ cancelled })
        })
      )
      .handle("patchRequest", ({ params: { id }, payload: { priority }, request }) =>
        withEntry(id, request, (entry) =>
          Effect.matchEffect(entry.ticket?.setPriority(priority) ?? Effect.succeed(false), {
            onSuccess: (isSet) => (isSet ? show(entry, 200) : Effect.succeed(toResponse(problems.started))),
            onFailure: ({ field, message }) => Effect.succeed(toResponse(invalid(field, message)))
          })
        )
      )
      .handle("retryRequest", ({ params: { id }, request }) =>
        Effect.suspend(() => {
          if (service.stopping) return Effect.succeed(toResponse(problems.stopping))
          const others = othersLetter(id, request)
          if (others !== undefined) return Effect.succeed(toResponse(others))
          const bytes = service.deadLetterBytes.sizeOf(id)
          return Effect.matchEffect(pool.deadLetters.resubmit(id), {
            onSuccess: (ticket) =>
              show(ledger.add(ticket, undefined, Fiber.getCurrent()!.cache.span, bytes), 202, {
                location: Resource.locationOf(ticket.id)
              }),
            onFailure: (error) =>
              Effect.succeed(
                toResponse(
                  error._tag === "DeadLetterNotFound"
                    ? noDeadLetter(id, ledger.find(id))
                    : refusalOf(error, service.retryAfter)
                )
              )
          })
        })
      )
      .handle("discardRequest", ({ params: { id }, request }) =>
        Effect.suspend(() => {
          const others = othersLetter(id, request)
          if (others !== undefined) return Effect.succeed(toResponse(others))
          return Effect.map(pool.deadLetters.discard(id), (isDiscarded) =>
            isDiscarded ? HttpServerResponse.empty({ status: 204 }) : toResponse(noDeadLetter(id, ledger.find(id)))
          )
        })
      )
      .handle("listRequests", ({ query, request }) => {
        const owner = tenants.keyOf(tenants.of(request.headers), query.key)
        if ("status" in owner) return Effect.succeed(toResponse(owner))
        const asked = listedOf(query)
        if ("status" in asked) return Effect.succeed(toResponse(asked))
        const { after, group, type } = query
        const { limit, wanted } = asked
        // By number: the request of a cursor may have left the list since.
        const before = after === undefined ? Infinity : ledger.numberOf(after)
        if (before === 0) return Effect.succeed(toResponse(wrongCursor))
        const one = { wanted, type, group, key: owner.key, before, page: new Page(limit) }
        return Effect.map(
          wanted?.includes("deadLetter") ? deadLetters(service, one) : fromLedger(service, one),
          (page) => json(page.text)
        )
      })
  })

interface Listed {
  readonly wanted: ReadonlyArray<string> | undefined
  readonly type: string | undefined
  readonly group: string | undefined
  readonly key: string | undefined
  /** The number of the last one that has been shown. */
  readonly before: number
  readonly page: Page
}

const fromLedger = ({ ledger }: Service, { before, group, key, page, type, wanted }: Listed): Effect.Effect<Page> =>
  Effect.gen(function* () {
    for (const entry of ledger.before(before)) {
      if ((type !== undefined && entry.type !== type) || (key !== undefined && entry.key !== key)) continue
      if (group !== undefined && entry.group !== group) continue
      const { ended, id, ticket } = entry
      const state = ended === undefined ? yield* ticket!.status : ended.state
      if (wanted !== undefined && !wanted.includes(state)) continue
      if (!page.add({ cursor: id, text: yield* Resource.of(entry) })) break
    }
    return page
  })

/** These are the pool's: they are kept by their number, however old they are. */
const deadLetters = ({ ledger, pool, tell }: Service, { before, key, page, type }: Listed): Effect.Effect<Page> =>
  Effect.gen(function* () {
    const fitting = (yield* pool.deadLetters.list)
      .map(({ outcome }) => ({ outcome, number: ledger.numberOf(outcome.id) }))
      .filter(({ number, outcome }) => number < before && (type === undefined || outcome.tag === type))
      .toSorted((a, b) => b.number - a.number)
    for (const { outcome } of fitting) {
      const { id } = outcome
      const entry = ledger.find(id)
      // Whose the others were is not known any more.
      if (key !== undefined && !(typeof entry === "object" && entry.key === key)) continue
      const text =
        typeof entry === "object" ? yield* Resource.of(entry) : Resource.ended(undefined, yield* tell(outcome))
      if (!page.add({ cursor: id, text })) break
    }
    return page
  })

/** Until its end is there to be shown. */
const ended = (entry: Entry): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (entry.ended !== undefined) return resume(Effect.void)
    return Effect.sync(entry.listen(() => resume(Effect.void)))
  })

const noDeadLetter = (id: string, entry: Entry | "gone" | undefined): Problem =>
  entry === undefined ? unknownId(id) : entry === "gone" ? gone(id) : problems.noDeadLetter
