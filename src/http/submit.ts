/**
 * `POST /requests/{type}`: the one route that every request takes. It is written on Node's own request and response: the
 * router and the typed API in front of it take a third of what the whole service can do (`npm run bench:http`). Its
 * contract is that of `api.ts`, where the OpenAPI document and the documentation come from.
 */
import { Cause, type Context, Effect, Exit, Fiber } from "effect"
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Call, PoolError } from "../index.ts"
import { readJson } from "./body.ts"
import { callOptions, idempotencyKey, waitSeconds } from "./headers.ts"
import type { Ended } from "./ended.ts"
import type { Entry } from "./ledger.ts"
import { logCause } from "./logCause.ts"
import * as Problem from "./problem.ts"
import * as Resource from "./resource.ts"
import { send, sendProblem } from "./send.ts"
import type { Service } from "./service.ts"

export type Submit = (request: IncomingMessage, response: ServerResponse, type: string, query: string) => void

/** What one call asks for, beside its payload. */
interface Asked {
  readonly response: ServerResponse
  readonly type: string
  readonly options: Call.Options | undefined
  readonly waitSeconds: number | undefined
  readonly key: string | undefined
}

/** The call until it is accepted: its request, or why there is none. */
type Acceptance = Effect.Effect<Entry, PoolError.SubmitError>

export const makeSubmit = (
  service: Service,
  context: Context.Context<never>,
  /** Around each call: its span, if there is a tracer. */
  traced: (request: IncomingMessage, call: Acceptance) => Acceptance
): Submit => {
  const { handlers, ledger, options, pool, tenants } = service
  const run = Effect.runForkWith(context)
  const maxWaitSeconds = options.maxWaitMillis / 1000

  /** A schema that throws is a defect, and its client must not wait for ever. */
  const failed = (response: ServerResponse, cause: Cause.Cause<unknown>) => {
    sendProblem(response, Problem.unexpected)
    run(logCause("a request could not be answered", cause))
  }

  const answerEnd = (asked: Asked, entry: Entry, ended: Ended): void => {
    const { problem, text } = Resource.answer(entry, ended)
    const applied = preferenceApplied(asked)
    if (problem === undefined) send(asked.response, 200, text, applied)
    else sendProblem(asked.response, { ...problem, headers: { ...applied, ...retryAfter(problem.status) } })
  }
  const retryAfter = (status: number) => (status === 503 ? { "retry-after": String(service.retryAfter()) } : undefined)

  const answerPending = (asked: Asked, entry: Entry, status: 202 | 409): void => {
    const headers = { location: Resource.locationOf(entry.id), ...preferenceApplied(asked) }
    const request = Effect.runSync(Resource.of(entry)) // @allowed: it reads two fields
    if (status === 202) send(asked.response, 202, request, headers)
    else sendProblem(asked.response, { ...stillRunning, headers, request })
  }

  /** Who goes away meanwhile hears nothing: an answer to nobody is dropped. The request goes on. */
  const answerWhenEnded = (asked: Asked, entry: Entry, wait: Wait | undefined): void => {
    const end = (entry: Entry, ended: Ended) => {
      clearTimeout(wait?.timer)
      entry.answeredWithEnd = true
      answerEnd(asked, entry, ended)
    }
    if (entry.ended !== undefined) return end(entry, entry.ended)
    const unlisten = entry.listen(end)
    wait ??= startWait(asked.waitSeconds!)
    wait.onRunOut = () => {
      unlisten()
      answerPending(asked, entry, 202)
    }
  }

  const answerAccepted = (asked: Asked, accepted: Exit.Exit<Entry, PoolError.SubmitError>, wait?: Wait): void => {
    const { key, response, waitSeconds } = asked
    if (Exit.isSuccess(accepted)) {
      return waitSeconds === undefined
        ? answerPending(asked, accepted.value, 202)
        : answerWhenEnded(asked, accepted.value, wait)
    }
    clearTimeout(wait?.timer)
    if (key !== undefined) ledger.disclaim(key)
    const { cause } = accepted
    const error = cause.reasons.find(Cause.isFailReason)?.error
    if (error !== undefined) sendProblem(response, refusalOf(error, service))
    else if (!Cause.hasInterruptsOnly(cause)) failed(response, cause)
  }

  /** Answers a repeat, and tells whether it was one. */
  const isRepeat = (asked: Asked, fingerprint: string): boolean => {
    const claimed = ledger.claim(asked.key!, fingerprint)
    if (claimed === undefined) return false
    const { entry } = claimed
    if (claimed.fingerprint !== fingerprint) sendProblem(asked.response, otherPayload)
    else if (entry === undefined) sendProblem(asked.response, stillRunning)
    else if (entry.ended === undefined) answerPending(asked, entry, 409)
    else if (asked.waitSeconds === undefined && !entry.answeredWithEnd) answerPending(asked, entry, 202)
    else answerEnd(asked, entry, entry.ended)
    return true
  }

  return (request, response, type, query) => {
    if (!handlers.has(type)) return sendProblem(response, unknownType(type, handlers.keys()))
    const { headers } = request
    const idempotent = idempotencyKey(headers["idempotency-key"])
    if (typeof idempotent === "object") return sendProblem(response, idempotent)
    const wanted = callOptions(query, headers.priority, options.millisOf)
    if (wanted !== undefined && "status" in wanted) return sendProblem(response, wanted)
    const tenant = tenants.of(headers)
    const owner = tenants.keyOf(tenant, wanted?.key)
    if ("status" in owner) return sendProblem(response, owner)
    const callWith = tenant === undefined ? wanted : { ...wanted, key: owner.key }
    // One tenant is never answered with what another one has got.
    const key = tenant === undefined || idempotent === undefined ? idempotent : `${tenant}\n${idempotent}`
    const asked: Asked = {
      response,
      type,
      options: callWith,
      waitSeconds: waitSeconds(headers.prefer, maxWaitSeconds),
      key
    }
    if (service.stopping) return sendProblem(response, Problem.draining)
    readJson(request, response, options.maxBodyBytes, (json, text, bytes) => {
      if (key !== undefined && isRepeat(asked, fingerprintOf(type, query, text))) return
      const call = Effect.map(pool.submitUnknown(type, json, callWith), (ticket) =>
        ledger.add(ticket, key, Fiber.getCurrent()!.cache.span, bytes)
      )
      const fiber = run(traced(request, call))
      const accepted = fiber.pollUnsafe()
      if (accepted !== undefined) return answerAccepted(asked, accepted)
      // It waits for a place in the queue, or for a schema that takes time.
      const giveUp = () => run(Fiber.interrupt(fiber))
      const wait = asked.waitSeconds === undefined ? undefined : startWait(asked.waitSeconds)
      if (wait !== undefined) {
        wait.onRunOut = () => {
          sendProblem(response, noPlace(asked, service.retryAfter()))
          giveUp()
        }
      }
      fiber.addObserver((accepted) => answerAccepted(asked, accepted, wait))
      response.once("close", giveUp)
    })
  }
}

