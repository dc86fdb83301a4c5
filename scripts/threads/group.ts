/** What the measurements of threads ask for: the declaration alone. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** Computes for so long; `Infinity`: for ever. */
export const Spin = Rpc.make("Spin", { payload: { millis: Schema.Number } })
/** The same, and says in shared memory that it does, where there is any. */
export const Endless = Rpc.make("Endless", { payload: { begun: Schema.Unknown } })

export const group = RpcGroup.make(Spin, Endless)
