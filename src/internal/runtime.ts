/** All that touches the fiber runtime below Effect's public combinators. */
import { Clock, Context, Duration, Effect, type Exit, Fiber, References, Scheduler, Scope, Tracer } from "effect"
import { captureAsyncContext, inAsyncContext } from "./asyncContext.ts"

/**
 * What workers and handlers take over from where the pool, or the handlers, were built: all but the scope and the span of
 * the build, and but for the scheduler of a build under `runSync`, whose microtasks would keep the host from its timers.
 */
export const inherit = (context: Context.Context<never>): Context.Context<never> => {
  const own = Context.omit(Scope.Scope, Tracer.ParentSpan)(context as Context.Context<Scope.Scope | Tracer.ParentSpan>)
  const { executionMode } = Context.get(own, Scheduler.Scheduler)
  return (executionMode === "sync" ? Context.omit(Scheduler.Scheduler)(own) : own) as Context.Context<never>
}

/** How long the pool works without letting the host's timers and sockets have their turn. */
const turnMillis = 5

/** How deep starting work may nest on the stack before it takes the way through the scheduler. */
const nestingLimit = 8

/**
 * One turn of the event loop, as far as the pool uses it. It begins with the first piece of work and ends with the
 * scheduler's next batch; when it has lasted `turnMillis`, whoever asks has to yield.
 */
export class Turn {
  /**
   * Of what is scheduled for one batch, the turn's end comes first: what was deferred finds a new turn. The line comes
   * last, since it uses that up: before what was deferred it would keep the timers from ever firing.
   */
  private static readonly first = -1
  private static readonly last = 1
  private readonly dispatcher: Scheduler.SchedulerDispatcher
  /** Called whenever a turn is over. */
  onEnd: (() => void) | undefined = undefined
  private startedAt = -1
  private nesting = 0
  /** Whether it was over when somebody last asked. */
  isSpent = false
  private line: Array<() => void> = []
  private readonly onDefect: (defect: unknown) => void

  /** `onDefect` hears of what an observer of a caller's fiber has thrown: it is none of the pool's business. */
  constructor(context: Context.Context<never>, onDefect: (defect: unknown) => void) {
    this.onDefect = onDefect
    this.dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
  }

  isOver(now: number): boolean {
    if (this.startedAt < 0) {
      this.startedAt = now
      this.dispatcher.scheduleTask(this.end, Turn.first)
      return false
    }
    return (this.isSpent = now - this.startedAt >= turnMillis)
  }

  private readonly end = () => {
    this.startedAt = -1
    this.isSpent = false
    this.onEnd?.()
  }

  /**
   * Runs `task` in a turn that has time. Those who wait come one after another, in their order; those for whom a turn has no
   * time are not touched: with 10,000 workers, letting each look for itself took most of every turn (W9-workers).
   */
  queue(task: () => void): void {
    if (this.line.push(task) === 1) this.dispatcher.scheduleTask(this.letIn, Turn.last)
  }

  /** The same for a fiber: waits for a turn that has time. */
  readonly wait: Effect.Effect<void> = Effect.callback((resume) => this.queue(() => resume(Effect.void)))

  private readonly letIn = () => {
    const { line } = this
    this.line = []
    let next = 0
    while (next < line.length && !this.isSpent) this.nested(line[next++]!)
    if (next === line.length) return
    // Whoever has come since stands behind them, and has had itself scheduled.
    if (this.line.length === 0) this.dispatcher.scheduleTask(this.letIn, Turn.last)
    this.line = [...line.slice(next), ...this.line]
  }

  defer(task: () => void): void {
    this.dispatcher.scheduleTask(() => this.nested(task), 0)
  }

  /**
   * Runs `task` at once, or in the next turn when this one is over or the stack is deep. Whatever resumes a fiber that is
   * not the pool's own goes through here or through `tell`: what such a fiber's observers throw must not unwind the pool.
   */
  run(now: number, task: () => void): void {
    if (this.nesting >= nestingLimit || this.isOver(now)) this.defer(task)
    else this.nested(task)
  }

  /** Lets callers hear of a request's end. What they do then runs here, and must neither nest for ever nor throw. */
  tell(request: { notify(onDefect: (defect: unknown) => void): void }): void {
    if (this.nesting >= nestingLimit) {
      this.dispatcher.scheduleTask(() => this.tell(request), 0)
      return
    }
    this.nesting++
    request.notify(this.onDefect)
    this.nesting--
  }

