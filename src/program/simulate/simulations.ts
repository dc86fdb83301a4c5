/** What a thread is asked that simulates: one policy of a command line. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import type * as Simulation from "../../Simulation.ts"
import { BadUsage } from "../errors.ts"
import type { Flags } from "./settings.ts"

/** Says how far a simulation is, by memory that the threads share: in thousandths, each policy in its place. */
export type Progress = Int32Array<SharedArrayBuffer>

const plain = <A>() => Schema.Unknown as unknown as Schema.Codec<A>

/** The thread makes of the flags what the command has made of them: policies and loads are code, and do not cross. */
export const Simulate = Rpc.make("Simulate", {
  payload: { flags: plain<Flags>(), at: Schema.Int, progress: plain<Progress>() },
  success: plain<Simulation.Figures>(),
  error: BadUsage
})

export class group extends RpcGroup.make(Simulate) {}
