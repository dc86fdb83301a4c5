/** The levers of a durable pool: those of the requests are the whole cluster's, those of the workers this process's. */
import { Clock, Effect } from "effect"
import { type DeadLetters, type Outcome, PoolError, type Selection, type WorkerPool } from "../../index.ts"
import { fitsWhere, wrongFilter } from "../../internal/filters.ts"
import type { Asking } from "./asking.ts"
import type { Calls } from "./calls.ts"
import { ended } from "../exits.ts"
import { idFor, isUuid } from "./ids.ts"
import { untilAnswered } from "../signal.ts"
import type { EndRecord, Pause, RequestRecord, Session } from "../Store.ts"
import { type Desk, startsInMillis, toOutcome } from "./ticket.ts"

type Pool = WorkerPool.WorkerPool["Service"]
type Request = Pick<RequestRecord["request"], "id" | "tag" | "resubmittedFrom">

/** The most of a list in one statement. */
const mostOfAPage = 1_000

export class Controls {
  private readonly session: Session
  private readonly calls: Calls
  private readonly onPause: () => void
  private readonly isClosed: () => boolean

  constructor(session: Session, calls: Calls, onPause: () => void, isClosed: () => boolean) {
    this.session = session
    this.calls = calls
    this.onPause = onPause
    this.isClosed = isClosed
  }

  readonly cancel: Desk["cancel"] = (request) =>
    Effect.map(this.session.revoke([this.cancelled(request)]), (where) => whereTo[where.get(request.id) ?? "ended"])

  private cancelled({ id, resubmittedFrom, tag }: Request): EndRecord {
    const error = new PoolError.RequestCancelled({ tag })
    return ended({ id, tag, resubmittedFrom }, "cancelled", error, { deliveries: 0, waitedMillis: 0 })
  }

  readonly find = (id: string): Effect.Effect<RequestRecord, PoolError.NoSuchRequest | PoolError.StoreUnavailable> =>
    Effect.flatMap(this.found(id), (record) =>
      record === undefined ? Effect.fail(new PoolError.NoSuchRequest({ id })) : Effect.succeed(record)
    )

  /** What is no UUID is nobody's id. */
  private readonly found = (id: string): Effect.Effect<RequestRecord | undefined, PoolError.StoreUnavailable> =>
    isUuid(id) ? this.session.find(id.toLowerCase()) : Effect.succeed(undefined)

  readonly discard = (id: string): Effect.Effect<boolean, PoolError.StoreUnavailable> =>
    isUuid(id) ? this.session.discard(id.toLowerCase()) : Effect.succeed(false)

  readonly cancelById = (id: string) => Effect.flatMap(this.find(id), ({ request }) => this.cancel(request))

  readonly setPause = (pause: Pause, paused: boolean): Effect.Effect<void, PoolError.StoreUnavailable> =>
    Effect.andThen(this.session.setPause(pause, paused), Effect.sync(this.onPause))

  /** It holds once the store has it, and is asked for until then, or until the pool has closed. */
  private readonly pauseAnyhow = (pause: Pause, paused: boolean): Effect.Effect<void> =>
    Effect.orDie(untilAnswered(this.setPause(pause, paused), this.isClosed))

  /** Pauses of a limit are this process's, as its limits are. */
  private readonly pauseOnly =
    (local: Pool["pauseOnly"], paused: boolean) =>
    (what: Selection.Pausable): Effect.Effect<void, PoolError.InvalidRequestOption> =>
      what.limit !== undefined ? local(what) : this.pauseAnyhow(what, paused)

  /** In place of those of the pool within. What cannot be asked of a store that is away is empty. */
  over(pool: Pool, asking: Asking): Omit<Pool, "name" | "execute" | "submit" | "submitUnknown" | "process"> {
    return {
      ...pool,
      pause: this.pauseAnyhow({}, true),
      resume: this.pauseAnyhow({}, false),
      pauseOnly: this.pauseOnly(pool.pauseOnly, true),
      resumeOnly: this.pauseOnly(pool.resumeOnly, false),
      list: this.list,
      cancelAll: this.cancelAll,
      deadLetters: this.deadLetters(asking)
    }
  }

