/** The ticket of a stored request: what it knows it asks the store, but for what this process has seen itself. */
import { Clock, Effect, Exit } from "effect"
import { type Outcome, PoolError, RequestPolicy, type Ticket } from "../../index.ts"
import * as checks from "../../internal/checks.ts"
import type { Known } from "./calls.ts"
import type { Endings } from "./endings.ts"
import type { Held } from "../feeder/held.ts"
import type { DurableTicket } from "../service.ts"
import { untilAnswered } from "../signal.ts"
import type { EndRecord, NewRequest, RequestRecord, Session } from "../Store.ts"

/** What all tickets of a pool share. */
export interface Desk {
  /** The name of the pool. */
  readonly pool: string
  readonly session: Session
  readonly endings: Endings
  readonly held: Held
  readonly cancel: (
    request: Pick<NewRequest, "id" | "tag" | "resubmittedFrom">
  ) => Effect.Effect<"withdrawn" | "interrupting" | "settled", PoolError.StoreUnavailable>
  readonly fork: (effect: Effect.Effect<unknown>) => void
  /** Whether the pool has closed, and its part in the store with it. */
  readonly isClosed: () => boolean
}

type Ended = Outcome.Outcome<any, any>
type OfRequest = Pick<NewRequest, "id" | "tag" | "key" | "priority" | "resubmittedFrom">

export class StoredTicket implements DurableTicket<any, any> {
  readonly id: string
  readonly tag: string
  readonly key: string
  private readonly request: OfRequest
  private readonly known: Known | undefined
  private readonly desk: Desk
  private mayHaveEnded: boolean
  private ended: Ended | undefined = undefined
  private now: { readonly priority: number }

  /** `mayHaveEnded`: the first who waits looks for its end, too. */
  constructor(request: OfRequest, known: Known | undefined, desk: Desk, mayHaveEnded: boolean) {
    this.id = request.id
    this.tag = request.tag
    this.key = request.key
    this.request = request
    this.known = known
    this.desk = desk
    this.mayHaveEnded = mayHaveEnded
    this.now = request
  }

  /** Fails with `PoolDraining` when the pool of this process closes first: the request stays stored. */
  get await(): Effect.Effect<any, any> {
    return Effect.flatMap(this.waited, ({ exit }) => exit)
  }

  get outcome(): Effect.Effect<Ended> {
    return Effect.orDie(this.waited)
  }

  private get waited(): Effect.Effect<Ended, PoolError.PoolDraining> {
    return Effect.callback((resume) =>
      this.whenEnded(
        (outcome) => resume(Effect.succeed(outcome)),
        () => resume(Effect.fail(new PoolError.PoolDraining({ pool: this.desk.pool })))
      )
    )
  }

  onEnd(listener: (outcome: Ended) => void): void {
    this.whenEnded(listener, () => {})
  }

  /** The answer takes the listener back. */
  private whenEnded(listener: (outcome: Ended) => void, onClosed: () => void): Effect.Effect<void> | undefined {
    if (this.ended !== undefined) {
      listener(this.ended)
      return undefined
    }
    let isGone = false
    const told = (outcome: Ended) => {
      this.ended = outcome
      if (!isGone) listener(outcome)
    }
    const unlisten = this.desk.endings.listen(
      this.id,
      {
        onEnd: (record) => {
          const outcome = toOutcome(record, this.known)
          if (Exit.isExit(outcome)) told((outcome as Exit.Success<Ended>).value)
          else this.desk.fork(Effect.map(outcome, told))
        },
        onClosed
      },
      this.mayHaveEnded
    )
    this.mayHaveEnded = true
    return Effect.sync(() => {
      isGone = true
      unlisten()
    })
  }

  /** There are none in a store. */
  get group(): undefined {
    return undefined
  }

  get status(): Effect.Effect<Ticket.Ticket<unknown>["status"] extends Effect.Effect<infer S> ? S : never> {
    return this.seen(
      (ticket) => ticket.status,
      ({ state }) => (state === "claimed" ? "running" : state),
      () => "ended" as const,
      "waiting"
    )
  }

