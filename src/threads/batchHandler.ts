/** A batched handler of a group, on threads: a batch is one message to one thread, and one back with an exit for each. */
import { type Context, Effect, Exit } from "effect"
import { Rpc } from "effect/rpc"
import { type Capacity, Handlers } from "../index.ts"
import * as codec from "./codec.ts"
import type { Fleet } from "./fleet.ts"
import { decoderOf, sender } from "./handler.ts"
import * as moved from "./moved.ts"
import type { Settings } from "./settings.ts"

type Ends = ReadonlyArray<Exit.Exit<unknown, unknown>>

/** `context`: what the schemas of the group need. */
export const make = (
  fleet: Fleet,
  places: Capacity.Places,
  settings: Settings,
  rpc: Rpc.AnyWithProps,
  context: Context.Context<never>
) => {
  const tag = rpc._tag
  const encode = codec.encoder(rpc.payloadSchema, `the payload of "${tag}"`, context)
  const decodeExit = codec.decoder(Rpc.exitSchema(rpc as Rpc.Any), `the end of "${tag}"`, context)
  const decodeAll = (told: unknown) => Effect.forEach(told as ReadonlyArray<unknown>, (one) => flat(decodeExit(one)))
  const send = sender(fleet, places, settings, tag, decoderOf(rpc, context, decodeAll))
  const run = (payloads: ReadonlyArray<unknown>, requests: ReadonlyArray<Handlers.Identified>) =>
    Effect.withFiber((fiber) =>
      Effect.flatMap(
        Effect.forEach(payloads, (payload) => Effect.exit(ready(tag, encode(payload)))),
        (all): Effect.Effect<Ends, unknown> => {
          // What cannot be sent has its end, and the others go.
          const sent = all.flatMap((exit, at) => (Exit.isSuccess(exit) ? [{ encoded: exit.value, at }] : []))
          if (sent.length === 0) return Effect.succeed(all as Ends)
          const attempt = send(
            fiber,
            sent.map(({ at }) => requests[at]!.id),
            sent.map(({ at }) => requests[at]!.attempts),
            codec.together(sent.map(({ encoded }) => encoded))
          ) as Effect.Effect<Ends, unknown>
          const transfers = sent.flatMap(({ encoded }) => encoded.transfers ?? [])
          return Effect.map(transfers.length === 0 ? attempt : moved.remember(transfers, attempt), (ends) => {
            const of = new Map(sent.map(({ at }, index) => [at, ends[index]!]))
            return all.map((exit, at) => of.get(at) ?? exit) as Ends
          })
        }
      )
    )
  return Handlers.batched(rpc as Rpc.Any, run as never)
}

/** That of what an effect succeeds with, or its own where it does not. */
const flat = (effect: Effect.Effect<unknown>): Effect.Effect<Exit.Exit<unknown, unknown>> =>
  Effect.map(Effect.exit(effect), (exit) => (Exit.isSuccess(exit) ? (exit.value as Exit.Exit<unknown, unknown>) : exit))

/** What was moved before cannot be sent. */
const ready = (tag: string, encoded: Effect.Effect<codec.Encoded>): Effect.Effect<codec.Encoded> =>
  Effect.flatMap(encoded, (encoded) => {
    const refused = encoded.transfers && moved.refuse(tag, encoded.transfers)
    return refused ?? Effect.succeed(encoded)
  })
