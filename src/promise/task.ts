/** What a pool of promises runs, and what can be said of one call. */
import { Cause, type Duration, type Exit } from "effect"
import type { CircuitBreaker } from "../CircuitBreaker.ts"
import type { TaskCall } from "../internal/task.ts"
import type { End } from "../Outcome.ts"
import { RequestCancelled } from "../PoolError.ts"
import type { Duplicate } from "../RequestPolicy.ts"
import type * as RetryPolicy from "../RetryPolicy.ts"
import { failureFor, publicError } from "./publicError.ts"

/** What a task, or a handler, is told of the attempt that it is. */
export interface Attempt {
  /** From 1. */
  readonly attempt: number
  /** That of the request: the same in each of its attempts. */
  readonly id: string
  /** Aborted when the attempt is interrupted, with what its caller sees as the reason. One that ends by itself aborts nothing. */
  readonly signal: AbortSignal
}

/** What `run` runs: a function that gives a promise, or a value. */
export type Task<A> = (attempt: Attempt) => A | PromiseLike<A>
/** The same for an input. */
export type Handler<I, A> = (input: I, attempt: Attempt) => A | PromiseLike<A>

/** Whether and when another attempt follows one that failed: see `RetryPolicy.Options`. There are no defects: all that a task throws is a failure. */
export type RetryOptions = Omit<RetryPolicy.Options, "defects">

/** What a batched function is told of the attempt that it is. */
export interface BatchAttempt {
  /** Those of the requests, in the order of the inputs. */
  readonly ids: ReadonlyArray<string>
  /** Which attempt it is of each of them, from 1. */
  readonly attempts: ReadonlyArray<number>
  /** Aborted when nobody waits for any of them any more, or their time is over, with what the last of the callers sees as the reason. */
  readonly signal: AbortSignal
}

/**
 * What a batched function answers: one for each input, in their order. Where it is an `Error`, or a promise that is rejected, that call
 * alone fails.
 */
export type Answers = ReadonlyArray<unknown> | PromiseLike<ReadonlyArray<unknown>>

/** What the call says wins, field by field, then what its handler says, then the pool. `"none"` switches one off. */
export interface Policy {
  /** For one attempt; then its `signal` is aborted. Above zero; a number is milliseconds. Default 30 s, from the pool. `"none"`: for ever. */
  readonly timeout?: Duration.Input | "none" | undefined
  /** For the whole request, counted from the call, in every phase. Above zero. Default `"none"`. */
  readonly expiresIn?: Duration.Input | "none" | undefined
  /** Whether and when another attempt follows one that failed. Default `"none"`. */
  readonly retry?: RetryOptions | "none" | undefined
  /** A head start: a whole number from -10 to 10, higher first. Default 0. What a step is worth is the pool's `aging`. */
  readonly priority?: number | undefined
}

/** What a call is to one of the same identity, which is its handler's name (`"run"`: a task) and its `primaryKey`. */
interface Duplicates {
  /**
   * What becomes of a call while a request of its identity has not ended. `"allow"` (default): both run. `"join"`: it gets what
   * that one gets. `"reject"`: it is rejected with `DuplicateRequest`. `"replace"`: one that waits gives way to it, with `RequestReplaced`; one
   * that runs goes on, beside it. `"latest"`: as `"replace"`, but it starts only when the one that runs has ended.
   */
  readonly duplicate?: Duplicate | undefined
  /** With `"replace"` or `"latest"`: it starts so long after the last call of its identity. Above zero. Default: at once. */
  readonly debounce?: Duration.Input | undefined
  /** The longest that calls which follow one another put off the start. At least `debounce`. Default: without end. */
  readonly debounceAtMost?: Duration.Input | undefined
}

/** What one function of an input says for itself. */
export interface FunctionPolicy<I> extends Policy, Duplicates {
  /** Whose request it is: a text, or a function of the input that gives one (`undefined`: nobody's). Default: what the pool's `key` says. */
  readonly key?: string | ((input: I) => string | undefined) | undefined
}

/** A handler with a policy of its own. */
export interface HandlerWithPolicy<I, A> extends FunctionPolicy<I> {
  readonly handler: Handler<I, A>
  /** What stops its attempts while they fail. `"none"`: nothing. Default: what the pool's `breaker` says. */
  readonly breaker?: CircuitBreaker | "none" | undefined
}

