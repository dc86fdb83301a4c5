/**
 * Between a store and the pool of this process: it claims what the pool will soon begin, and records what becomes of it. The pool knows
 * nothing of a store.
 */
import { Clock, Context, Effect, Exit, Option, Random, Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"
import { type Outcome, PoolError, PoolSnapshot, type WorkerPool } from "../../index.ts"
import type { Calls } from "../asking/calls.ts"
import type { Batches } from "./batches.ts"
import { Claims } from "./claims.ts"
import { type Entry, Held } from "./held.ts"
import { Recent } from "../recent.ts"
import { LaterLooks } from "./laterLooks.ts"
import { forDelivery } from "./retries.ts"
import { Settler } from "./settler.ts"
import type { Settings } from "../settings.ts"
import { elapsedOf } from "../signal.ts"
import type { Claim, EndRecord, Pause, Session } from "../Store.ts"

export interface Dependencies {
  readonly session: Session
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly calls: Calls
  readonly settings: Settings
  /** The tags that it serves. */
  readonly tags: ReadonlyArray<string>
  readonly batches: Batches
  readonly context: Context.Context<never>
  readonly held: Held
  readonly onRecorded: (record: EndRecord) => void
  readonly onLapsed: (claim: Claim) => void
  /** Its end may be another's than the one that was to be recorded. */
  readonly onEndedElsewhere: (id: string) => void
  readonly onClaimFailed: Effect.Effect<void>
  /** Whether another process could do what this one has. */
  readonly hasOthers: () => boolean
  /** Runs what takes time, until the pool has closed. */
  readonly fork: (effect: Effect.Effect<unknown>) => void
}

/** What has waited here for so long while nothing ended may be begun sooner elsewhere. */
const tooLongMillis = 2_000
/** A request of a paused key is looked at no sooner than after that. */
const pausedMillis = 10_000

export class Feeder {
  readonly claims: Claims
  readonly settler: Settler
  readonly held: Held
  private readonly of: Dependencies
  private readonly clock: Clock.Clock
  private readonly random: () => number
  private readonly fork: (effect: Effect.Effect<unknown>) => void
  /** Ended by others before the claim on them was answered. */
  private readonly endedBefore = new Recent(2_000)
  private pauses: ReadonlyArray<Pause> = []
  private isDraining = false
  private ended = 0

  constructor(dependencies: Dependencies) {
    const { context, fork, held, onRecorded, session, settings, tags } = dependencies
    this.of = dependencies
    this.held = held
    this.clock = Context.get(context, Clock.Clock)
    const random = Context.get(context, Random.Random)
    this.random = () => random.nextDoubleUnsafe()
    this.fork = fork
    const looks = new LaterLooks(this.clock, fork, (tags) => this.claims.heard(tags))
    this.settler = new Settler(session, held, {
      onRecorded,
      onLapsed: (claim, entry) => {
        // Its notice was taken for our own.
        dependencies.onEndedElsewhere(claim.request.id)
        // Whoever has ended it has told so: only one that was taken away is news.
        if (entry === undefined || !entry.isDropped) dependencies.onLapsed(claim)
      },
      onReturned: (tags, delayMillis) => looks.plan(tags, delayMillis)
    })
    const load = Effect.map(this.of.pool.snapshot, (snapshot) => ({
      target: snapshot.target,
      pending: dependencies.batches.attemptsOf(PoolSnapshot.pending(snapshot) - snapshot.heldBack, snapshot),
      heldBack: (tag: string) => snapshot.handlers[tag]?.heldBack ?? 0,
      ended: this.ended
    }))
    this.claims = new Claims(
      session,
      held,
      {
        load,
        tags: () => tags.filter((tag) => !this.isPaused(tag)),
        isPaused: (claim) => this.isPausedKey(claim),
        begin: this.begin,
        onFailed: dependencies.onClaimFailed,
        keep: (claim) => Effect.sync(() => void this.hold(claim)),
        giveBack: (claim) => this.giveBack(this.hold(claim), { delayMillis: 0, counts: false }),
        giveBackWaiting: Effect.suspend(() =>
          dependencies.hasOthers() ? this.giveBackWaiting(tooLongMillis) : Effect.void
        ),
        giveBackAll: Effect.suspend(() => this.giveBackWaiting(0))
      },
      settings,
      dependencies.batches
    )
  }

  /** What is paused in the whole cluster now. */
  setPauses(pauses: ReadonlyArray<Pause>): void {
    this.pauses = pauses
    this.claims.missed()
  }

  private isPaused(tag: string): boolean {
    return this.pauses.some((pause) => pause.key === undefined && (pause.tag === undefined || pause.tag === tag))
  }

  private isPausedKey({ request }: Claim): boolean {
    return this.pauses.some(({ key }) => key !== undefined && key === request.key)
  }

  private hold(claim: Claim): Entry {
    const { id, tag } = claim.request
    const before = this.held.get(id)
    if (before !== undefined && before.claim.fence === claim.fence) return before
    // It was this process's before, and has lapsed without its noticing.
    if (before !== undefined && !before.isDropped && before.outcome === undefined) {
      this.of.onLapsed(before.claim)
      this.drop(before)
    }
    return this.held.add(claim, this.of.calls.get(tag)!, elapsedOf(this.clock))
  }

  private readonly begin = (claim: Claim): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.endedBefore.take(claim.request.id)) return Effect.sync(() => this.held.remove(claim))
      const entry = this.hold(claim)
      // It would take the place of what may begin.
      if (this.isPausedKey(claim)) {
        return Effect.sync(() => this.giveBack(entry, { delayMillis: pausedMillis, counts: false }))
      }
      const { call, expiresInMillis: _, id, key, payload, priority, tag, traceparent } = claim.request
      const { keepRetryLocalMillis } = this.of.settings
      const ofPool = entry.known.policy.retry ?? this.of.settings.config.policy.retry
      const submitted = this.of.pool.submitUnknown(tag, payload, {
        id,
        priority,
        key: key === "" ? undefined : key,
        // What is left of a time that is over is no option.
        expiresIn: claim.leftMillis === undefined ? "none" : Math.max(1, Math.ceil(claim.leftMillis)),
        timeout: call.timeoutMillis === undefined ? undefined : (call.timeoutMillis ?? "none"),
        retry: forDelivery(claim, ofPool, keepRetryLocalMillis, this.random, (delayMillis) =>
          this.postpone(entry, delayMillis)
        )
      })
      return Effect.matchCauseEager(within(traceparent, submitted), {
        onSuccess: (ticket) => {
          entry.ticket = ticket
          this.of.batches.began(tag)
          if (entry.isDropped) this.fork(ticket.cancel)
          ticket.onEnd((outcome) => this.onEnd(entry, outcome))
        },
        onFailure: (cause) => {
          const error = cause.reasons.find((reason) => reason._tag === "Fail")?.error
          if (error instanceof PoolError.PoolDraining) this.giveBack(entry, { delayMillis: 0, counts: false })
          else this.settle(entry, "failed", Exit.failCause(cause))
        }
      })
    })

  /** The next attempt is far off: the request is the store's again. It is told from within the pool, in the step that delays it. */
  private postpone(entry: Entry, delayMillis: number): void {
    queueMicrotask(() => {
      if (entry.outcome !== undefined || entry.ticket === undefined) return
      this.fork(
        Effect.flatMap(entry.ticket.attempts, (attempts) => {
          entry.returning = { delayMillis, attempts: entry.claim.attempts + attempts, counts: false }
          return entry.ticket!.cancel
        })
      )
    })
  }

  private onEnd(entry: Entry, outcome: Outcome.Outcome): void {
    entry.outcome = outcome
    this.of.batches.ended(outcome.tag)
    if (entry.isDropped) return this.held.remove(entry.claim)
    const { returning } = entry
    if (returning !== undefined && outcome.end === "cancelled") return this.giveBack(entry, returning)
    // What a drain stops is not the end of it, where another process can go on.
    if (this.isDraining && outcome.end === "interrupted") {
      return this.giveBack(entry, { delayMillis: 0, counts: outcome.attempts > 0 })
    }
    this.settle(entry, outcome.end, outcome.exit, outcome)
  }

  private settle(
    entry: Entry,
    end: Outcome.End,
    exit: Exit.Exit<unknown, unknown>,
    { attempts, ranMillis, waitedMillis }: Pick<Outcome.Outcome, "attempts" | "ranMillis" | "waitedMillis"> = none
  ): void {
    const { claim, known } = entry
    const { id, resubmittedFrom, tag } = claim.request
    this.ended += 1 / this.of.batches.sizeOf(tag)
    const written = Effect.mapEager(known.exits.encode(exit), (exit) => {
      const record: EndRecord = {
        id,
        tag,
        end,
        exit,
        attempts: claim.attempts + attempts,
        deliveries: claim.deliveries,
        waitedMillis: claim.storedForMillis + waitedMillis,
        ranMillis,
        resubmittedFrom
      }
      this.held.unsettled.push({ claim, record, entry })
      this.settler.wake()
    })
    if (!Exit.isExit(written)) this.fork(written)
  }

  private giveBack(
    { claim }: Entry,
    { attempts = claim.attempts, counts, delayMillis }: { delayMillis: number; attempts?: number; counts: boolean }
  ): void {
    this.held.returns.push({ claim, attempts, counts, delayMillis })
    this.settler.wake()
  }

  /** Nothing of it counts any more: its attempt is interrupted. */
  drop(entry: Entry): void {
    if (entry.isDropped) return
    entry.isDropped = true
    if (entry.outcome !== undefined) return
    if (entry.ticket === undefined) this.held.remove(entry.claim)
    else this.fork(entry.ticket.cancel)
  }

  /** Others have ended these. */
  revoked(ids: Iterable<string>): void {
    for (const id of ids) {
      const entry = this.held.get(id)
      if (entry !== undefined) this.drop(entry)
      else this.endedBefore.add(id)
    }
  }

  /** Nothing more is claimed, and what has not begun goes back at once; the rest is the pool's to finish. */
  readonly beginDrain: Effect.Effect<void> = Effect.suspend(() => {
    this.isDraining = true
    this.claims.close()
    return this.giveBackWaiting(0)
  })

  /** Those that it has had for so long. The attempts that were made of one are told. */
  private giveBackWaiting(millis: number): Effect.Effect<void> {
    const since = elapsedOf(this.clock) - millis
    const waiting = [...this.held.all].filter(({ claim, claimedAt, isDropped, outcome, returning, ticket }) => {
      const isOpen = ticket !== undefined && !isDropped && outcome === undefined && returning === undefined
      // Who waits for others has not waited in vain, unless all are to go.
      const mayWait = millis === 0 ? 0 : this.of.batches.withinMillisOf(claim.request.tag)
      return isOpen && claimedAt + mayWait <= since
    })
    return Effect.forEach(
      waiting,
      (entry) =>
        Effect.flatMap(Effect.zip(entry.ticket!.attempts, entry.ticket!.status), ([attempts, status]) => {
          const isTaken = status === "running" || status === "ended" || (status === "delayed" && !this.isDraining)
          if (isTaken) return Effect.void
          entry.returning = { delayMillis: 0, attempts: entry.claim.attempts + attempts, counts: false }
          return entry.ticket!.cancel
        }),
      { discard: true }
    )
  }

  /** Waits until all that it had is recorded, or given back. */
  readonly settled: Effect.Effect<void> = Effect.suspend(() =>
    this.held.size === 0
      ? Effect.void
      : Effect.callback<void>((resume) => {
          const before = this.held.onGone
          this.held.onGone = () => {
            before()
            if (this.held.size === 0) resume(Effect.void)
          }
          return Effect.sync(() => (this.held.onGone = before))
        })
  )
}

const none = { attempts: 0, ranMillis: 0, waitedMillis: 0 }

/** As part of the trace in which it was asked for. */
const within = <A, E>(traceparent: string | undefined, effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  if (traceparent === undefined) return effect
  const span = HttpTraceContext.w3c(Headers.fromInput({ traceparent }))
  return Option.isNone(span) ? effect : Effect.provideService(effect, Tracer.ParentSpan, span.value)
}
