/** The ways into a durable pool: each stores a request, and gives a ticket or waits for the end. */
import { Effect, Stream } from "effect"
import type { Rpc } from "effect/rpc"
import type { Call, Outcome, PoolError } from "../../index.ts"
import type { Calls, Known } from "./calls.ts"
import type { Door } from "./door.ts"
import { idFor } from "./ids.ts"
import type { DurableTicket } from "../service.ts"
import type { NewRequest, Session, Transaction } from "../Store.ts"
import { cancelAnyhow, type Desk, StoredTicket } from "./ticket.ts"

type AnyTicket = DurableTicket<any, any>

export class Asking {
  /** Why nothing more is taken. */
  closed: PoolError.PoolDraining | undefined = undefined
  private readonly calls: Calls
  private readonly door: Door
  private readonly desk: Desk
  private readonly session: Session
  private readonly outstanding: number

  constructor(calls: Calls, door: Door, desk: Desk, session: Session, outstanding: number) {
    this.calls = calls
    this.door = door
    this.desk = desk
    this.session = session
    this.outstanding = outstanding
  }

  readonly submit = (
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.Options
  ): Effect.Effect<AnyTicket, PoolError.SubmitError> =>
    Effect.flatMap(this.open(this.calls.fromRpc(rpc, payload, options)), this.store)

  readonly submitUnknown = (
    tag: string,
    json: unknown,
    options?: Call.Options
  ): Effect.Effect<AnyTicket, PoolError.SubmitError> =>
    Effect.flatMap(this.open(this.calls.fromJson(tag, json, options)), this.store)

  /** An interrupted caller takes its request with it. */
  readonly execute = (rpc: Rpc.Any, payload: unknown, options?: Call.Options): Effect.Effect<any, any> =>
    Effect.flatMap(this.open(this.calls.fromRpc(rpc, payload, options)), (request) =>
      this.waitedFor(request, (ticket) => ticket.await)
    )

  readonly process = <A, E, E2, R2>(
    calls: Stream.Stream<Call.Call<A, E>, E2, R2>,
    options: { readonly ordered?: boolean | undefined; readonly outstanding?: number | undefined } = {}
  ): Stream.Stream<Outcome.Outcome<A, E> | Outcome.Rejected, E2, R2> => {
    const { outstanding = this.outstanding, ordered = false } = options
    return Stream.mapEffect(calls, (call) => this.processed(call) as Effect.Effect<Outcome.Outcome<A, E>>, {
      concurrency: Math.max(1, outstanding),
      unordered: !ordered
    })
  }

  private processed({ options, payload, rpc }: Call.Call): Effect.Effect<Outcome.Outcome | Outcome.Rejected> {
    const outcome = Effect.flatMap(this.open(this.calls.fromRpc(rpc, payload, options)), (request) =>
      this.waitedFor(request, (ticket) => ticket.outcome)
    )
    return Effect.catch(outcome, (error) => Effect.succeed({ _tag: "Rejected", tag: rpc._tag, error } as const))
  }

  /** Who gives up takes the request along, but not one that somebody has asked for before. */
  private waitedFor<A, E>(
    request: NewRequest,
    wait: (ticket: AnyTicket) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | PoolError.StoreUnavailable> {
    return Effect.suspend(() => {
      let isKnown = false
      const waited = Effect.flatMap(this.door.store(request), (stored) => {
        isKnown = stored === "known"
        return wait(this.ticketOf(request, isKnown))
      })
      // A statement that is under way must not store what was cancelled before it.
      const takeBack = () =>
        Effect.flatMap(this.door.passed(request), (stored) =>
          isKnown || stored === "known" ? Effect.void : cancelAnyhow(this.desk, request)
        )
      return Effect.onInterrupt(waited, () => Effect.sync(() => this.desk.fork(takeBack())))
    })
  }

  /** For a caller's key of its own: whether a request of it was stored before, and whether that is the same request. */
  readonly submitKeyed = (
    tag: string,
    json: unknown,
    options: Call.Options & { readonly id: string },
    fingerprint: string
  ): Effect.Effect<
    { readonly ticket: AnyTicket; readonly known: boolean; readonly fits: boolean },
    PoolError.SubmitError
  > =>
    Effect.gen({ self: this }, function* () {
      const request = yield* this.open(this.calls.fromJson(tag, json, options, fingerprint))
      const stored = yield* this.door.store(request)
      if (stored === "stored") return { ticket: this.ticketOf(request, false), known: false, fits: true }
      const record = yield* this.session.find(request.id)
      const fits = record === undefined || record.request.fingerprint === fingerprint
      return { ticket: this.ticketOf(record?.request ?? request, true), known: true, fits }
    })

  readonly submitIn = (
    transaction: Transaction,
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.Options
  ): Effect.Effect<string, PoolError.SubmitError> =>
    Effect.flatMap(this.open(this.calls.fromRpc(rpc, payload, options)), (request) =>
      Effect.as(this.session.insertIn(transaction, request), request.id)
    )

  /** Stores a request that was made otherwise. */
  readonly store = (request: NewRequest): Effect.Effect<AnyTicket, PoolError.StoreUnavailable> =>
    Effect.map(this.door.store(request), (stored) => this.ticketOf(request, stored === "known"))

  readonly idOf = idFor

  ticketOf(
    request: NewRequest,
    mayHaveEnded: boolean,
    known: Known | undefined = this.calls.get(request.tag)
  ): AnyTicket {
    return new StoredTicket(request, known, this.desk, mayHaveEnded)
  }

  private open<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | PoolError.PoolDraining> {
    return Effect.suspend((): Effect.Effect<A, E | PoolError.PoolDraining> =>
      this.closed === undefined ? effect : Effect.fail(this.closed)
    )
  }
}
