/**
 * `POST /requests/{type}`: the one route that every request takes. It is written on Node's own request and response: the
 * router and the typed API in front of it take a third of what the whole service can do (`npm run bench:http`). Its
 * contract is that of `api.ts`, where the OpenAPI document and the documentation come from.
 */
import { Cause, type Context, Effect, Exit, Fiber } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { PoolError } from "../index.ts"
import { IdOwner } from "../internal/idOwner.ts"
import {
  type Asked,
  fingerprintOf,
  otherPayload,
  sendEnd,
  sendPending,
  stillRunning,
  type Take,
  type Traced
} from "./asked.ts"
import { readJson } from "./body.ts"
import { callOptions, idempotencyKey, waitSeconds } from "./headers.ts"
import type { Ended } from "./ended.ts"
import type { Entry } from "./ledger.ts"
import { logCause } from "./logCause.ts"
import * as Problem from "./problem.ts"
import { refusalOf, unknownType } from "./refusals.ts"
import * as Resource from "./resource.ts"
import { sendProblem } from "./send.ts"
import type { Service } from "./service.ts"
import * as Stored from "./stored/submit.ts"

export type Submit = (request: IncomingMessage, response: ServerResponse, type: string, query: string) => void

export const makeSubmit = (service: Service, context: Context.Context<never>, traced: Traced): Submit => {
  const { handlers, options, stored, tenants } = service
  const maxWaitSeconds = options.maxWaitMillis / 1000
  const take =
    stored === undefined ? takeInMemory(service, context, traced) : Stored.take(service, stored, context, traced)
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
      query,
      options: callWith,
      waitSeconds: waitSeconds(headers.prefer, maxWaitSeconds),
      tenant,
      key
    }
    if (service.stopping) return sendProblem(response, Problem.draining)
    readJson(request, response, options.maxBodyBytes, (json, text, bytes) => take(request, asked, json, text, bytes))
  }
}

/** Takes it into the pool of this process, whose ledger knows of it. */
const takeInMemory = (service: Service, context: Context.Context<never>, traced: Traced): Take => {
  const { ledger, pool } = service
  const run = Effect.runForkWith(context)

  /** A schema that throws is a defect, and its client must not wait for ever. */
  const failed = (response: ServerResponse, cause: Cause.Cause<unknown>) => {
    sendProblem(response, Problem.unexpected)
    run(logCause("a request could not be answered", cause))
  }

  const answerEnd = (asked: Asked, entry: Entry, ended: Ended): void =>
    sendEnd(asked, Resource.answer(entry, ended), service.retryAfter)

  const answerPending = (asked: Asked, entry: Entry, status: 202 | 409): void => {
    const request = Effect.runSync(Resource.of(entry)) // @allowed: it reads two fields
    sendPending(asked, Resource.locationOf(entry.id), request, status)
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
    if (error !== undefined) sendProblem(response, refusalOf(error, service.retryAfter))
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

  return (request, asked, json, text, bytes) => {
    const { key, options, response, type } = asked
    if (key !== undefined && isRepeat(asked, fingerprintOf(asked, text))) return
    const call = Effect.map(pool.submitUnknown(type, json, options), (ticket) =>
      ledger.add(ticket, key, Fiber.getCurrent()!.cache.span, bytes)
    )
    // One tenant never joins what another one has called for.
    const owned = asked.tenant === undefined ? call : Effect.provideService(call, IdOwner, asked.tenant)
    const fiber = run(traced(request, owned))
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

const noPlace = ({ waitSeconds }: Asked, retryAfter: number): Problem.Problem => ({
  status: 429,
  kind: "queue-full",
  title: "Too Many Requests",
  detail: `The queue has had no place within ${waitSeconds} s; this request was not accepted`,
  headers: { "retry-after": String(retryAfter) }
})
