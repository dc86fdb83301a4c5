/** One long-lived fiber that takes a request, runs an attempt, and does so again. */
import { Context, Effect, Exit, Fiber, Scope } from "effect"
import {
  type AsyncContext,
  captureAsyncContext,
  isSameAsyncContext,
  leaveAsyncContext,
  moveIntoAsyncContext
} from "./asyncContext.ts"
import { Deadline } from "./deadlines.ts"
import type { Hosting } from "./hosting.ts"
import type { PoolRequest, Route } from "./request.ts"
import { enterContext, isInterrupted, liveChildren, type Turn } from "./runtime.ts"

/** What a worker asks of whoever knows how an attempt begins and ends. */
export interface AttemptSteps {
  readonly now: () => number
  readonly begin: (
    worker: Worker,
    request: PoolRequest,
    called: AsyncContext | undefined,
    now: number
  ) => Effect.Effect<unknown, unknown>
  readonly end: (worker: Worker, exit: Exit.Exit<unknown, unknown>, now: number) => void
  readonly onDeadline: (worker: Worker, now: number) => void
}

/** What a worker asks of the crew to which it belongs. */
export interface Employer {
  /** The next request; `undefined`: none that may start now. */
  readonly take: (worker: Worker, now: number) => PoolRequest | undefined
  /** Whether there is one worker too many, and this one should go. */
  readonly mustRetire: (worker: Worker) => boolean
  /** `false`: no, something came up since it asked. Between the two steps of a fiber there can be a pause. */
  readonly park: (worker: Worker) => boolean
}

/** Who runs the request. It is a worker: nothing else is written there. */
export const workerOf = (request: PoolRequest): Worker | undefined => request.worker as Worker | undefined

/** It is the options of its own loop as well: with closures for them 10,000 workers were 15 % slower (W9-workers). */
export class Worker {
  /** From 1, never used again in this pool. */
  readonly id: number
  fiber!: Fiber.Fiber<unknown, unknown>
  /** Written by `Attempts`: what it works on, and how that stands. */
  request: PoolRequest | undefined = undefined
  state: "idle" | "running" | "ending" | "stuck" = "idle"
  /** When its attempt was started. */
  startedAt = 0
  /** Whether it has ever run an attempt. */
  attempted = false
  /** The pool has interrupted this fiber: it ends after the attempt. */
  stopped = false
  /** Its attempt timed out and another one follows, this long after the attempt's end. */
  retryAfterMillis: number | undefined = undefined
  /** The timeout of the attempt, and once that is interrupted the end of its grace. */
  readonly deadline: Deadline
  /** What its attempt waits for, once it has waited. Written by `Nesting`. */
  hosting: Hosting | undefined = undefined
  /** The worker that runs in this one's slot meanwhile. Written by `Crew`, as are the next three. */
  borrower: Worker | undefined = undefined
  /** The only request that a lent worker is there for: it runs in the slot of its lender, whose attempt waits for it. */
  reserved: PoolRequest | undefined = undefined
  isLent = false
  lender: Worker | undefined = undefined
  /** To be called when this worker has gone. */
  readonly onExit: Array<() => void> = []
  /** Runs this worker's next step while it is parked. Written by itself; cleared by whoever wakes it. */
  wake: (() => void) | undefined = undefined
  private readonly attempts: AttemptSteps
  private readonly employer: Employer
  private readonly turn: Turn
  private readonly context: Context.Context<never>
  /** The route of the last attempt, which mostly is that of the next one, and the context of such an attempt. */
  private route: Route | undefined = undefined
  private routeContext: Context.Context<never>
  /** Those of the routes before, once there are several. */
  private contexts: Map<Route, Context.Context<never>> | undefined = undefined
  private scope = Scope.makeUnsafe()
  /** The handler's exit, while what the attempt has left behind is cleaned up. */
  private exit: Exit.Exit<unknown, unknown> | undefined = undefined
  private released: Array<() => void> | undefined = undefined

