/** A worker that runs effects: one long-lived fiber. */
import { Context, Effect, Exit, Fiber, Scope, Tracer } from "effect"
import {
  type AsyncContext,
  callInAsyncContext,
  captureAsyncContext,
  isSameAsyncContext,
  leaveAsyncContext,
  moveIntoAsyncContext
} from "./asyncContext.ts"
import { exitOf } from "./exitOf.ts"
import { CurrentRequest } from "./origin.ts"
import type { BatchRoute, PoolRequest, Route } from "./request.ts"
import { enterContext, forkUninterruptible, interruptNow, isInterrupted, isTraced, liveChildren } from "./runtime.ts"
import { type Parts, Worker } from "./worker.ts"

/** It is the options of its own loop as well: with closures for them 10,000 workers were 15 % slower (W9-workers). */
export class FiberWorker extends Worker {
  fiber!: Fiber.Fiber<unknown, unknown>
  private readonly context: Context.Context<never>
  /** The route of the last attempt, which mostly is that of the next one, and the context of such an attempt. */
  private route: Route | undefined = undefined
  private routeContext: Context.Context<never>
  /** Those of the routes before, once there are several. */
  private contexts: Map<Route, Context.Context<never>> | undefined = undefined
  private scope = Scope.makeUnsafe()
  /** The handler's exit, while what the attempt has left behind is cleaned up. */
  private exit: Exit.Exit<unknown, unknown> | undefined = undefined

  /** `context`: what handlers run with, but for what one has of its own. */
  constructor(parts: Parts, context: Context.Context<never>) {
    super(parts)
    this.context = this.routeContext = context
  }

  begin(scope: Scope.Scope, onExit: (exit: Exit.Exit<unknown, unknown>) => void): void {
    forkUninterruptible(this.run, this.context, scope, onExit)
  }

  interrupt(): void {
    interruptNow(this.fiber)
  }

  get isInterrupted(): boolean {
    return isInterrupted(this.fiber)
  }

  /**
   * The worker's whole life; it must be run in an uninterruptible fiber. Between two effects every step is synchronous,
   * so a request is never in nobody's hands: an interruption is noticed before the next one is taken.
   */
  private readonly run: Effect.Effect<void> = Effect.withFiber((fiber) => {
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
      const effect = this.attempt(request, called, now)
      if (!Exit.isExit(effect)) {
        const isThere = isSameAsyncContext(here, called)
        return exitOf(this.fiber, isThere ? effect : moveIntoAsyncContext(called, effect))
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

  /**
   * Starts the attempt, in the async context of its call, and answers what is left to run of it: an `Exit` when the handler
   * has ended already.
   */
  private attempt(
    request: PoolRequest,
    called: AsyncContext | undefined,
    now: number
  ): Effect.Effect<unknown, unknown> {
    if (!this.attempts.start(this, request, now)) return Exit.void
    const { batch } = this
    const { payload, route } = request
    let effect: Effect.Effect<unknown, unknown>
    try {
      effect =
        batch === undefined
          ? callInAsyncContext(called, route.run, payload, request)
          : callInAsyncContext(called, runBatch, route.batch!.run, batch.ask())
      // What is none may throw when it is asked: a proxy, say.
      if (Exit.isExit(effect) && request.details?.spans === undefined) return effect
    } catch (defect) {
      effect = Exit.die(defect)
    }
    this.attempts.goOn(this, now)
    enterContext(this.fiber, this.contextOf(request))
    return isTraced(this.fiber)
      ? Effect.withSpan(effect, route.tag, { attributes: { requestId: request.id, attempt: request.attempts } })
      : effect
  }

  /** The handler's, with what it has of its caller's. */
  private contextOf(request: PoolRequest): Context.Context<never> {
    const { details, route } = request
    const base = route.context === undefined ? details!.context! : this.contextOfRoute(route)
    let context = Context.add(base, CurrentRequest, request)
    if (details === undefined) return context
    for (const { reference, value } of details.inherited ?? []) context = Context.add(context, reference, value)
    const span = details.spans?.span ?? details.span
    return span === undefined ? context : Context.add(context, Tracer.ParentSpan, span)
  }

  /** The route's own, with this worker's attempt scope: made once and then used again. */
  private contextOfRoute(route: Route): Context.Context<never> {
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

const runBatch = (run: BatchRoute["run"], requests: ReadonlyArray<PoolRequest>): Effect.Effect<unknown, unknown> =>
  run(
    requests.map(({ payload }) => payload),
    requests
  )
