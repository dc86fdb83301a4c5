/** A type whose name fills the buffers of a connection soon: it is in each event. */
import { Effect } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const name = "x".repeat(10_000)

export class group extends RpcGroup.make(Rpc.make(name)) {}

export const layer = group.toLayer({ [name]: () => Effect.void })