  constructor(id: number, context: Context.Context<never>, attempts: AttemptSteps, employer: Employer, turn: Turn) {
    this.id = id
    this.context = this.routeContext = context
    this.attempts = attempts
    this.employer = employer
    this.turn = turn
    this.deadline = new Deadline((now) => attempts.onDeadline(this, now))
  }

  /** Calls back when the present attempt has ended, or is given up as stuck. */
  onRelease(listener: () => void): void {
    this.released = [...(this.released ?? []), listener]
  }

  release(): void {
    const { released } = this
    if (released === undefined) return
    this.released = undefined
    for (const listener of released) listener()
  }

  /**
   * The worker's whole life; it must be run in an uninterruptible fiber. Between two effects every step is synchronous,
   * so a request is never in nobody's hands: an interruption is noticed before the next one is taken.
   */
  readonly run: Effect.Effect<void> = Effect.withFiber((fiber) => {
    this.fiber = fiber
    return Effect.whileLoop(this)
  })

  while(): boolean {
    return this.exit !== undefined || !this.mustStop
  }

  body(): Effect.Effect<unknown> {
    if (this.exit !== undefined) return this.cleanUp(this.exit)
    const { attempts, employer, turn } = this
    // What an attempt leaves behind when it has suspended: its handler may have entered another context.
    const here = captureAsyncContext()
    for (;;) {
      const now = attempts.now()
      if (turn.isOver(now)) return turn.wait
      const request = employer.take(this, now)
      if (request === undefined) return this.parked
      this.attempted = true
      const called = request.asyncContext
      const effect = attempts.begin(this, request, called, now)
      if (!Exit.isExit(effect)) {
        const isThere = isSameAsyncContext(here, called)
        return Effect.exit(Effect.interruptible(isThere ? effect : moveIntoAsyncContext(called, effect)))
      }
      attempts.end(this, effect, attempts.now())
      if (this.mustStop) return Effect.void
    }
  }

  step(result: unknown): void {
    if (this.request === undefined) return
    const exit = result as Exit.Exit<unknown, unknown>
    const first = this.exit
    if (first === undefined && this.hasLeftovers) {
      this.exit = exit
      return
    }
    this.exit = undefined
    const { attempts } = this
    attempts.end(
      this,
      first === undefined || (exit._tag === "Failure" && first._tag === "Success") ? exit : first,
      attempts.now()
    )
  }

  /** The context of an attempt: the route's own with this worker's attempt scope, made once and then used again. */
  contextOf(route: Route): Context.Context<never> {
    if (this.route === route) return this.routeContext
    if (this.route !== undefined) (this.contexts ??= new Map()).set(this.route, this.routeContext)
    this.route = route
    this.routeContext =
      this.contexts?.get(route) ??
      (Context.merge(this.context, route.context!).pipe(Context.add(Scope.Scope, this.scope)) as Context.Context<never>)
    return this.routeContext
  }

  private get parked(): Effect.Effect<void> {
    return Effect.interruptible(
      Effect.callback((resume) => {
        enterContext(this.fiber, this.context)
        if (!this.employer.park(this)) return resume(Effect.void)
        const wake = () => {
          this.wake = undefined
          resume(Effect.void)
        }
        this.wake = wake
        leaveAsyncContext(this.fiber, () => this.wake === wake)
      })
    )
  }

  private get mustStop(): boolean {
    return this.stopped || isInterrupted(this.fiber) || this.employer.mustRetire(this)
  }

  private get hasLeftovers(): boolean {
    return this.scope.state._tag !== "Empty" || liveChildren(this.fiber) !== undefined
  }

  /** Closes the attempt's scope and ends the fibers that it forked. The slot is not free before that. */
  private cleanUp(exit: Exit.Exit<unknown, unknown>): Effect.Effect<Exit.Exit<void>> {
    const { scope } = this
    this.scope = Scope.makeUnsafe()
    this.route = this.contexts = undefined
    return Effect.exit(
      Effect.flatMap(Scope.close(scope, exit), () => {
        const children = liveChildren(this.fiber)
        return children === undefined ? Effect.void : Fiber.interruptAll([...children])
      })
    )
  }
}
