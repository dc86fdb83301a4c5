/** What tells of itself: logs, spans and metrics. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

const how = Schema.Literals(["end", "fail", "spin"])

export const Logs = Rpc.make("Logs", { payload: { how }, error: Schema.String })
export const LogsHostile = Rpc.make("LogsHostile")
export const Spans = Rpc.make("Spans", { payload: { how }, error: Schema.String })
/** How its span is seen there: trace, parent, and whether it is sampled. */
export const Parent = Rpc.make("Parent", { success: Schema.NullOr(Schema.Tuple([Schema.String, Schema.String])) })
/** Whether what it makes would be told. */
export const Traced = Rpc.make("Traced", { success: Schema.Boolean })
export const Counts = Rpc.make("Counts", { payload: { by: Schema.Number } })
export const CountsHostile = Rpc.make("CountsHostile")
export const Nothing = Rpc.make("Nothing")

export const group = RpcGroup.make(Logs, LogsHostile, Spans, Parent, Traced, Counts, CountsHostile, Nothing)
