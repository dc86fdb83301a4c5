/** What tells of more than anybody takes. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** When all has been told there is such a file; `spin`: then it computes for ever. */
const payload = { times: Schema.Number, file: Schema.String, spin: Schema.Boolean }

export const Lines = Rpc.make("Lines", { payload })
/** Each within one that is called `around`, and with a line in it. */
export const Spans = Rpc.make("Spans", { payload })

export const group = RpcGroup.make(Lines, Spans)
