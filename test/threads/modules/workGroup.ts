/** Work that does not end when it should: the declaration alone. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

const millis = { millis: Schema.Number }

/** Which thread of which process answers, and how many finalizers of `Sleep` have run to their end there. */
export const Who = Rpc.make("Who", { success: Schema.Struct({ id: Schema.String, cleanUps: Schema.Number }) })
/** Computes for so long; `Infinity`: for ever. */
export const Spin = Rpc.make("Spin", { payload: millis })
/** Waits, and so do its finalizers. */
export const Sleep = Rpc.make("Sleep", { payload: { ...millis, cleanUpMillis: Schema.Number } })
/** Blocks its thread, and computes nothing. */
export const Block = Rpc.make("Block")
/** A regular expression that needs longer than anybody lives. */
export const Match = Rpc.make("Match", { success: Schema.Boolean })
/** Native code, which nobody can stop in a thread, until there is such a file; when it has begun there is one with `.begun` behind it. */
export const Native = Rpc.make("Native", { payload: { file: Schema.String } })
/** Hears of its interruption, and goes on. */
export const Deaf = Rpc.make("Deaf", { payload: millis })
/** Writes into shared memory while it computes: see `Marks`. */
export const Mark = Rpc.make("Mark", { payload: { ...millis, shared: Schema.Unknown, lane: Schema.Number } })

export const group = RpcGroup.make(Who, Spin, Sleep, Block, Match, Native, Deaf, Mark)
