/** What the tests of crashes, starts and memory ask of a thread. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const Add = Rpc.make("Add", { payload: { a: Schema.Number, b: Schema.Number }, success: Schema.Number })
/** Answers as soon as there is such a file. */
export const Await = Rpc.make("Await", { payload: { file: Schema.String }, success: Schema.String })
export const ways = [
  "exit",
  "throwLater",
  "reject",
  "rejectText",
  "ownListener",
  "strings",
  "objects",
  "hoard",
  "buffers",
  "abort",
  "segv"
] as const
/** Ends its thread in this way, and never answers. `once`: not when there is such a file, which it writes. */
export const Crash = Rpc.make("Crash", {
  payload: { how: Schema.Literals(ways), once: Schema.optional(Schema.String) }
})
/** Ends its thread when that is idle, as soon as there is such a file. Answers its process. */
export const CrashIdle = Rpc.make("CrashIdle", { payload: { file: Schema.String }, success: Schema.Number })
/** In native code, once it has written that file. */
export const Native = Rpc.make("Native", { payload: { iterations: Schema.Number, started: Schema.String } })
export const Spin = Rpc.make("Spin", { payload: { started: Schema.String } })

export const group = RpcGroup.make(Add, Await, Crash, CrashIdle, Native, Spin)
