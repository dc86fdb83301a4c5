/** What the bundled programs ask of a thread: the declaration alone. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export class Images extends RpcGroup.make(
  Rpc.make("Brightest", {
    payload: { pixels: Schema.Uint8Array },
    success: Schema.Struct({ brightest: Schema.Number, thread: Schema.Number, process: Schema.Number })
  })
) {}
