/** What is asked of the pool's processes. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** Answers when it began: milliseconds since 1970, with fractions, by the machine's clock. */
export const Noop = Rpc.make("Noop", { payload: { n: Schema.Number }, success: Schema.Number })
export const group = RpcGroup.make(Noop)

/** The clock that all processes of a machine share. */
export const now = (): number => performance.timeOrigin + performance.now()
