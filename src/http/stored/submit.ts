/**
 * Takes a call into the store: it is answered once it is there, or, where its client waits, with its end, whichever process makes that.
 * What the same key has brought before is known to the store, so that it holds whoever is asked.
 */
import { Cause, Clock, type Context, Effect, Fiber, Result } from "effect"
import type { Call, PoolError, Ticket } from "../../index.ts"
import { IdOwner } from "../../internal/idOwner.ts"
import { millisUntil, startTimeOf } from "../../internal/startTime.ts"
import {
  type Asked,
  fingerprintOf,
  otherPayload,
  sendEnd,
  sendPending,
  stillRunning,
  type Take,
  type Traced
} from "../asked.ts"
import { logCause } from "../logCause.ts"
import * as Problem from "../problem.ts"
import { notStored, refusalOf } from "../refusals.ts"
import * as Resource from "../resource.ts"
import { sendProblem } from "../send.ts"
import type { Service } from "../service.ts"
import * as StoredResource from "./resource.ts"
import { outcomeWithin, type Room } from "./room.ts"

export const take = (service: Service, room: Room, context: Context.Context<never>, traced: Traced): Take => {
  const { pool, retryAfter } = service
  const { durable } = room
  const run = Effect.runForkWith(context)

  const store = (asked: Asked, json: unknown, text: string): Effect.Effect<Stored, PoolError.SubmitError> => {
    const { key, options, tenant, type } = asked
    if (key === undefined) {
      const submitted = Effect.provideService(pool.submitUnknown(type, json, options), IdOwner, tenant)
      return Effect.map(submitted, (ticket) => ({ ticket, known: false, fits: true }))
    }
    const id = durable.idOf(type, idTextOf(key))
    return durable.submitKeyed(type, json, { ...options, id }, fingerprintOf(asked, text))
  }

  /** A repeat: of one that has ended, or of one that goes on. */
  const answerAgain = (asked: Asked, id: string) =>
    Effect.gen(function* () {
      const record = yield* durable.find(id)
      const { end } = record
      if (end !== undefined && asked.waitSeconds !== undefined) {
        return sendEnd(asked, StoredResource.answer(record, yield* room.endOf(end)), retryAfter)
      }
      const request = yield* StoredResource.of(room, record)
      sendPending(asked, Resource.locationOf(id), request, end === undefined ? 409 : 202)
    }).pipe(
      // It has ended meanwhile and is kept no longer, or nobody can be asked.
      Effect.catch((error) =>
        Effect.sync(() =>
          sendProblem(asked.response, error._tag === "NoSuchRequest" ? stillRunning : refusalOf(error, retryAfter))
        )
      )
    )

  const answer = (asked: Asked, { fits, known, ticket }: Stored, acceptedAt: number): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { response, type, waitSeconds } = asked
      if (!fits) return sendProblem(response, otherPayload)
      if (known) return yield* answerAgain(asked, ticket.id)
      const { id, key } = ticket
      const priority = yield* ticket.priority
      if (waitSeconds !== undefined) {
        const left = acceptedAt + waitSeconds * 1000 - (yield* Clock.currentTimeMillis)
        const outcome = yield* outcomeWithin(ticket, Math.max(0, left))
        if (outcome._tag === "Some") {
          const endedAt = yield* Clock.currentTimeMillis
          const ended = yield* service.tell(outcome.value)
          return sendEnd(asked, Resource.answer({ acceptedAt, endedAt, key, priority }, ended), retryAfter)
        }
      }
      const startsInMillis = millisFrom(acceptedAt, asked.options)
      const request = StoredResource.begun(id, { type, key, priority, acceptedAt, startsInMillis })
      sendPending(asked, Resource.locationOf(id), request, 202)
    })

  return (request, asked, json, text) => {
    const { response } = asked
    const called = Effect.gen(function* () {
      const acceptedAt = yield* Clock.currentTimeMillis
      const call = traced(request, store(asked, json, text))
      const { waitSeconds } = asked
      if (waitSeconds === undefined) return yield* answer(asked, yield* call, acceptedAt)
      const stored = yield* Effect.timeoutOption(call, Math.max(leastMillis, waitSeconds * 1000))
      if (stored._tag === "None") return sendProblem(response, notStored)
      yield* answer(asked, stored.value, acceptedAt)
    }).pipe(
      Effect.catch((error) => Effect.sync(() => sendProblem(response, refusalOf(error, retryAfter)))),
      Effect.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.void
        sendProblem(response, Problem.unexpected)
        return logCause("a request could not be answered", cause)
      })
    )
    const fiber = run(called)
    // Who goes away hears nothing. What is stored goes on.
    response.once("close", () => run(Fiber.interrupt(fiber)))
  }
}

const millisFrom = (acceptedAt: number, options: Call.Options = {}): number | undefined => {
  const start = startTimeOf(options)
  return Result.isSuccess(start) && start.success !== undefined ? millisUntil(start.success, acceptedAt) : undefined
}

/** What even a client that does not wait gives the store to take its request. */
const leastMillis = 2000

interface Stored {
  readonly ticket: Ticket.Ticket<unknown, unknown>
  readonly known: boolean
  readonly fits: boolean
}

/** A client may choose any text for its key, also the id of a request of somebody else's. */
const idTextOf = (key: string): string => `Idempotency-Key\n${key}`
