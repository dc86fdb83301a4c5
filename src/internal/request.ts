/** The record of one request, from its call to its end. It is all that a waiting request costs: no fiber, no timer. */
import type { Context, Effect, Exit, Tracer } from "effect"
import type { End, Outcome } from "../Outcome.ts"
import type { Phase } from "../PoolError.ts"
import type { Resolved } from "../RequestPolicy.ts"
import { type AsyncContext, asyncContextOf, captureAsyncContext } from "./asyncContext.ts"
import type { HandlerCounters } from "./counters.ts"
import type { Deadline } from "./deadlines.ts"
import type { Placed } from "../queue/ring.ts"
import type { RequestSpans } from "./spans.ts"
import { Suspension } from "./suspension.ts"

/** How one tag is run in this pool. Made once a pool, so that nothing is looked up per request. */
export interface Route {
  readonly tag: string
  /** The policy of a call that sets nothing itself. */
  readonly policy: Resolved
  /** What the handler runs with, but for its attempt's own scope; `undefined`: as its caller does. */
  readonly context: Context.Context<never> | undefined
  readonly run: (payload: any, request: PoolRequest) => Effect.Effect<unknown, unknown>
  /** Where several run in one attempt. */
  readonly batch: BatchRoute | undefined
  /** What the functions that say whose a request is are given. */
  readonly subjectOf: (payload: any) => unknown
  readonly canceller: Canceller
  readonly nesting: Nested
  /** What the number of a request has before it in its id. */
  readonly idPrefix: string
  readonly counts: HandlerCounters
}

/** How several requests of a tag run in one attempt: what comes of that is an array of their exits, or should be. */
export interface BatchRoute {
  readonly size: number
  readonly withinMillis: number
  readonly run: (payloads: ReadonlyArray<any>, requests: ReadonlyArray<PoolRequest>) => Effect.Effect<unknown, unknown>
}

/** What an attempt waits for within its own pool: one request, or the next of several to end. */
export interface Awaited {
  covers(request: PoolRequest): boolean
  /** Those of them whose attempts wait in turn. */
  waiting(): Iterable<PoolRequest>
  /** One that no worker has taken yet. */
  next(): PoolRequest | undefined
}

/** The wait of an attempt. */
export interface Waiting {
  /** Before what is waited for can have begun: that may ask who waits for it. */
  readonly begin: () => void
  /** Lends this attempt's slot to what it waits for, if that waits for a worker. */
  readonly lend: () => void
  readonly end: () => void
  /** Runs the task once nothing runs in the slot of this attempt but itself. */
  readonly afterReturn: (task: () => void) => void
}

/** Whoever knows which attempts wait for which requests. */
export interface Nested {
  waitFor(awaited: Awaited): Waiting | Exit.Exit<never, unknown> | undefined
}

/** Who runs a request, as far as others need to know: see `workerOf`. */
export interface Runner {
  readonly request: PoolRequest | undefined
  /** What its attempt waits for, once it has waited. */
  readonly hosting: { readonly waits: Iterable<Awaited> } | undefined
}

/** Whoever can give up a request. */
export interface Canceller {
  cancel(request: PoolRequest): "withdrawn" | "interrupting" | "settled"
  cancelAndWait(request: PoolRequest): Effect.Effect<void>
  setPriority(request: PoolRequest, priority: number): boolean
}

export type Reference = Context.Reference<any>

/** A value of the caller's context. */
export interface Inherited {
  readonly reference: Reference
  readonly value: any
}

/** What few requests have, so that the record of all others is small. */
export class Details {
  id: string | undefined = undefined
  resubmittedFrom: string | undefined = undefined
  /** The policy of a call that sets something itself. */
  policy: Resolved | undefined = undefined
  /** The span in which the caller asked, if it did in one. */
  span: Tracer.AnySpan | undefined = undefined
  /** The request's own, when tracing is on. */
  spans: RequestSpans | undefined = undefined
  /** The async context of the call, until the request ends. */
  asyncContext: AsyncContext | undefined = undefined
  /** What its attempts have of the caller's context. */
  inherited: ReadonlyArray<Inherited> | undefined = undefined
  /** The request whose attempt has made the call, until this one ends. */
  parent: PoolRequest | undefined = undefined
  /** The caller's context, for `run`. */
  context: Context.Context<never> | undefined = undefined
  /** `Infinity`: never. */
  expiresAt = Infinity
  expiry: Deadline | undefined = undefined
  /** When it may start for the first time, until it has come to that. Written by `Intake` and by the queue. */
  startsAt: number | undefined = undefined
  /** The end of its delay before its first attempt, or between two. */
  delay: Deadline | undefined = undefined
  /** The state of a `Schedule` that drives its retries, made after its first failure. */
  retryStep: unknown = undefined
  /** Whom to tell when a blocked caller gets its place. */
  onAccepted: (() => void) | undefined = undefined
  /** Of a share: how it is let in. */
  onEnter: ((request: PoolRequest) => Exit.Exit<never, any> | undefined) | undefined = undefined
  /** It has a place in the queue, and nobody has been woken for it. */
  onPlaced: ((now: number) => void) | undefined = undefined
  /** Its identity beside its tag, where that counts or was given. */
  primaryKey: string | undefined = undefined
  /** The calls that have a share of it. */
  sharing: { readonly isHeard: boolean; readonly caller: PoolRequest | undefined } | undefined = undefined
  /** What it belongs to; told once it is in the queue, or its caller blocked. */
  group: { readonly id: string; add(request: PoolRequest): void } | undefined = undefined
  /** Who hears of its end before its callers do. */
  observers: Array<Listener> | undefined = undefined
}

