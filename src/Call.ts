/** One request as a value: what `WorkerPool.process` runs. */
import type { DateTime, Duration } from "effect"
import type { Rpc } from "effect/rpc"
import type { Fields } from "./RequestPolicy.ts"

/**
 * Options of one call. What is not set comes from the Rpc's annotation, its group's, or the pool. What is out of its range fails the call
 * with `InvalidRequestOption`.
 */
export interface Options extends Fields {
  /** Names the request in outcomes, events and reports. Default: its number in this pool. Need not be unique. */
  readonly id?: string | undefined
  /**
   * It starts no sooner than so long after the call; until then it is `delayed`, and has its place in the capacity. `expiresIn` counts
   * from the call all the same. At least zero; not beside `startAt`.
   */
  readonly delay?: Duration.Input | undefined
  /**
   * It starts no sooner than then: by the date when it is called, so that one that is set later moves nothing. What is past is now. A
   * number is milliseconds since 1970; a text without an offset is UTC, which `new Date(text)` would read as local time.
   */
  readonly startAt?: DateTime.DateTime.Input | undefined
  /** The group that it belongs to: see `WorkerPool.group`. A text that is not empty. */
  readonly group?: string | undefined
  /**
   * Its identity, beside its tag: see `duplicate`. Default: the `primaryKey` of its Rpc, of this payload. A call that says `duplicate` or
   * `debounce` itself must have one. A text that is not empty.
   */
  readonly primaryKey?: string | undefined
}

/** Those of a call whose caller has a promise. */
export interface PromiseOptions extends Options {
  /**
   * Cancels the request, and the promise is rejected with its reason at once, whether or not the attempt has ended. Any number of calls may
   * share one. Aborted before the call: nothing is asked.
   */
  readonly signal?: AbortSignal | undefined
}

/** A request that has not been made yet: `WorkerPool.call` makes one, with the types of its Rpc. */
export interface Call<out A = unknown, out E = unknown> {
  /** What is called; its tag names the handler. */
  readonly rpc: Rpc.AnyWithProps
  /** What the handler gets, as the schema of the Rpc takes it. It is checked when the call is made. */
  readonly payload: unknown
  /** `undefined`: all comes from the Rpc, its group, or the pool. */
  readonly options: Options | undefined
  /** Never there: it carries the types of the result. */
  readonly "~types"?: { readonly A: A; readonly E: E }
}

/** A call of this Rpc. Nothing runs, and nothing is checked, until the pool takes it. */
export const make = <R extends Rpc.Any>(
  rpc: R,
  payload: Rpc.PayloadConstructor<R>,
  options?: Options
): Call<Rpc.Success<R>, Rpc.Error<R>> => ({ rpc: rpc as unknown as Rpc.AnyWithProps, payload, options })
