/** What is asked of threads in batches. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RequestPolicy } from "../../../src/index.ts"

export class Odd extends Schema.TaggedError<Odd>()("Odd", { n: Schema.Number, when: Schema.Date }) {}

export const Halve = Rpc.make("Halve", {
  payload: { n: Schema.Number },
  success: Schema.Struct({ half: Schema.Number, with: Schema.Array(Schema.String), thread: Schema.Number }),
  error: Odd
})

export const group = RpcGroup.make(Halve).annotate(RequestPolicy.RequestPolicy, {
  batch: { size: 4, within: "20 millis" }
})