/**
 * A function that takes the inputs of several calls at once. For its callers nothing is different: each has an input, and an end, of its own.
 * What it throws, all of them fail with, and so they do where it answers with another number of answers.
 */
export interface BatchedHandler<I, A extends Answers> extends FunctionPolicy<I> {
  /** Is given the inputs of several calls, and answers with one value, error or promise for each, in their order. */
  readonly batched: (inputs: Array<I>, attempt: BatchAttempt) => A
  /** The most inputs at once. A whole number, at least 1. */
  readonly size: number
  /** How long the first waits for others while there are fewer. At least zero. Default 0: for none, it goes with those that are there. */
  readonly within?: Duration.Input | undefined
  /** As of any handler. */
  readonly breaker?: CircuitBreaker | "none" | undefined
}

/** Options of one call. One that is unknown or out of its range rejects it with `InvalidOption`. */
export interface CallOptions extends Policy, Duplicates {
  /** Names the request in outcomes, events and reports. Default: its number in this pool. Need not be unique. */
  readonly id?: string | undefined
  /** Cancels the request, and the call is rejected with its reason. Any number of calls may share one. */
  readonly signal?: AbortSignal | undefined
  /** Whose request it is: workers are shared fairly among keys. Default: what its handler says, or the pool's `key`. */
  readonly key?: string | undefined
  /** Its identity, beside the name of its handler: a call with `duplicate` or `debounce`, of its own or of its handler, needs one. Not empty. */
  readonly primaryKey?: string | undefined
  /** The group that it belongs to: see `group` of the pool. Not empty. */
  readonly group?: string | undefined
  /**
   * It starts no sooner than so long after the call; until then it has its place in the capacity. At least zero; a number is milliseconds.
   * Not beside `startAt`.
   */
  readonly delay?: Duration.Input | undefined
  /**
   * It starts no sooner than at this date, of which a number is milliseconds since 1970, and a text without an offset is UTC, which
   * `new Date(text)` would read as local time. What is past is now.
   */
  readonly startAt?: Date | string | number | undefined
}

/** One call: the payload of its request. */
export class Call implements TaskCall {
  readonly signal: AbortSignal | undefined
  /** Its signal is what it was cancelled by. */
  isAborted = false
  /** What was given to `cancel` of its ticket. */
  cancelReason: unknown = undefined
  /** Of the first promise that waits for its end, until that is told. Written by `Door`. */
  resolve: ((value: unknown) => void) | undefined = undefined
  reject: ((error: unknown) => void) | undefined = undefined
  /** What the last attempt that failed has failed with. */
  private lastError: unknown = undefined
  protected readonly task: Task<unknown> | Handler<unknown, unknown>
  /** `undefined`: it has none. Boxed, since `undefined` may be one. */
  private readonly input: { readonly value: unknown } | undefined

  /** `input` is `undefined` where `task` is a function of the attempt alone. */
  constructor(
    task: Task<unknown> | Handler<unknown, unknown>,
    input: { readonly value: unknown } | undefined,
    signal: AbortSignal | undefined
  ) {
    this.task = task
    this.input = input
    this.signal = signal
  }

  /** What the pool's functions of an input are given. */
  get subject(): unknown {
    return this.input?.value
  }

  start(attempt: Attempt): unknown {
    const { input, task } = this
    return input === undefined ? (task as Task<unknown>)(attempt) : task(input.value as never, attempt)
  }

  onFailure(error: unknown): void {
    this.lastError = error
  }

  /** By the end and the exit of its request; without an end, of an attempt that another one follows. `ran`: the call that was run for it. */
  reasonOf(end: End | undefined, exit: Exit.Exit<any, unknown>, ran: Call): unknown {
    const error = Cause.squash((exit as Exit.Failure<any, unknown>).cause)
    if (end === "failed") return failureFor(error)
    const isCancelled = error instanceof RequestCancelled
    if (isCancelled && this.isAborted) return this.signal!.reason
    return publicError(error, isCancelled ? this.cancelReason : ran.lastError)
  }
}
