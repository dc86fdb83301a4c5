/** What holds up the end of its thread: the declaration alone. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const Hold = Rpc.make("Hold", { payload: { shared: Schema.Unknown } })

export const group = RpcGroup.make(Hold)
