/** The routes of single requests: look, list, cancel, send again. */
import { Effect, Fiber } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Outcome, PoolError, type Selection } from "../index.ts"
import { Api } from "./api.ts"
import { clientOf } from "./client.ts"
import { waitSeconds } from "./headers.ts"
import type { Entry } from "./ledger.ts"
import { gone, invalid, notFound, type Problem, toResponse } from "./problem.ts"
import * as Resource from "./resource.ts"
import type { Service } from "./service.ts"
import { refusalOf } from "./submit.ts"

const mostOnAPage = 500
/** Of text, on a page that has more than one request. */
const mostBytesOfAPage = 1024 ** 2
const phases: ReadonlyArray<string> = PoolError.Phase.literals
/** What `state` of a list may name. */
const listed = [...phases, ...Outcome.ends, "deadLetter"]

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
        withEntry(id, request, ({ ticket }) =>
          Effect.map(ticket?.cancel ?? Effect.succeed("settled"), (cancel) =>
            HttpServerResponse.jsonUnsafe({ id, cancel })
          )
        )
      )
      .handle("cancelRequests", ({ query, request }) =>
        Effect.gen(function* () {
          const owner = tenants.keyOf(tenants.of(request.headers), query.key)
          if ("status" in owner) return toResponse(owner)
          const filter = filterOf(query)
          if ("status" in filter) return toResponse(filter)
          const cancelled = yield* pool.cancelAll({ ...filter, ...owner })
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
          const tenant = tenants.of(request.headers)
          const letter = ledger.find(id)
          // Of one that is no longer kept nobody knows whose it was.
          if (tenant !== undefined && !(typeof letter === "object" && letter.key === tenant)) {
            return Effect.succeed(toResponse(letter === "gone" ? gone(id) : unknownId(id)))
          }
          const bytes = service.deadLetterBytes.sizeOf(id)
          return Effect.matchEffect(pool.deadLetters.resubmit(id), {
            onSuccess: (ticket) =>
              show(ledger.add(ticket, undefined, Fiber.getCurrent()!.cache.span, bytes), 202, {
                location: Resource.locationOf(ticket.id)
              }),
            onFailure: (error) =>
              Effect.succeed(
                toResponse(
                  error._tag === "DeadLetterNotFound" ? noDeadLetter(id, ledger.find(id)) : refusalOf(error, service)
                )
              )
          })
        })
      )
      .handle("listRequests", ({ query, request }) => {
        const owner = tenants.keyOf(tenants.of(request.headers), query.key)
        if ("status" in owner) return Effect.succeed(toResponse(owner))
        const wanted = query.state?.split(",").map((state) => state.trim())
        const unknown = wanted?.find((state) => !listed.includes(state))
        if (unknown !== undefined) {
          const expected = listed.join(", ")
          const got = JSON.stringify(unknown.slice(0, 40))
          return Effect.succeed(toResponse(invalid("state", `Expected \`state\` to be of ${expected}, got ${got}`)))
        }
        const { after, limit = 50 } = query
        if (!Number.isInteger(limit) || limit < 1 || limit > mostOnAPage) {
          const detail = `Expected \`limit\` to be a whole number from 1 to ${mostOnAPage}, got ${limit}`
          return Effect.succeed(toResponse(invalid("limit", detail)))
        }
        // By number: the request of a cursor may have left the list since.
        const before = after === undefined ? Infinity : ledger.numberOf(after)
        if (before === 0) {
          return Effect.succeed(toResponse(invalid("after", "Expected `after` to be the `next` of a page")))
        }
        const { type } = query
        const one = { wanted, type, key: owner.key, before, page: new Page(limit) }
        return Effect.map(
          wanted?.includes("deadLetter") ? deadLetters(service, one) : fromLedger(service, one),
          ({ next, requests }) =>
            json(`{"requests":[${requests.map(({ text }) => text).join()}],"next":${JSON.stringify(next)}}`)
        )
      })
  })

interface Listed {
  readonly wanted: ReadonlyArray<string> | undefined
  readonly type: string | undefined
  readonly key: string | undefined
  /** The number of the last one that has been shown. */
  readonly before: number
  readonly page: Page
}

interface Shown {
  readonly id: string
  readonly text: string
}

/** As many as were asked for, or as fit: the first always does. */
class Page {
  readonly requests: Array<Shown> = []
  /** The last one shown, when there are more. */
  next: string | null = null
  private bytes = 0
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  /** Whether another one may be added. */
  add(shown: Shown): boolean {
    const last = this.requests.at(-1)
    this.bytes += Buffer.byteLength(shown.text)
    if (last === undefined || (this.requests.length < this.most && this.bytes <= mostBytesOfAPage)) {
      this.requests.push(shown)
      return true
    }
    this.next = last.id
    return false
  }
}

const fromLedger = ({ ledger }: Service, { before, key, page, type, wanted }: Listed): Effect.Effect<Page> =>
  Effect.gen(function* () {
    for (const entry of ledger.before(before)) {
      if ((type !== undefined && entry.type !== type) || (key !== undefined && entry.key !== key)) continue
      const { ended, id, ticket } = entry
      const state = ended === undefined ? yield* ticket!.status : ended.state
      if (wanted !== undefined && !wanted.includes(state)) continue
      if (!page.add({ id, text: yield* Resource.of(entry) })) break
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
      if (!page.add({ id, text })) break
    }
    return page
  })

/** What to cancel: never all, for want of a filter. */
const filterOf = ({
  key,
  state,
  type
}: {
  readonly type?: string
  readonly key?: string
  readonly state?: string
}): Selection.Filter | Problem => {
  if (type === undefined && key === undefined && state === undefined) {
    return invalid("query", "Expected the query to have at least one of type, key and state, got none")
  }
  const wanted = state?.split(",").map((phase) => phase.trim())
  const unknown = wanted?.find((phase) => !phases.includes(phase))
  if (unknown !== undefined) {
    const got = JSON.stringify(unknown.slice(0, 40))
    return invalid("state", `Expected \`state\` to be of ${phases.join(", ")}, got ${got}`)
  }
  return { tag: type, key, where: wanted && (({ phase }) => wanted.includes(phase)) }
}

const json = (text: string, options?: HttpServerResponse.Options) =>
  HttpServerResponse.text(text, { contentType: "application/json", ...options })

/** Until its end is there to be shown. */
const ended = (entry: Entry): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (entry.ended !== undefined) return resume(Effect.void)
    return Effect.sync(entry.listen(() => resume(Effect.void)))
  })

const unknownId = (id: string): Problem =>
  notFound(`No request has the id "${id.slice(0, 100)}" (those of an earlier process are gone with it)`)

const noDeadLetter = (id: string, entry: Entry | "gone" | undefined): Problem =>
  entry === undefined ? unknownId(id) : entry === "gone" ? gone(id) : problems.noDeadLetter

const problems = {
  stopping: { status: 503, kind: "draining", title: "Service Unavailable", detail: "The service is shutting down" },
  noDeadLetter: {
    status: 409,
    kind: "no-dead-letter",
    title: "Conflict",
    detail: "Expected a request that failed or timed out and has not been sent again"
  },
  started: {
    status: 409,
    kind: "started",
    title: "Conflict",
    detail: "Expected a request that waits, got one that runs or has ended"
  }
} as const satisfies Record<string, Problem>
