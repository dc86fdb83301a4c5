/** The same as Rpcs. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Transferable } from "effect/workers"

export const Noop = Rpc.make("Noop", { payload: Schema.Number, success: Schema.Number })
export const Spin = Rpc.make("Spin", { payload: Schema.Number, success: Schema.Number })
export const Echo = Rpc.make("Echo", { payload: Schema.Uint8Array, success: Schema.Uint8Array })
export const Move = Rpc.make("Move", { payload: Transferable.Uint8Array, success: Transferable.Uint8Array })

export const group = RpcGroup.make(Noop, Spin, Echo, Move)
