/** The same, of nothing but the modules of Effect that it needs. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"

export const group = RpcGroup.make(Rpc.make("Rss", { success: Schema.Number }))

export const layer = group.toLayer({ Rss: () => Effect.sync(() => process.memoryUsage.rss() / 2 ** 20) })
