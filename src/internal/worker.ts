/** One long-lived fiber that takes a request, runs an attempt, and does so again. */
import { Context, Effect, Exit, Fiber, Scope } from "effect"
import { Deadline } from "./deadlines.ts"
import type { PoolRequest, Route } from "./request.ts"
import { enterContext, isInterrupted, liveChildren, type Turn } from "./runtime.ts"

/** What a worker asks of whoever knows how an attempt begins and ends. */
export interface AttemptSteps {
  readonly now: () => number
  readonly begin: (worker: Worker, request: PoolRequest, now: number) => Effect.Effect<unknown, unknown>
  readonly end: (worker: Worker, exit: Exit.Exit<unknown, unknown>, now: number) => void
}

/** What a worker asks of the crew to which it belongs. */
export interface Employer {
  /** The next request; `undefined`: none that may start now. */
  readonly take: () => PoolRequest | undefined
  /** Whether there is one worker too many, and this one should go. */
  readonly mustRetire: (worker: Worker) => boolean
  /** `false`: no, something came up since it asked. Between the two steps of a fiber there can be a pause. */
  readonly park: (worker: Worker) => boolean
}

export class Worker {
  /** From 1, never used again in this pool. */
  readonly id: number
  fiber!: Fiber.Fiber<unknown, unknown>
  /** Written by `Attempts`: what it works on, and how that stands. */
  request: PoolRequest | undefined = undefined
  state: "idle" | "running" | "ending" | "stuck" = "idle"
  /** Whether it has ever run an attempt. */
  attempted = false
  /** The pool has interrupted this fiber: it ends after the attempt. */
  stopped = false
  /** Its attempt timed out and another one follows, this long after the attempt's end. */
  retryAfterMillis: number | undefined = undefined
  /** The timeout of the attempt, and once that is interrupted the end of its grace. */
  readonly deadline: Deadline
  /** Runs this worker's next step while it is parked. Written by itself; cleared by whoever wakes it. */
  wake: (() => void) | undefined = undefined
  private readonly context: Context.Context<never>
  private readonly contexts = new Map<Route, Context.Context<never>>()
  /** The one of the last attempt: mostly it is the next one's too, and saves the look into the map (W2). */
  private route: Route | undefined = undefined
  private routeContext: Context.Context<never>
  private scope = Scope.makeUnsafe()
  /** The handler's exit, while what the attempt has left behind is cleaned up. */
  private exit: Exit.Exit<unknown, unknown> | undefined = undefined
  private released: Array<() => void> = []

  constructor(id: number, context: Context.Context<never>, onDeadline: (worker: Worker, now: number) => void) {
    this.id = id
    this.context = this.routeContext = context
    this.deadline = new Deadline((now) => onDeadline(this, now))
  }

  /** Calls back when the present attempt has ended, or is given up as stuck. */
  onRelease(listener: () => void): void {
    this.released.push(listener)
  }

  release(): void {
    if (this.released.length === 0) return
    const { released } = this
    this.released = []
    for (const listener of released) listener()
  }

  /**
   * The worker's whole life; it must be run in an uninterruptible fiber. Between two effects every step is synchronous,
   * so a request is never in nobody's hands: an interruption is noticed before the next one is taken.
   */
  run(attempts: AttemptSteps, employer: Employer, turn: Turn): Effect.Effect<void> {
    const parked = Effect.interruptible(
      Effect.callback<void>((resume) => {
        enterContext(this.fiber, this.context)
        if (!employer.park(this)) return resume(Effect.void)
        this.wake = () => {
          this.wake = undefined
          resume(Effect.void)
        }
      })
    )
    const next = (): Effect.Effect<unknown> => {
      if (this.exit !== undefined) return this.cleanUp(this.exit)
      let now = attempts.now()
      for (;;) {
        if (turn.isOver(now)) return turn.wait
        const request = employer.take()
        if (request === undefined) return parked
        this.attempted = true
        const effect = attempts.begin(this, request, now)
        if (!Exit.isExit(effect)) return Effect.exit(Effect.interruptible(effect))
        now = attempts.now()
        attempts.end(this, effect, now)
        if (this.mustStop(employer)) return Effect.void
      }
    }
    const step = (result: unknown) => {
      if (this.request === undefined) return
      const exit = result as Exit.Exit<unknown, unknown>
      const first = this.exit
      if (first === undefined && this.hasLeftovers) {
        this.exit = exit
        return
      }
      this.exit = undefined
      attempts.end(
        this,
        first === undefined || (exit._tag === "Failure" && first._tag === "Success") ? exit : first,
        attempts.now()
      )
    }
    return Effect.withFiber((fiber) => {
      this.fiber = fiber
      return Effect.whileLoop({
        while: () => this.exit !== undefined || !this.mustStop(employer),
        body: next,
        step
      })
    })
  }

  /** The context of an attempt: the route's own with this worker's attempt scope, made once and then used again. */
  contextOf(route: Route): Context.Context<never> {
    if (this.route === route) return this.routeContext
    let context = this.contexts.get(route)
    if (context === undefined) {
      context = Context.merge(this.context, route.context!).pipe(
        Context.add(Scope.Scope, this.scope)
      ) as Context.Context<never>
      this.contexts.set(route, context)
    }
    this.route = route
    this.routeContext = context
    return context
  }

  private mustStop(employer: Employer): boolean {
    return this.stopped || isInterrupted(this.fiber) || employer.mustRetire(this)
  }

  private get hasLeftovers(): boolean {
    return this.scope.state._tag !== "Empty" || liveChildren(this.fiber) !== undefined
  }

  /** Closes the attempt's scope and ends the fibers that it forked. The slot is not free before that. */
  private cleanUp(exit: Exit.Exit<unknown, unknown>): Effect.Effect<Exit.Exit<void>> {
    const { scope } = this
    this.scope = Scope.makeUnsafe()
    this.contexts.clear()
    this.route = undefined
    return Effect.exit(
      Effect.flatMap(Scope.close(scope, exit), () => {
        const children = liveChildren(this.fiber)
        return children === undefined ? Effect.void : Fiber.interruptAll([...children])
      })
    )
  }
}