/** Hears of a request's end: of what its caller sees, and of the rest. */
export type Listener = (exit: Exit.Exit<any, any>, request: PoolRequest) => void

/**
 * Small on purpose: a million of them may wait (W5t). What has no value while a request waits is `undefined` and not a
 * number, since each field that holds a fraction costs 16 bytes more. It is itself the effect that its caller runs when
 * interrupted: one made for each call would cost 140 bytes (W5).
 */
export class PoolRequest extends Suspension implements Awaited, Placed {
  readonly sequence: number
  readonly route: Route
  readonly payload: unknown
  details: Details | undefined
  phase: "offered" | Phase | "ended" = "offered"
  /** Owned by the ring in which it stands. */
  position = -1
  attempts = 0
  end: End | undefined = undefined
  /** Once ended what its caller sees; before that its last failure. */
  exit: Exit.Exit<any, any> | undefined = undefined
  /** Without its present phase. */
  private waited: number | undefined = undefined
  private ran: number | undefined = undefined
  /** When its present phase began. */
  since: number
  /** Who runs it. Written by `Attempts`. */
  worker: Runner | undefined = undefined
  /** Whom to tell when it has ended. */
  private listeners: Listener | Array<Listener> | undefined = undefined

  constructor(sequence: number, route: Route, payload: unknown, details: Details | undefined, now: number) {
    super()
    this.sequence = sequence
    this.route = route
    this.payload = payload
    this.details = details
    this.since = now
  }

  asEffect(): Effect.Effect<void> {
    return this.route.canceller.cancelAndWait(this)
  }

  waiting(): Iterable<PoolRequest> {
    return this.worker?.hosting === undefined ? [] : [this]
  }

  covers(request: PoolRequest): boolean {
    return request === this
  }

  next(): PoolRequest | undefined {
    return this.phase === "waiting" || this.phase === "blocked" ? this : undefined
  }

  get id(): string {
    return this.details?.id ?? this.route.idPrefix + this.sequence
  }

  /** Where it is to be seen how it stands. */
  get shown(): PoolRequest {
    return this
  }

  /** That of its call. While a fiber waits for its end it is to be found there. */
  get asyncContext(): AsyncContext | undefined {
    return this.details?.asyncContext ?? (this.caller && asyncContextOf(this.caller))
  }

  /** Takes that of the running code, unless it has been taken already. */
  keepAsyncContext(): void {
    if (this.details?.asyncContext !== undefined) return
    const context = captureAsyncContext()
    if (context !== undefined) (this.details ??= new Details()).asyncContext = context
  }

  get tag(): string {
    return this.route.tag
  }

  get policy(): Resolved {
    return this.details?.policy ?? this.route.policy
  }

  get expiresAt(): number {
    return this.details?.expiresAt ?? Infinity
  }

  get waitedMillis(): number {
    return this.waited ?? 0
  }

  get ranMillis(): number {
    return this.ran ?? 0
  }

  /** Its present phase is over: the time goes to what it was spent on. */
  elapse(now: number): void {
    const millis = now - this.since
    if (this.phase === "running") this.ran = this.ran === undefined ? millis : this.ran + millis
    else this.waited = this.waited === undefined ? millis : this.waited + millis
    this.since = now
  }

  listen(listener: Listener): void {
    if (this.listeners === undefined) this.listeners = listener
    else if (typeof this.listeners === "function") this.listeners = [this.listeners, listener]
    else this.listeners.push(listener)
  }

  unlisten(listener: Listener): void {
    if (this.listeners === listener) this.listeners = undefined
    else if (Array.isArray(this.listeners)) {
      const others = this.listeners.filter((other) => other !== listener)
      this.listeners = others.length > 0 ? others : undefined
    }
  }

  /** The same for one of the pool itself, who is nobody that asks for the end. It is told first. */
  observe(observer: Listener): void {
    ;((this.details ??= new Details()).observers ??= []).push(observer)
  }

  /** Whether somebody hears of its end, or has. */
  get isHeard(): boolean {
    return this.listeners !== undefined || this.details?.sharing?.isHeard === true
  }

  /** Somebody hears of the end that it has already. */
  heard(): void {
    this.listeners = nothing
  }

  /** Tells each listener once. A listener may do anything to the pool, and throw: see `Turn.tell`. */
  notify(onDefect: (defect: unknown) => void): void {
    const observers = this.details?.observers
    if (observers !== undefined) {
      this.details!.observers = undefined
      for (const observer of observers) this.call(observer, onDefect)
    }
    const { listeners } = this
    this.listeners = undefined
    if (typeof listeners === "function") this.call(listeners, onDefect)
    else for (const listener of listeners ?? []) this.call(listener, onDefect)
    this.caller = undefined
  }

  private call(listener: Listener, onDefect: (defect: unknown) => void): void {
    try {
      listener(this.exit!, this)
    } catch (defect) {
      onDefect(defect)
    }
  }
}

const nothing: Listener = () => {}
/** Lets the fiber go on that waits for the end. */
export const resumeCaller: Listener = (exit, request) => request.resume(exit)

export const toOutcome = (request: PoolRequest): Outcome => ({
  _tag: "Outcome",
  id: request.id,
  tag: request.tag,
  end: request.end!,
  exit: request.exit!,
  attempts: request.attempts,
  waitedMillis: request.waitedMillis,
  ranMillis: request.ranMillis,
  resubmittedFrom: request.details?.resubmittedFrom
})
