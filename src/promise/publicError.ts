/** The pool's own errors as programs without Effect see them. */
import * as Internal from "../PoolError.ts"
import * as Errors from "./errors.ts"

/** `cause`: what was behind it, for an end after an attempt that failed. What is none of the pool's errors stays as it is. */
export const publicError = (error: unknown, cause?: unknown): unknown => {
  const options = cause === undefined ? undefined : { cause }
  if (error instanceof Internal.RequestTimeout) return new Errors.RequestTimeout(error, options)
  if (error instanceof Internal.RequestExpired) return new Errors.RequestExpired(error, options)
  if (error instanceof Internal.RequestCancelled) return new Errors.RequestCancelled(error, options)
  if (error instanceof Internal.RequestInterrupted) return new Errors.RequestInterrupted(error, options)
  if (error instanceof Internal.RequestEvicted) return new Errors.RequestEvicted(error, options)
  if (error instanceof Internal.RequestShed) return new Errors.RequestShed(error, options)
  if (error instanceof Internal.RequestReplaced) return new Errors.RequestReplaced(error, options)
  if (error instanceof Internal.CircuitOpen) return new Errors.CircuitOpen(error, options)
  if (error instanceof Internal.DuplicateRequest) return new Errors.DuplicateRequest(error)
  if (error instanceof Internal.ThreadCrashed) return new Errors.ThreadCrashed(error)
  if (error instanceof Internal.QueueFull) return new Errors.QueueFull(error)
  if (error instanceof Internal.PoolDraining) return new Errors.PoolDraining(error)
  if (error instanceof Internal.NestedWaitRefused) return new Errors.NestedWaitRefused(error)
  if (error instanceof Internal.OutOfBounds) return new Errors.OutOfBounds(error)
  if (error instanceof Internal.InvalidPoolConfig || error instanceof Internal.InvalidRequestOption) {
    return new Errors.InvalidOption(error)
  }
  return error
}

/** Those that attempts have failed with though no task has thrown them, with what they are made of. */
const ofAttempts = new WeakMap<object, unknown>()

/** What an attempt fails with by the pool: whoever waits for the request is given one like it, whose stack begins there. */
export const attemptError = (error: unknown): unknown => {
  const made = publicError(error)
  if (made instanceof Errors.PoolError) ofAttempts.set(made, error)
  return made
}

/** Whether it is the pool by which an attempt has failed with this, and no task. */
export const isOfAttempt = (error: unknown): boolean => ofAttempts.has(error as object)

/** What has failed a request as one who waits for it sees it. What a task has thrown is for all the same. */
export const failureFor = (error: unknown): unknown =>
  isOfAttempt(error) ? publicError(ofAttempts.get(error as object)) : error

/** The same with a stack that begins where `above` was called, and not within the pool. */
export const errorAt = (above: Function, error: unknown): unknown => withStackAt(above, publicError(error))

export const withStackAt = (above: Function, error: unknown): unknown => {
  if (error instanceof Errors.PoolError) Error.captureStackTrace?.(error, above)
  return error
}

/**
 * A promise that is rejected with `make()`, whose stack has the lines that await it: the error is made while V8 knows who
 * waits, in a reaction that comes after the one which has made them wait. Where nothing fails it costs nothing. It must be
 * given to one promise, and to no other: V8 does not follow two.
 */
export const rejection = (make: () => unknown): Promise<never> => {
  const fail = (): never => {
    throw withStackAt(fail, make())
  }
  return Promise.resolve()
    .then(() => {})
    .then(fail)
}
