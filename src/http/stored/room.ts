/** What the service knows of requests that are stored: all of them, whichever process was asked, or works on them. */
import { Context, Effect, type Option, Schema, type Scope, Stream, Cause, Exit } from "effect"
import { Rpc } from "effect/rpc"
import * as Exits from "../../durable/exits.ts"
import type { Durable, DurableTicket } from "../../durable/service.ts"
import type { EndRecord, RequestRecord } from "../../durable/Store.ts"
import { type Handlers, type Outcome, PoolError, type Ticket, type WorkerPool } from "../../index.ts"
import type { Ended } from "../ended.ts"
import { logCause } from "../logCause.ts"
import type { Look } from "./look.ts"
import * as Metrics from "./metrics.ts"

export interface Room {
  readonly durable: Durable["Service"]
  readonly look: Look
  /** How it ended, as it is told. */
  readonly endOf: (record: EndRecord) => Effect.Effect<Ended>
  /** To wait for its end, or to change it; of any type, also one that this process has no handler for. */
  readonly ticketOf: (
    record: RequestRecord
  ) => Effect.Effect<DurableTicket<unknown, unknown>, PoolError.NoSuchRequest | PoolError.StoreUnavailable>
}

export const make = (
  durable: Durable["Service"],
  parts: {
    readonly pool: WorkerPool.WorkerPool["Service"]
    readonly handlers: Handlers.Handlers["Service"]
    readonly tell: (outcome: Outcome.Outcome) => Effect.Effect<Ended>
  }
): Effect.Effect<Room, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { handlers, pool, tell } = parts
    const look = yield* Metrics.watch(durable, pool.name)
    const exits = new Map<string, Exits.Exits>()
    const exitsOf = (tag: string): Exits.Exits => {
      const known = exits.get(tag)
      if (known !== undefined) return known
      const handler = handlers.get(tag)
      const made =
        handler === undefined ? Exits.of(anyRpc(tag), Context.empty()) : Exits.of(handler.rpc, handler.context)
      exits.set(tag, made)
      return made
    }
    yield* Effect.forkScoped(
      Stream.runForEach(pool.events, (event) => (event._tag === "RequestEnded" ? report(event.outcome) : Effect.void))
    )
    return {
      durable,
      look,
      endOf: (record) => {
        const { exit, ...rest } = record
        return Effect.flatMap(exitsOf(record.tag).decode(exit), (exit) => tell({ _tag: "Outcome", ...rest, exit }))
      },
      ticketOf: ({ request: { id, tag } }) => durable.ticket(id, anyRpc(tag))
    }
  })

/** `None`: within so many milliseconds nobody has heard of it, or the pool of this process closes first. It stays stored all the same. */
export const outcomeWithin = (
  ticket: Ticket.Ticket<unknown, unknown>,
  millis: number
): Effect.Effect<Option.Option<Outcome.Outcome>> =>
  Effect.catchCause(Effect.timeoutOption(ticket.outcome, millis), (cause) =>
    cause.reasons.some((reason) => Cause.isDieReason(reason) && reason.defect instanceof PoolError.PoolDraining)
      ? Effect.succeedNone
      : Effect.failCause(cause)
  )

/** Its result and its error are the JSON that is stored. */
const anyRpc = (tag: string) => Rpc.make(tag, { success: Schema.Unknown, error: Schema.Unknown })

/** The client is not told what a defect says, so the log must. */
const report = ({ end, exit, id, tag }: Outcome.Outcome): Effect.Effect<void> =>
  end === "failed" && Exit.isFailure(exit) && Cause.hasDies(exit.cause)
    ? logCause(`the handler of "${tag}" died (request ${id})`, exit.cause)
    : Effect.void
