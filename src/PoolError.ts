/** Every error that the pool raises itself. A handler's own error is never wrapped: it keeps its type. */
import { Schema } from "effect"

export { DeadLetterNotFound, DuplicateHandler, InvalidPoolConfig, OutOfBounds, UnsupportedRpc } from "./ConfigError.ts"

/** The places in which a request can be when something ends it. */
export const Phase = Schema.Literals(["blocked", "waiting", "delayed", "running"])
export type Phase = typeof Phase.Type

/**
 * Not accepted: the queue is at its capacity, or has as many requests of this one's `key` as it may, and the strategy is
 * `"dropping"`; or, whatever the strategy, `scheduled`: it has as many that are not due yet as `maxScheduled` says.
 */
export class QueueFull extends Schema.TaggedError<QueueFull>()("QueueFull", {
  capacity: Schema.Number,
  key: Schema.optionalKey(Schema.String),
  scheduled: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message() {
    if (this.scheduled)
      return `As many requests as may (${this.capacity}) are there before they are due; this one was refused`
    return this.key === undefined
      ? `The queue holds its ${this.capacity} requests; this one was refused`
      : `The queue holds as many requests of key "${this.key}" as it may; this one was refused`
  }
}

/** Not accepted: the pool is draining, or closed. */
export class PoolDraining extends Schema.TaggedError<PoolDraining>()("PoolDraining", {
  pool: Schema.String
}) {
  override get message() {
    return `Pool "${this.pool}" is shutting down and takes no new requests`
  }
}

/**
 * Not accepted: what its attempts call fails, and its breaker, whose `whenOpen` is `"fail"`, is open; it lets a probe through after
 * `retryAfterMillis`. Also the end of what waited when it opened.
 */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  tag: Schema.String,
  key: Schema.optionalKey(Schema.String),
  retryAfterMillis: Schema.Number
}) {
  override get message() {
    const whose = this.key === undefined ? "" : ` for key "${this.key}"`
    return `"${this.tag}" fails${whose}: nothing of it starts for ${this.retryAfterMillis} ms`
  }
}

/** Not accepted: request `id` has the same identity and has not ended, and `duplicate` is `"reject"`. */
export class DuplicateRequest extends Schema.TaggedError<DuplicateRequest>()("DuplicateRequest", {
  tag: Schema.String,
  id: Schema.String,
  primaryKey: Schema.String
}) {
  override get message() {
    return `"${this.tag}" of primary key "${this.primaryKey}" is there already, as request ${this.id}`
  }
}

