/** What `starts.ts` asks of its threads. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** The memory of the process that answers, in megabytes. */
export const Rss = Rpc.make("Rss", { success: Schema.Number })

export const group = RpcGroup.make(Rss)
