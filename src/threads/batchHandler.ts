/** A batched handler of a group, on threads: a batch is one message to one thread, and one back with an exit for each. */
import { type Context, Effect, Exit } from "effect"
import { Rpc } from "effect/rpc"
import { type Capacity, Handlers } from "../index.ts"
import * as codec from "./codec.ts"
import { type Ends, ofGood } from "./each.ts"
import type { Fleet } from "./fleet.ts"
import { decoderOf, encoderOf, sender } from "./handler.ts"
import type { Settings } from "./settings.ts"

/** `context`: what the schemas of the group need. */
export const make = (
  fleet: Fleet,
  places: Capacity.Places,
  settings: Settings,
  rpc: Rpc.AnyWithProps,
  context: Context.Context<never>
) => {
  const tag = rpc._tag
  const encode = encoderOf(rpc, context)
  const decodeExit = codec.decoder(Rpc.exitSchema(rpc as Rpc.Any), `the end of "${tag}"`, context)
  const decodeAll = (told: unknown) => Effect.forEach(told as ReadonlyArray<unknown>, (one) => flat(decodeExit(one)))
  const send = sender(fleet, places, settings, tag, decoderOf(rpc, context, decodeAll))
  const run = (payloads: ReadonlyArray<unknown>, requests: ReadonlyArray<Handlers.Identified>) =>
    Effect.withFiber((fiber) =>
      Effect.flatMap(
        Effect.forEach(payloads, (payload) => Effect.exit(encode(payload))),
        (all) =>
          ofGood(
            all,
            (good) =>
              send(
                fiber,
                good.map(({ at }) => requests[at]!.id),
                good.map(({ at }) => requests[at]!.attempts),
                codec.together(good.map(({ value }) => value))
              ) as Effect.Effect<Ends, unknown>
          )
      )
    )
  return Handlers.batched(rpc as Rpc.Any, run as never)
}

/** That of what an effect succeeds with, or its own where it does not. */
const flat = (effect: Effect.Effect<unknown>): Effect.Effect<Exit.Exit<unknown, unknown>> =>
  Effect.map(Effect.exit(effect), (exit) => (Exit.isSuccess(exit) ? (exit.value as Exit.Exit<unknown, unknown>) : exit))
