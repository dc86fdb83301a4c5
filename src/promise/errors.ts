/**
 * What a call can be rejected with beside the task's own error, which is rethrown as it is. Each class has a `code`, and
 * where something was behind it a `cause`. The stack begins at the caller: where that awaits the call, with the line of it.
 */
import type { NestedWaitRefused as Refused, Phase, ThreadCrashed as Crashed } from "../PoolError.ts"
import type * as Errors from "../PoolError.ts"

/** What tells the errors of the pool apart: each class has one. */
export type Code =
  | "QUEUE_FULL"
  | "POOL_DRAINING"
  | "CIRCUIT_OPEN"
  | "DUPLICATE_REQUEST"
  | "INVALID_OPTION"
  | "NESTED_WAIT_REFUSED"
  | "REQUEST_TIMEOUT"
  | "REQUEST_EXPIRED"
  | "REQUEST_EVICTED"
  | "REQUEST_SHED"
  | "REQUEST_REPLACED"
  | "REQUEST_CANCELLED"
  | "REQUEST_INTERRUPTED"
  | "THREAD_CRASHED"
  | "OUT_OF_BOUNDS"

/** All that the pool itself rejects a call with, or throws. */
export abstract class PoolError extends Error {
  abstract readonly code: Code
}

/**
 * Not accepted: the queue is at its capacity, or has as many requests of this one's `key` as it may, and the strategy is
 * `"dropping"`; or, whatever the strategy, `scheduled`: it has as many that are not due yet as `maxScheduled` says.
 */
export class QueueFull extends PoolError {
  override readonly name = "QueueFull"
  readonly code = "QUEUE_FULL" as const
  readonly capacity: number
  /** The key that has its share of the places; `undefined`: it is the queue that is full. */
  readonly key: string | undefined
  /** It was too many of those that are not due yet. */
  readonly scheduled: boolean
  constructor({ capacity, key, message, scheduled }: Errors.QueueFull) {
    super(message)
    this.capacity = capacity
    this.key = key
    this.scheduled = scheduled === true
  }
}

/** Not accepted: the pool is draining, or closed. */
export class PoolDraining extends PoolError {
  override readonly name = "PoolDraining"
  readonly code = "POOL_DRAINING" as const
  readonly pool: string
  constructor({ message, pool }: Errors.PoolDraining) {
    super(message)
    this.pool = pool
  }
}

/**
 * Not accepted: what its attempts call fails, and its breaker, whose `whenOpen` is `"fail"`, is open; it lets a probe through after
 * `retryAfterMillis`. Also the end of what waited when it opened.
 */
export class CircuitOpen extends PoolError {
  override readonly name = "CircuitOpen"
  readonly code = "CIRCUIT_OPEN" as const
  readonly tag: string
  /** The key whose breaker it is; `undefined`: that of the tag. */
  readonly key: string | undefined
  readonly retryAfterMillis: number
  constructor({ key, message, retryAfterMillis, tag }: Errors.CircuitOpen, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
    this.key = key
    this.retryAfterMillis = retryAfterMillis
  }
}

/** Not accepted: request `id` has the same identity and has not ended, and `duplicate` is `"reject"`. */
export class DuplicateRequest extends PoolError {
  override readonly name = "DuplicateRequest"
  readonly code = "DUPLICATE_REQUEST" as const
  readonly tag: string
  readonly id: string
  readonly primaryKey: string
  constructor({ id, message, primaryKey, tag }: Errors.DuplicateRequest) {
    super(message)
    this.tag = tag
    this.id = id
    this.primaryKey = primaryKey
  }
}

/** An option of a pool, of a handler or of a call is unknown or out of its range. */
export class InvalidOption extends PoolError {
  override readonly name = "InvalidOption"
  readonly code = "INVALID_OPTION" as const
  readonly field: string
  readonly expected: string
  readonly actual: string
  constructor({ actual, expected, field }: Pick<Errors.InvalidPoolConfig, "field" | "expected" | "actual">) {
    super(`Expected \`${field}\` to be ${expected}, got ${actual}`)
    this.field = field
    this.expected = expected
    this.actual = actual
  }
}

/**
 * Not let to wait: a task would wait for itself (`"itself"`), for a drain or an idle pool that waits for it (`"drain"`), or
 * 100 requests would wait one for the other (`"depth"`). `chain` names them, the outermost first.
 */
