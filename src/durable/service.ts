/** What a durable pool can do beyond a pool: it knows every request of the store, whichever process asked or works. */
import { Context, type Effect } from "effect"
import type { Rpc } from "effect/rpc"
import type { Call, PoolError, Ticket } from "../index.ts"
import type { Counts, Pause, ProcessRecord, Query, RequestRecord, Transaction } from "./Store.ts"

/**
 * A ticket of a stored request. What it tells is the store's, whichever process works; while that is away, what this process knows. Its
 * id is good in every process, and after a restart: see `Durable.ticket`.
 */
export interface DurableTicket<out A, out E = never> extends Ticket.Ticket<A, E> {
  /** How often the request was delivered to a process so far, those deliveries left out that were given back before they began. */
  readonly deliveries: Effect.Effect<number>
}

/** Beside `WorkerPool`, which is the same pool. All of it is of the whole cluster unless it says otherwise. */
export class Durable extends Context.Service<
  Durable,
  {
    /** What kind of store it is. */
    readonly store: "memory" | "embedded" | "postgres"
    /** The id of this life of this process. */
    readonly process: string
    /**
     * A ticket for a request that was stored before, by any process. With its Rpc its result and errors have their types; without, the
     * Rpc must be one that this process knows. Fails with `NoSuchRequest` where there is no such id, its end is no longer kept, or it is
     * one of another Rpc.
     */
    readonly ticket: {
      <R extends Rpc.Any>(
        id: string,
        rpc: R
      ): Effect.Effect<
        DurableTicket<Rpc.Success<R>, Rpc.Error<R>>,
        PoolError.NoSuchRequest | PoolError.StoreUnavailable
      >
      (id: string): Effect.Effect<DurableTicket<unknown, unknown>, PoolError.NoSuchRequest | PoolError.StoreUnavailable>
    }
    /**
     * Stores a request as part of the caller's own transaction (an outbox): it is there when that commits, and never was when it does not.
     * Answers its id, for `ticket` once it has committed. The transaction must be one of the store's own database: `fromPg` and `fromSql`
     * make it of a client. A store in memory refuses it.
     */
    readonly submitIn: <R extends Rpc.Any>(
      transaction: Transaction,
      rpc: R,
      payload: Rpc.PayloadConstructor<R>,
      options?: Call.Options
    ) => Effect.Effect<string, PoolError.SubmitError>
    /**
     * `submitUnknown` for a caller's key of its own, such as an idempotency key: whether a request of that id is `known` already, and
     * whether it `fits`, which is to say came with the same fingerprint.
     */
    readonly submitKeyed: (
      tag: string,
      json: unknown,
      options: Call.Options & { readonly id: string },
      fingerprint: string
    ) => Effect.Effect<
      { readonly ticket: DurableTicket<unknown, unknown>; readonly known: boolean; readonly fits: boolean },
      PoolError.SubmitError
    >
    /**
     * The id that `submit` gives a call of this tag whose own id, or `primaryKey`, is this text. Each tag has another one of it; what it has
     * given stays as it is, for the same tag.
     */
    readonly idOf: (tag: string, key: string) => string
    /** What the store has of it: where it is, and how it ended. */
    readonly find: (id: string) => Effect.Effect<RequestRecord, PoolError.NoSuchRequest | PoolError.StoreUnavailable>
    /** The newest first. */
    readonly list: (query: Query) => Effect.Effect<ReadonlyArray<RequestRecord>, PoolError.StoreUnavailable>
    /**
     * Ends it, whoever has it: `"withdrawn"` where it waited, `"interrupting"` where a process runs it, which hears of it within
     * moments; `"settled"`: it had ended.
     */
    readonly cancel: (
      id: string
    ) => Effect.Effect<"withdrawn" | "interrupting" | "settled", PoolError.NoSuchRequest | PoolError.StoreUnavailable>
    /** Sends a dead letter again, as a new request, and takes it out of the dead letters. Two who do so at once make the same request. */
    readonly resubmit: (
      id: string
    ) => Effect.Effect<DurableTicket<unknown, unknown>, PoolError.SubmitError | PoolError.DeadLetterNotFound>
    /** Takes it out of the dead letters. Whether it was one. */
    readonly discard: (id: string) => Effect.Effect<boolean, PoolError.StoreUnavailable>
    /** In one query: see `lawViolations`. */
    readonly counts: Effect.Effect<Counts, PoolError.StoreUnavailable>
    /** The processes that take part, and those that did a short while ago. */
    readonly processes: Effect.Effect<ReadonlyArray<ProcessRecord>, PoolError.StoreUnavailable>
    /** Nothing of it starts in any process until the pause is taken away. `{}`: nothing at all. What runs goes on. */
    readonly setPause: (pause: Pause, paused: boolean) => Effect.Effect<void, PoolError.StoreUnavailable>
    /** What this process has of the store's, and whether it can reach it. */
    readonly local: Effect.Effect<Local>
  }
>()("effect-worker-pool/Durable") {}

/** One process's part. */
export interface Local {
  /** Whether the store cannot be reached: its last step has not come through. */
  readonly isAway: boolean
  /** Requests that it has claimed, those included whose end is not yet recorded. At most `maxHeld`. */
  readonly held: number
  /** Of them, those whose end is not yet recorded. */
  readonly unsettled: number
  /**
   * Its share of what waits in the store, of the tags that it serves: that number, of a second ago and of 10,001 at most, divided by
   * `workers`. Its scaler sees it beside what it has claimed.
   */
  readonly share: number
  /** Live processes that work on any tag that it serves, itself included. */
  readonly workers: number
  /** What is paused in the whole cluster. */
  readonly pauses: ReadonlyArray<Pause>
}

/** The ways in which these counts break the law, as sentences. Always empty; a line here is a defect. */
export const lawViolations = (counts: Counts): ReadonlyArray<string> => {
  const { cancelled, claimed, delayed, evicted, expired, failed, interrupted, stored, succeeded, timedOut, waiting } =
    counts
  const ends = succeeded + failed + timedOut + expired + evicted + cancelled + interrupted
  const sum = waiting + delayed + claimed + ends
  const broken = sum === stored ? [] : [`stored ${stored}, but its terms add up to ${sum}`]
  for (const [name, value] of Object.entries(counts)) {
    if (typeof value === "number" && !(value >= 0)) broken.push(`${name} is ${value}`)
  }
  return broken
}
