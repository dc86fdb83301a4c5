/** Why a request is not taken, as an answer. */
import type { PoolError } from "../index.ts"
import * as Problem from "./problem.ts"

/** `retryAfter`: whole seconds after which it is worth to ask a full queue again. */
export const refusalOf = (error: PoolError.SubmitError, retryAfter: () => number): Problem.Problem => {
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
    case "CircuitOpen":
      return {
        status: 503,
        kind: "circuit-open",
        title: "Service Unavailable",
        detail: error.message,
        headers: { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterMillis / 1000))) }
      }
    case "DuplicateRequest":
      return { status: 409, kind: "duplicate", title: "Conflict", detail: error.message, members: { id: error.id } }
    case "HandlerNotFound":
      return unknownType(error.tag, error.known)
    case "InvalidPayload":
      return Problem.unfit("payload", error.message, "payload")
    case "NestedWaitRefused":
      return { status: 508, kind: "nested", title: "Loop Detected", detail: error.message }
    case "InvalidRequestOption":
      return Problem.invalid(error.field, error.message)
    case "StoreUnavailable":
      return notStored
    case "RequestExpired":
      return { status: 504, kind: "expired", title: "Gateway Timeout", detail: error.message }
  }
}

export const unknownType = (type: string, known: Iterable<string>): Problem.Problem =>
  Problem.notFound(`No handler for "${type.slice(0, 100)}"; there are ${[...known].join(", ") || "none"}`)

/** What exactly is wrong with it is for the log: it may name machines. */
export const storeAway: Problem.Problem = {
  status: 503,
  kind: "store-unavailable",
  title: "Service Unavailable",
  detail: "The store of requests cannot be reached",
  headers: { "retry-after": "5" }
}

/** The request itself may have been taken: nobody knows. */
export const notStored: Problem.Problem = {
  ...storeAway,
  detail: `${storeAway.detail}: whether this one is stored is not known; with an \`Idempotency-Key\` it may be sent again without harm`
}
