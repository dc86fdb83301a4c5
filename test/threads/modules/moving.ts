/** What is moved to a thread, and back, instead of being copied. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Transferable } from "effect/workers"

/** Part of what is sent is moved. */
const Image = Transferable.schema(
  Schema.Struct({ name: Schema.Option(Schema.String), pixels: Schema.Uint8Array, kept: Schema.Uint8Array }),
  // It is what the schema encodes: beside an `Option` as well.
  ({ pixels }) => [pixels.buffer as ArrayBuffer]
)

/** Adds one to each, and ends as it is told to after that. */
export const Increment = Rpc.make("Increment", {
  payload: { bytes: Transferable.Uint8Array, how: Schema.Literals(["succeed", "fail", "spin"]) },
  success: Transferable.Uint8Array,
  error: Schema.String
})
export const Swap = Rpc.make("Swap", { payload: Image, success: Image })
/** How much there is left at the thread of what it has sent last. */
export const LeftOfLast = Rpc.make("LeftOfLast", { success: Schema.Number })

export const group = RpcGroup.make(Increment, Swap, LeftOfLast)
