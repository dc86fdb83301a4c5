/** What is asked in trials of a durable pool. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** Which run has made an outcome: that of which life of a process, and of which delivery. */
export const Run = Schema.Struct({ life: Schema.String, delivery: Schema.Number })
export type Run = typeof Run.Type

/** Sleeps for so long, and says who has. */
export const Nap = Rpc.make("Nap", { payload: { n: Schema.Number, millis: Schema.Number }, success: Run })
/** Ends the process that runs it, each time. */
export const Poison = Rpc.make("Poison", { success: Schema.Void })

export const group = RpcGroup.make(Nap, Poison)
