/** What may go wrong with a thread, as the pool's side imports it. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** Computes until it is killed. */
export const Spin = Rpc.make("Spin")
/** Until it is interrupted. */
export const Wait = Rpc.make("Wait")
/** Ends its thread by an error that nobody catches. */
export const Crash = Rpc.make("Crash", { payload: { message: Schema.String } })
/** Is for so long in another program, where nothing ends it but its own end. */
export const Native = Rpc.make("Native", { payload: { seconds: Schema.Number } })

export const group = RpcGroup.make(Spin, Wait, Crash, Native)