/** How long a client waits, from its call on: for a place in the queue, and then for the end. */
interface Wait {
  readonly timer: NodeJS.Timeout
  onRunOut: () => void
}

const startWait = (seconds: number): Wait => {
  const wait: Wait = { timer: setTimeout(() => wait.onRunOut(), seconds * 1000), onRunOut: () => {} }
  return wait
}

const fingerprintOf = (type: string, query: string, text: string): string =>
  createHash("sha256").update(`${type}\n${query}\n${text}`).digest("base64")

const preferenceApplied = ({ waitSeconds }: Asked): Record<string, string> | undefined =>
  waitSeconds === undefined ? undefined : { "preference-applied": `wait=${waitSeconds}` }

export const unknownType = (type: string, known: Iterable<string>): Problem.Problem =>
  Problem.notFound(`No handler for "${type.slice(0, 100)}"; there are ${[...known].join(", ") || "none"}`)

/** Why a request was not accepted. */
export const refusalOf = (error: PoolError.SubmitError, { retryAfter }: Service): Problem.Problem => {
  switch (error._tag) {
    case "QueueFull":
      return {
        status: 429,
        kind: "queue-full",
        title: "Too Many Requests",
        detail: error.message,
        headers: { "retry-after": String(retryAfter()) }
      }
    case "PoolDraining":
      return Problem.draining
    case "HandlerNotFound":
      return unknownType(error.tag, error.known)
    case "InvalidPayload":
      return Problem.unfit("payload", error.message, "payload")
    case "NestedWaitRefused":
      return { status: 508, kind: "nested", title: "Loop Detected", detail: error.message }
    case "InvalidRequestOption":
      return Problem.invalid(error.field, error.message)
    case "StoreUnavailable":
      return { status: 503, kind: "store-unavailable", title: "Service Unavailable", detail: error.message }
    case "RequestExpired":
      return { status: 504, kind: "expired", title: "Gateway Timeout", detail: error.message }
  }
}

const noPlace = ({ waitSeconds }: Asked, retryAfter: number): Problem.Problem => ({
  status: 429,
  kind: "queue-full",
  title: "Too Many Requests",
  detail: `The queue has had no place within ${waitSeconds} s; this request was not accepted`,
  headers: { "retry-after": String(retryAfter) }
})

const stillRunning: Problem.Problem = {
  status: 409,
  kind: "still-running",
  title: "Conflict",
  detail: "A request with this `Idempotency-Key` has not ended yet",
  members: { field: "Idempotency-Key" }
}

const otherPayload: Problem.Problem = {
  status: 422,
  kind: "key-reused",
  title: "Unprocessable Content",
  detail: "Another request came with this `Idempotency-Key`: expected the same type, options and payload",
  members: { field: "Idempotency-Key" }
}
