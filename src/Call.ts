/** One request as a value: what `WorkerPool.process` runs. */
import type { Rpc } from "effect/rpc"
import type { Fields } from "./RequestPolicy.ts"

/** Options of one call. What is not set comes from the Rpc's annotation, its group's, or the pool. */
export interface Options extends Fields {
  /** Names the request in outcomes, events and reports. Default: its number in this pool. Need not be unique. */
  readonly id?: string | undefined
}

export interface Call<out A = unknown, out E = unknown> {
  readonly rpc: Rpc.AnyWithProps
  readonly payload: unknown
  readonly options: Options | undefined
  /** Never there: it carries the types of the result. */
  readonly "~types"?: { readonly A: A; readonly E: E }
}

export const make = <R extends Rpc.Any>(
  rpc: R,
  payload: Rpc.PayloadConstructor<R>,
  options?: Options
): Call<Rpc.Success<R>, Rpc.Error<R>> => ({ rpc: rpc as unknown as Rpc.AnyWithProps, payload, options })