  get attempts(): Effect.Effect<number> {
    return this.seen(
      (ticket, before) => Effect.map(ticket.attempts, (attempts) => before + attempts),
      ({ end }) => end?.attempts ?? 0,
      ({ attempts }) => attempts,
      0
    )
  }

  get startsInMillis(): Effect.Effect<number | undefined> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.seen<number | undefined>(
        (ticket) => ticket.startsInMillis,
        (record) => startsInMillis(record, now),
        () => undefined,
        undefined
      )
    )
  }

  get deliveries(): Effect.Effect<number> {
    return Effect.suspend(() => {
      const entry = this.desk.held.get(this.id)
      if (entry !== undefined) return Effect.succeed(entry.claim.deliveries)
      return this.seen(
        () => Effect.succeed(0),
        ({ deliveries }) => deliveries,
        ({ deliveries = 0 }) => deliveries,
        0
      )
    })
  }

  get priority(): Effect.Effect<number> {
    return Effect.sync(() => this.now.priority)
  }

  /** A store that is away is asked until it answers. */
  get cancel(): Effect.Effect<"withdrawn" | "interrupting" | "settled"> {
    return Effect.suspend(() =>
      this.ended === undefined ? cancelAnyhow(this.desk, this.request) : Effect.succeed("settled" as const)
    )
  }

  setPriority(priority: number): Effect.Effect<boolean, PoolError.InvalidRequestOption> {
    return Effect.suspend(() => {
      const invalid = RequestPolicy.invalidPriority("priority", priority)
      if (invalid !== undefined) return Effect.fail(checks.ofCall(invalid))
      return Effect.map(
        Effect.catch(this.desk.session.setPriority(this.id, priority), () => Effect.succeed(false)),
        (isSet) => {
          if (isSet) this.now = { priority }
          return isSet
        }
      )
    })
  }

  /** As this process sees it, or else as the store does; while that is away, `unknown`. */
  private seen<A>(
    here: (ticket: Ticket.Ticket<unknown, unknown>, attemptsBefore: number) => Effect.Effect<A>,
    there: (record: RequestRecord) => A,
    ended: (outcome: Ended) => A,
    unknown: A
  ): Effect.Effect<A> {
    return Effect.suspend(() => {
      if (this.ended !== undefined) return Effect.succeed(ended(this.ended))
      const entry = this.desk.held.get(this.id)
      if (entry?.ticket !== undefined && !entry.isDropped) return here(entry.ticket, entry.claim.attempts)
      return Effect.match(this.desk.session.find(this.id), {
        onSuccess: (record) => (record === undefined ? unknown : there(record)),
        onFailure: () => unknown
      })
    })
  }
}

/** Ends it though the store may be away now. Dies of a store that is away still when the pool has closed. */
export const cancelAnyhow = ({ cancel, isClosed }: Desk, request: Parameters<Desk["cancel"]>[0]) =>
  Effect.orDie(untilAnswered(cancel(request), isClosed))

/** By the clock of this process, as far as that goes with the store's. */
export const startsInMillis = ({ dueAt, state }: RequestRecord, now: number): number | undefined =>
  state === "delayed" ? Math.max(0, dueAt - now) : undefined

/** What a record says, with its exit as the Rpc's schemas read it. An `Exit` when that took no time. */
export const toOutcome = (record: EndRecord, known: Known | undefined): Effect.Effect<Ended> =>
  Effect.mapEager(known?.exits.decode(record.exit) ?? unread(record), (exit) => {
    const { attempts, deliveries, end, id, ranMillis, resubmittedFrom, tag, waitedMillis } = record
    return {
      _tag: "Outcome",
      id,
      tag,
      end,
      exit,
      attempts,
      waitedMillis,
      ranMillis,
      resubmittedFrom,
      deliveries
    }
  })

const unread = ({ tag }: EndRecord) =>
  Exit.succeed(
    Exit.die(new Error(`The end of "${tag}" cannot be read: this process has neither its handler nor its group`))
  )
