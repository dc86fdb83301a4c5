/** What a thread is asked that helps to tune: one simulation of a part of the load. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import type * as Tuning from "../../Tuning.ts"
import { BadUsage } from "../errors.ts"
import type { Flags } from "./settings.ts"

const plain = <A>() => Schema.Unknown as unknown as Schema.Codec<A>

/** The thread makes of the flags what the command has made of them: loads and policies are code, and do not cross. */
export const Measure = Rpc.make("Measure", {
  payload: { flags: plain<Flags>(), task: plain<Tuning.Task>() },
  success: plain<Tuning.Measured>(),
  error: BadUsage
})

export class group extends RpcGroup.make(Measure) {}