  private nested(task: () => void): void {
    this.nesting++
    try {
      task()
    } catch (defect) {
      this.onDefect(defect)
    }
    this.nesting--
  }
}

/** One timer, by the context's clock. It rings from the clock's own callback, never from within `set`. */
export class Alarm {
  private readonly clock: Clock.Clock
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly scope: Scope.Scope
  private sleeper: Fiber.Fiber<void> | undefined = undefined

  constructor(context: Context.Context<never>, scope: Scope.Scope) {
    this.clock = Context.get(context, Clock.Clock)
    this.fork = Effect.runForkWith(context)
    this.scope = scope
  }

  clear(): void {
    this.sleeper?.interruptUnsafe()
    this.sleeper = undefined
  }

  /** Rings once after `millis`, in place of any earlier setting, unless the scope has ended by then. */
  set(millis: number, ring: () => void): void {
    const before = this.sleeper
    // In nobody's async context: it rings for everybody.
    const sleeper = inAsyncContext(undefined, () => this.fork(this.clock.sleep(Duration.millis(millis))))
    this.sleeper = sleeper
    before?.interruptUnsafe()
    Fiber.runIn(sleeper, this.scope)
    sleeper.addObserver((exit) => {
      if (this.sleeper === sleeper && exit._tag === "Success") ring()
    })
  }
}

/**
 * Starts a fiber that runs at once and is owned by `scope`; its own code is uninterruptible where it says nothing. Whoever
 * starts it keeps its async context, whatever the fiber enters.
 */
export const forkUninterruptible = <A, E>(
  effect: Effect.Effect<A, E>,
  context: Context.Context<never>,
  scope: Scope.Scope,
  onExit: (exit: Exit.Exit<A, E>) => void
): void => {
  const fiber = inAsyncContext(captureAsyncContext(), () =>
    Effect.runForkWith(context)(effect, { uninterruptible: true })
  )
  Fiber.runIn(fiber, scope)
  fiber.addObserver(onExit)
}

/** Interrupts at once: a fiber that is suspended runs its finalizers, up to the first that waits, before this returns. */
export const interruptNow = (fiber: Fiber.Fiber<unknown, unknown>): void => fiber.interruptUnsafe(fiber.id)

/** What the fiber runs next runs in this context, until it is changed again. */
export const enterContext = (fiber: Fiber.Fiber<unknown, unknown>, context: Context.Context<never>): void =>
  fiber.setContext(context)

/** Whether a span that this fiber makes now goes anywhere. */
export const isTraced = ({ cache }: Fiber.Fiber<unknown, unknown>): boolean =>
  cache.tracer !== undefined && cache.tracerEnabled

/** The same of a context. */
export const isTracedIn = (context: Context.Context<never>): boolean =>
  Context.getOrUndefined(context, Tracer.Tracer) !== undefined && Context.get(context, References.TracerEnabled)

/** Whoever calls the pool: its fiber, which is the one that runs now, and that one's context. */
export const caller = (): Fiber.Fiber<unknown, unknown> => Fiber.getCurrent()!
export const callerContext = (): Context.Context<never> => caller().context

const currentFiber = "~effect/Fiber/currentFiber"

/** Calls `f` as the code of no fiber: who is told of an end by a worker would else call as that worker's attempt does. */
export const outOfFiber = <A>(f: (a: A) => void, a: A): void => {
  const running = globalThis as unknown as Record<string, unknown>
  const fiber = running[currentFiber]
  running[currentFiber] = undefined
  try {
    f(a)
  } finally {
    running[currentFiber] = fiber
  }
}

/** Whether somebody has asked this fiber to stop: whatever interruptible it starts now would end at once. */
export const isInterrupted = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  (fiber as unknown as { readonly _interruptedCause: unknown })._interruptedCause !== undefined

/** The fibers that this one forked as its children and that have not ended. */
export const liveChildren = (
  fiber: Fiber.Fiber<unknown, unknown>
): ReadonlySet<Fiber.Fiber<unknown, unknown>> | undefined => {
  const { _children: children } = fiber as unknown as { readonly _children?: Set<Fiber.Fiber<unknown, unknown>> }
  return children !== undefined && children.size > 0 ? children : undefined
}

/** An error without its stack, which is most of its price (0.6 instead of 4 to 8 µs): for ends that come in bulk. */
export const withoutStack = <E>(make: () => E): E => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
