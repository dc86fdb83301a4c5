/** The record of one request, from its call to its end. It is all that a waiting request costs: no fiber, no timer. */
import type { Context, Effect, Exit, Tracer } from "effect"
import type { End, Outcome } from "../Outcome.ts"
import type { Phase } from "../PoolError.ts"
import type { Resolved } from "../RequestPolicy.ts"
import type { Deadline } from "./deadlines.ts"
import type { Placed } from "./ring.ts"
import type { Worker } from "./worker.ts"

/** How one tag is run in this pool. Made once a pool, so that nothing is looked up per request. */
export interface Route {
  readonly tag: string
  /** The policy of a call that sets nothing itself. */
  readonly policy: Resolved
  /** What the handler runs with, but for its attempt's own scope; `undefined`: as its caller does. */
  readonly context: Context.Context<never> | undefined
  readonly run: (payload: any, request: PoolRequest) => Effect.Effect<unknown, unknown>
}

/** What few calls have. */
export interface CallDetails {
  readonly id?: string | undefined
  readonly resubmittedFrom?: string | undefined
  /** The span in which the caller asked, when tracing is on. */
  readonly span?: Tracer.AnySpan | undefined
  /** The caller's context, for `run`. */
  readonly context?: Context.Context<never> | undefined
}

export type Listener = (request: PoolRequest) => void

export class PoolRequest implements Placed {
  readonly sequence: number
  readonly route: Route
  readonly payload: unknown
  readonly policy: Resolved
  readonly details: CallDetails | undefined
  phase: "offered" | Phase | "ended" = "offered"
  /** Owned by the ring in which it stands. */
  position = -1
  attempts = 0
  end: End | undefined = undefined
  /** Once ended what its caller sees; before that its last failure. */
  exit: Exit.Exit<any, any> | undefined = undefined
  waitedMillis = 0
  ranMillis = 0
  /** When its present phase began. */
  since: number
  /** When it expires. */
  expiresAt: number
  expiry: Deadline | undefined = undefined
  /** The end of its delay between two attempts. */
  delay: Deadline | undefined = undefined
  /** The state of a `Schedule` that drives its retries, made after its first failure. */
  retryStep: unknown = undefined
  /** Who runs it. */
  worker: Worker | undefined = undefined
  /** Whom to tell when a blocked caller gets its place. */
  onAccepted: (() => void) | undefined = undefined
  /** Whom to tell when it has ended. */
  listeners: Listener | Array<Listener> | undefined = undefined

  constructor(
    sequence: number,
    route: Route,
    payload: unknown,
    policy: Resolved,
    details: CallDetails | undefined,
    now: number
  ) {
    this.sequence = sequence
    this.route = route
    this.payload = payload
    this.policy = policy
    this.details = details
    this.since = now
    this.expiresAt = now + policy.expiresInMillis
  }

  get id(): string {
    return this.details?.id ?? String(this.sequence)
  }

  get tag(): string {
    return this.route.tag
  }

  listen(listener: Listener): void {
    if (this.listeners === undefined) this.listeners = listener
    else if (typeof this.listeners === "function") this.listeners = [this.listeners, listener]
    else this.listeners.push(listener)
  }

  unlisten(listener: Listener): void {
    if (this.listeners === listener) this.listeners = undefined
    else if (Array.isArray(this.listeners)) this.listeners = this.listeners.filter((other) => other !== listener)
  }

  /** Tells each listener once. A listener may do anything to the pool, and throw: see `Turn.tell`. */
  notify(onDefect: (defect: unknown) => void): void {
    const { listeners } = this
    if (listeners === undefined) return
    this.listeners = undefined
    for (const listener of typeof listeners === "function" ? [listeners] : listeners) {
      try {
        listener(this)
      } catch (defect) {
        onDefect(defect)
      }
    }
  }
}

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
