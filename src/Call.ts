/** One request as a value: what `WorkerPool.process` runs. */
import type { Rpc } from "effect/rpc"
import type { Fields } from "./RequestPolicy.ts"

/** Options of one call. What is not set comes from the Rpc's annotation, its group's, or the pool. */
export interface Options extends Fields {
  /** Names the request in outcomes, events and reports. Default: its number in this pool. Need not be unique. */
  readonly id?: string | undefined
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