  private readonly list: Pool["list"] = (filter = {}, { after, limit = 100 } = {}) =>
    Effect.gen({ self: this }, function* () {
      // No request of a store has a group.
      if (filter.phase === "blocked" || filter.group !== undefined) return []
      const last = after === undefined ? undefined : yield* this.found(after)
      const now = yield* Clock.currentTimeMillis
      const views: Array<Selection.RequestView> = []
      for (let before = last && { storedAt: last.storedAt, id: after! }; views.length < limit;) {
        const page = yield* this.session.list({
          tag: filter.tag,
          key: filter.key,
          state: filter.phase === "running" ? "claimed" : filter.phase,
          before,
          limit: mostOfAPage
        })
        for (const record of page) {
          if (record.state === "ended") continue
          const view = viewOf(record, now)
          if (fitsWhere(filter, () => view)) views.push(view)
        }
        const oldest = page.at(-1)
        if (oldest === undefined || page.length < mostOfAPage) break
        before = { storedAt: oldest.storedAt, id: oldest.request.id }
      }
      return views.slice(0, limit)
    }).pipe(Effect.catchTag("StoreUnavailable", () => Effect.succeed([])))

  private readonly cancelAll: Pool["cancelAll"] = (filter) =>
    Effect.gen({ self: this }, function* () {
      const wrong = wrongFilter(filter)
      if (wrong !== undefined) return yield* wrong
      let cancelled = 0
      // From the newest on, so that what is stored meanwhile keeps it from no end. What was given back meanwhile is found by the second walk.
      for (const _walk of ["first", "second"]) {
        for (let after: string | undefined, isWhole = true; isWhole;) {
          const views = yield* this.list(filter, { limit: mostOfAPage, after })
          const where = yield* this.session.revoke(
            views.map(({ id, tag }) => this.cancelled({ id, tag, resubmittedFrom: undefined }))
          )
          cancelled += where.size
          after = views.at(-1)?.id
          isWhole = views.length === mostOfAPage
        }
      }
      return cancelled
    }).pipe(Effect.catchTag("StoreUnavailable", () => Effect.succeed(0)))

  private readonly deadLetters = (asking: Asking): DeadLetters.DeadLetters => ({
    list: Effect.flatMap(
      Effect.orElseSucceed(this.session.list({ state: "dead", limit: mostOfAPage }), () => []),
      (records) => Effect.forEach(records.toReversed(), (record) => this.deadLetterOf(record))
    ).pipe(Effect.map((letters): ReadonlyArray<DeadLetters.DeadLetter> => letters.filter(isKnown))),
    dropped: Effect.succeed(0),
    resubmit: (id) => this.resubmit(id, asking),
    discard: (id) => Effect.orElseSucceed(this.discard(id), () => false)
  })

  /** Of an Rpc that this process does not know nothing can be read. */
  private deadLetterOf({ end, request }: RequestRecord): Effect.Effect<DeadLetters.DeadLetter | undefined> {
    const known = this.calls.get(request.tag)
    if (known === undefined || end === undefined) return Effect.succeed(undefined)
    return Effect.map(
      Effect.zip(
        toOutcome(end, known),
        Effect.orElseSucceed(known.decode(request.payload), () => request.payload)
      ),
      ([outcome, payload]): DeadLetters.DeadLetter => ({ payload, outcome: outcome as Outcome.Outcome })
    )
  }

  /**
   * The new one is stored first: were the process to end between the two, the dead letter would be there still. Two who do it at once
   * make the same request.
   */
  readonly resubmit = (id: string, asking: Asking) =>
    Effect.gen({ self: this }, function* () {
      const record = yield* this.found(id)
      if (record === undefined || !record.isDead) return yield* new PoolError.DeadLetterNotFound({ id })
      const { startAtEpochMillis: _, ...request } = record.request
      const again = {
        ...request,
        id: idFor(request.tag, `${request.id} again`),
        resubmittedFrom: request.id,
        fingerprint: undefined
      }
      const ticket = yield* asking.store({ ...again, delayMillis: 0 })
      yield* this.discard(id)
      return ticket
    })
}

const isKnown = <A>(letter: A | undefined): letter is A => letter !== undefined

const whereTo = {
  waiting: "withdrawn",
  delayed: "withdrawn",
  claimed: "interrupting",
  ended: "settled"
} as const

const viewOf = (record: RequestRecord, now: number) => {
  const { claimedAt, deliveries, dueAt, request, state, storedAt } = record
  return {
    id: request.id,
    tag: request.tag,
    key: request.key,
    priority: request.priority,
    phase: state === "claimed" ? ("running" as const) : (state as "waiting" | "delayed"),
    attempts: deliveries,
    millis: Math.max(0, now - (claimedAt ?? (state === "waiting" ? Math.max(storedAt, dueAt) : storedAt))),
    heldBackBy: undefined,
    startsInMillis: startsInMillis(record, now)
  }
}