/** Not accepted: no handler of that tag was given to the pool. */
export class HandlerNotFound extends Schema.TaggedError<HandlerNotFound>()("HandlerNotFound", {
  tag: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message() {
    return `No handler for "${this.tag}"; the pool knows ${this.known.join(", ") || "none"}`
  }
}

/** Not accepted: the payload does not fit the request's schema. */
export class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("InvalidPayload", {
  tag: Schema.String,
  issue: Schema.String
}) {
  override get message() {
    return `Payload of "${this.tag}": ${this.issue}`
  }
}

/** Not accepted: an option of this one call, or of an annotation, is out of its range. */
export class InvalidRequestOption extends Schema.TaggedError<InvalidRequestOption>()("InvalidRequestOption", {
  field: Schema.String,
  expected: Schema.String,
  actual: Schema.String
}) {
  override get message() {
    return `Expected \`${this.field}\` to be ${this.expected}, got ${this.actual}`
  }
}

/**
 * Not let to wait: an attempt would wait for itself (`"itself"`), for a drain of its pool that waits for it (`"drain"`; the drain
 * has begun), or 100 requests would wait one for the other (`"depth"`). `chain` names them, the outermost first.
 */
export class NestedWaitRefused extends Schema.TaggedError<NestedWaitRefused>()("NestedWaitRefused", {
  pool: Schema.String,
  reason: Schema.Literals(["itself", "drain", "depth"]),
  chain: Schema.Array(Schema.String)
}) {
  override get message() {
    const what = {
      itself: "This request would wait for itself",
      drain: "The drain has begun, but it waits for this request, which cannot wait for it",
      depth: "Too many requests would wait one for the other"
    }
    return `${what[this.reason]}, in pool "${this.pool}": ${this.chain.join(" > ")}`
  }
}

/**
 * Not accepted, or not known whether: the store of a durable pool has not answered in time, or cannot be used. To ask again with the
 * same id is harmless. Nothing of a pool without a store fails with it.
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: Schema.Literals(["away", "missingPackage", "schema", "refused"]),
  detail: Schema.String
}) {
  override get message() {
    const what = {
      away: "The store cannot be reached",
      missingPackage: "The store needs a package that is not installed",
      schema: "The store is not one that this version can use",
      refused: "The store cannot be used"
    }
    return `${what[this.reason]}: ${this.detail}`
  }
}

/** No request of that id is known: it was never stored, or its end is no longer kept. */
export class NoSuchRequest extends Schema.TaggedError<NoSuchRequest>()("NoSuchRequest", {
  id: Schema.String
}) {
  override get message() {
    return `No request with id "${this.id}" is known`
  }
}

/** Ended: its last attempt ran for longer than its timeout. */
export class RequestTimeout extends Schema.TaggedError<RequestTimeout>()("RequestTimeout", {
  tag: Schema.String,
  attempt: Schema.Number,
  timeoutMillis: Schema.Number
}) {
  override get message() {
    return `"${this.tag}" ran for longer than ${this.timeoutMillis} ms (attempt ${this.attempt})`
  }
}

/** Ended: `expiresIn` passed, counted from the call. A caller that was still `blocked` was never accepted. */
export class RequestExpired extends Schema.TaggedError<RequestExpired>()("RequestExpired", {
  tag: Schema.String,
  phase: Phase
}) {
  override get message() {
    return `"${this.tag}" expired while ${this.phase}`
  }
}

/** Ended: a newer request took its place in a full queue whose strategy is `"sliding"`. */
export class RequestEvicted extends Schema.TaggedError<RequestEvicted>()("RequestEvicted", {
  tag: Schema.String
}) {
  override get message() {
    return `"${this.tag}" was the oldest in a full queue and gave way to a newer request`
  }
}

/**
 * Ended: a pool whose strategy is `"shedding"` has given it up after `waitedMillis`, since it had too much to do, or its queue was full and
 * this one the oldest.
 */
export class RequestShed extends Schema.TaggedError<RequestShed>()("RequestShed", {
  tag: Schema.String,
  waitedMillis: Schema.Number
}) {
  override get message() {
    return `"${this.tag}" had waited for ${this.waitedMillis} ms in an overloaded pool and was given up`
  }
}

/** Ended: a later call of the same identity took its place, as request `by`. */
export class RequestReplaced extends Schema.TaggedError<RequestReplaced>()("RequestReplaced", {
  tag: Schema.String,
  by: Schema.String
}) {
  override get message() {
    return `"${this.tag}" was replaced by request ${this.by} before it began`
  }
}

/** Ended: somebody cancelled it through its ticket. */
export class RequestCancelled extends Schema.TaggedError<RequestCancelled>()("RequestCancelled", {
  tag: Schema.String
}) {
  override get message() {
    return `"${this.tag}" was cancelled`
  }
}

/** Ended: the pool stopped it, at the deadline of a drain or because its worker was stopped from outside. */
export class RequestInterrupted extends Schema.TaggedError<RequestInterrupted>()("RequestInterrupted", {
  tag: Schema.String,
  phase: Phase,
  attempts: Schema.Number
}) {
  override get message() {
    return `"${this.tag}" was stopped by the pool while ${this.phase}, after ${this.attempts} attempts`
  }
}

/** Ended: the handler interrupted itself. */
export class HandlerInterrupted extends Schema.TaggedError<HandlerInterrupted>()("HandlerInterrupted", {
  tag: Schema.String,
  attempt: Schema.Number
}) {
  override get message() {
    return `The handler of "${this.tag}" interrupted itself (attempt ${this.attempt})`
  }
}

/**
 * Failed: the thread, or process, that ran its attempt has ended under it. It ran code of the handler's that called
 * `process.exit` (`"exit"`), threw where nobody catches or left a rejection to nobody (`"uncaught"`), used more memory than it
 * may (`"outOfMemory"`), was ended from outside (`"signal"`), or could not be started (`"start"`).
 */
export class ThreadCrashed extends Schema.TaggedError<ThreadCrashed>()("ThreadCrashed", {
  tag: Schema.String,
  reason: Schema.Literals(["exit", "uncaught", "outOfMemory", "signal", "start"]),
  detail: Schema.String
}) {
  override get message() {
    return `The thread of "${this.tag}" has crashed (${this.reason}): ${this.detail}`
  }
}

/** Failed: so many processes that had it, one after another, have ended under it. Only a request that is stored can. */
export class DeliveriesExhausted extends Schema.TaggedError<DeliveriesExhausted>()("DeliveriesExhausted", {
  tag: Schema.String,
  deliveries: Schema.Number
}) {
  override get message() {
    return `"${this.tag}" was delivered ${this.deliveries} times, and each time its process ended before it did`
  }
}

/** Why a request was not accepted. `RequestExpired` only with phase `"blocked"`. */
export const SubmitError = Schema.Union([
  QueueFull,
  PoolDraining,
  CircuitOpen,
  DuplicateRequest,
  HandlerNotFound,
  InvalidPayload,
  InvalidRequestOption,
  NestedWaitRefused,
  RequestExpired,
  StoreUnavailable
])
export type SubmitError = typeof SubmitError.Type

/** Why an accepted request ended without the handler's own value or error. */
export const EndError = Schema.Union([
  CircuitOpen,
  RequestTimeout,
  RequestExpired,
  RequestEvicted,
  RequestShed,
  RequestReplaced,
  RequestCancelled,
  RequestInterrupted,
  HandlerInterrupted,
  ThreadCrashed,
  DeliveriesExhausted
])
export type EndError = typeof EndError.Type

/** All that the pool itself can fail a call with. */
export const PoolError = Schema.Union([SubmitError, EndError])
export type PoolError = typeof PoolError.Type