export class NestedWaitRefused extends PoolError {
  override readonly name = "NestedWaitRefused"
  readonly code = "NESTED_WAIT_REFUSED" as const
  readonly reason: Refused["reason"]
  readonly chain: ReadonlyArray<string>
  constructor({ chain, message, reason }: Refused) {
    super(message)
    this.reason = reason
    this.chain = chain
  }
}

/** Ended: its last attempt ran for longer than its timeout. */
export class RequestTimeout extends PoolError {
  override readonly name = "RequestTimeout"
  readonly code = "REQUEST_TIMEOUT" as const
  readonly tag: string
  readonly attempt: number
  readonly timeoutMillis: number
  constructor({ attempt, message, tag, timeoutMillis }: Errors.RequestTimeout, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
    this.attempt = attempt
    this.timeoutMillis = timeoutMillis
  }
}

/** Ended: `expiresIn` passed, counted from the call. A caller that was still `blocked` was never accepted. */
export class RequestExpired extends PoolError {
  override readonly name = "RequestExpired"
  readonly code = "REQUEST_EXPIRED" as const
  readonly tag: string
  readonly phase: Phase
  constructor({ message, phase, tag }: Errors.RequestExpired, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
    this.phase = phase
  }
}

/** Ended: a newer request took its place in a full queue whose strategy is `"sliding"`. */
export class RequestEvicted extends PoolError {
  override readonly name = "RequestEvicted"
  readonly code = "REQUEST_EVICTED" as const
  readonly tag: string
  constructor({ message, tag }: Errors.RequestEvicted, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
  }
}

/**
 * Ended: a pool whose strategy is `"shedding"` has given it up after `waitedMillis`, since it had too much to do, or its queue was full and
 * this one the oldest.
 */
export class RequestShed extends PoolError {
  override readonly name = "RequestShed"
  readonly code = "REQUEST_SHED" as const
  readonly tag: string
  readonly waitedMillis: number
  constructor({ message, tag, waitedMillis }: Errors.RequestShed, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
    this.waitedMillis = waitedMillis
  }
}

/** Ended: a later call of the same identity took its place, as request `by`. */
export class RequestReplaced extends PoolError {
  override readonly name = "RequestReplaced"
  readonly code = "REQUEST_REPLACED" as const
  readonly tag: string
  readonly by: string
  constructor({ by, message, tag }: Errors.RequestReplaced, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
    this.by = by
  }
}

/** Ended: it was cancelled through its ticket; `cause` is the reason, where one was given. */
export class RequestCancelled extends PoolError {
  override readonly name = "RequestCancelled"
  readonly code = "REQUEST_CANCELLED" as const
  readonly tag: string
  constructor({ message, tag }: Errors.RequestCancelled, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
  }
}

/** Ended: the pool stopped it, at the deadline of a drain. */
export class RequestInterrupted extends PoolError {
  override readonly name = "RequestInterrupted"
  readonly code = "REQUEST_INTERRUPTED" as const
  readonly tag: string
  readonly phase: Phase
  readonly attempts: number
  constructor({ attempts, message, phase, tag }: Errors.RequestInterrupted, options?: ErrorOptions) {
    super(message, options)
    this.tag = tag
    this.phase = phase
    this.attempts = attempts
  }
}

/** Failed: the thread that ran its attempt has ended under it; `reason` tells how, `detail` what is known of it. */
export class ThreadCrashed extends PoolError {
  override readonly name = "ThreadCrashed"
  readonly code = "THREAD_CRASHED" as const
  readonly tag: string
  readonly reason: Crashed["reason"]
  readonly detail: string
  constructor({ detail, message, reason, tag }: Crashed) {
    super(message)
    this.tag = tag
    this.reason = reason
    this.detail = detail
  }
}

/** A number of workers outside the pool's bounds was asked for. */
export class OutOfBounds extends PoolError {
  override readonly name = "OutOfBounds"
  readonly code = "OUT_OF_BOUNDS" as const
  readonly workers: number
  readonly minWorkers: number
  readonly maxWorkers: number
  constructor({ maxWorkers, message, minWorkers, workers }: Errors.OutOfBounds) {
    super(message)
    this.workers = workers
    this.minWorkers = minWorkers
    this.maxWorkers = maxWorkers
  }
}
