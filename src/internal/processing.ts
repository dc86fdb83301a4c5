/** A stream of calls through the pool without a fiber for each: requests go in and outcomes come out in batches. */
import { Cause, Effect, Exit, Scope, Stream } from "effect"
import type * as Call from "../Call.ts"
import type { Outcome, Rejected } from "../Outcome.ts"
import type { SubmitError } from "../PoolError.ts"
import type { Origin } from "./origin.ts"
import { type Awaited, PoolRequest, toOutcome, type Waiting } from "./request.ts"
import type { Turn } from "./runtime.ts"

export interface Dependencies {
  readonly now: () => number
  readonly turn: Turn
  /** What calls that are made here and now take along. */
  readonly origin: () => Origin | undefined
  /** A request, or why none can be made of the call. */
  readonly make: (call: Call.Call, origin: Origin | undefined) => PoolRequest | Exit.Exit<never, SubmitError>
  /** Why the request is refused, if it is. No worker is woken for it. */
  readonly enter: (request: PoolRequest) => Exit.Exit<never, SubmitError> | undefined
  /** The running fiber is about to wait; see `Nesting`. */
  readonly waitFor: (awaited: Awaited) => Waiting | Exit.Exit<never, unknown> | undefined
  /** Wakes workers for all that has been let in since. */
  readonly wake: () => void
}

export interface Options {
  readonly ordered: boolean
  /** The most calls that are pulled and whose outcomes are not yet emitted. */
  readonly outstanding: number
}

type Emitted = Outcome | Rejected
type Emissions = readonly [Emitted, ...Array<Emitted>]

export const process = <E, R>(
  calls: Stream.Stream<Call.Call, E, R>,
  pool: Dependencies,
  options: Options
): Stream.Stream<Emitted, E, R> =>
  Stream.transformPullBracket(calls, (pull, _, scope) =>
    Effect.gen(function* () {
      const processing = new Processing(pool, options)
      yield* Scope.addFinalizer(scope, processing.cancel)
      yield* Effect.forkIn(processing.feed(pull), scope)
      return processing.pull as Effect.Effect<Emissions, Effect.Error<typeof pull>>
    })
  )

class Processing implements Awaited {
  private readonly pool: Dependencies
  private readonly options: Options
  /**
   * In the order of the calls, from `front` on: what has ended, or in an ordered stream is emitted, leaves it there. What has ended behind
   * one that has not is swept out.
   */
  private entered: Array<PoolRequest | Rejected | undefined> = []
  private front = 0
  /** What can be emitted. */
  private ready: Array<Emitted> = []
  private outstanding = 0
  /** How the calls ended, once they have. */
  private end: Exit.Exit<never, unknown> | undefined = undefined
  private onReady: (() => void) | undefined = undefined
  private onSpace: (() => void) | undefined = undefined
  private telling = false

  constructor(pool: Dependencies, options: Options) {
    this.pool = pool
    this.options = options
  }

  /** Pulls calls to their end, while there is room for their outcomes. */
  feed<E, R>(pull: Effect.Effect<ReadonlyArray<Call.Call>, E, R>): Effect.Effect<void, never, R> {
    let calls: ReadonlyArray<Call.Call> = []
    let at = 0
    const pulled = Effect.map(pull, (more) => {
      calls = more
      at = 0
    })
    const loop = Effect.whileLoop({
      while: () => true,
      body: (): Effect.Effect<void, E, R> => {
        const origin = at < calls.length ? this.pool.origin() : undefined
        while (at < calls.length && this.hasRoom) {
          if ((at & 63) === 0 && this.pool.turn.isOver(this.pool.now())) {
            this.pool.wake()
            return this.pool.turn.wait
          }
          this.enter(calls[at++]!, origin)
        }
        this.pool.wake()
        return this.hasRoom ? pulled : this.room
      },
      step: () => {}
    })
    // The end of the calls, their failure, or a call of which no request can be made.
    return Effect.catchCause(loop, (cause) =>
      Effect.sync(() => {
        this.end = Exit.failCause(cause)
        this.pool.wake()
        this.tell()
      })
    )
  }

  /** All that is ready, as soon as anything is; after the last of it the end of the calls. */
  readonly pull: Effect.Effect<Emissions, unknown> = Effect.callback((resume) => {
    if (this.hasNews) return resume(this.take())
    const waiting = this.pool.waitFor(this)
    if (Exit.isExit(waiting)) return resume(waiting)
    this.onReady = () => {
      waiting?.end()
      if (waiting === undefined) resume(this.take())
      else waiting.afterReturn(() => resume(this.take()))
    }
    waiting?.begin()
    waiting?.lend()
    return Effect.sync(() => {
      this.onReady = undefined
      waiting?.end()
    })
  })

  covers(request: PoolRequest): boolean {
    return this.entered.some((entry) => entry instanceof PoolRequest && entry.covers(request))
  }

  *waiting(): Iterable<PoolRequest> {
    for (let at = this.front; at < this.entered.length; at++) {
      const entry = this.entered[at]
      if (entry instanceof PoolRequest) yield* entry.waiting()
    }
  }

  next(): PoolRequest | undefined {
    for (let at = this.front; at < this.entered.length; at++) {
      const entry = this.entered[at]
      const request = entry instanceof PoolRequest ? entry.next() : undefined
      if (request !== undefined) return request
    }
    return undefined
  }

  /** Gives up what has not been emitted. */
  readonly cancel: Effect.Effect<void> = Effect.suspend(() => {
    // The last one first: else the worker of one that was running would start the next.
    const entries = this.entered
    let left = entries.length
    return Effect.whileLoop({
      while: () => left > 0,
      body: () => {
        while (left > 0) {
          if (this.pool.turn.isOver(this.pool.now())) return this.pool.turn.wait
          const entry = entries[--left]
          if (entry instanceof PoolRequest) entry.route.canceller.cancel(entry)
        }
        return Effect.void
      },
      step: () => {}
    })
  })

  /** Looks again: between `body` and here there can be a pause, in which all has been taken. */
  private readonly room: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.hasRoom) return resume(Effect.void)
    this.onSpace = () => resume(Effect.void)
    return Effect.sync(() => (this.onSpace = undefined))
  })

  private get hasRoom(): boolean {
    return this.outstanding < this.options.outstanding
  }

  private get hasNews(): boolean {
    if (this.ready.length > 0) return true
    return this.outstanding === 0 ? this.end !== undefined : this.options.ordered && isOver(this.entered[this.front])
  }

  private enter(call: Call.Call, origin: Origin | undefined): void {
    const made = this.pool.make(call, origin)
    this.outstanding++
    const refusal = made instanceof PoolRequest ? this.pool.enter(made) : made
    if (refusal === undefined) this.add(made as PoolRequest)
    else this.add({ _tag: "Rejected", tag: call.rpc._tag, error: errorOf(refusal) })
  }

  private add(entry: PoolRequest | Rejected): void {
    const over = isOver(entry)
    if (this.options.ordered || !over) this.entered.push(entry)
    if (over) {
      if (entry instanceof PoolRequest) entry.heard()
      this.onEnd(entry)
    } else (entry as PoolRequest).listen(this.listener)
  }

  /** One for all requests. */
  private readonly listener = (_: unknown, request: PoolRequest): void => this.onEnd(request)

  private onEnd(entry: PoolRequest | Rejected): void {
    if (!this.options.ordered) {
      this.ready.push(toEmitted(entry))
      this.sweep()
    }
    this.tell()
  }

  /** Mostly what has ended is the first: it is looked at once, while it is at hand, and nothing that has ended outlives a collection (W1ap). */
  private sweep(): void {
    const { entered } = this
    while (isOver(entered[this.front])) entered[this.front++] = undefined
    if (entered.length - this.front > 2 * this.outstanding + 64) {
      this.entered = entered.filter((entry) => entry !== undefined && !isOver(entry))
      this.front = 0
    } else this.trim()
  }

  private trim(): void {
    if (this.front * 2 < this.entered.length) return
    this.entered = this.entered.slice(this.front)
    this.front = 0
  }

  /** Whoever waits for outcomes hears of them once a turn, not once for each. */
  private tell(): void {
    if (this.telling || this.onReady === undefined || !this.hasNews) return
    this.telling = true
    this.pool.turn.defer(() => {
      this.telling = false
      const { onReady } = this
      this.onReady = undefined
      onReady?.()
    })
  }

  private take(): Exit.Exit<Emissions, unknown> {
    if (this.options.ordered) this.takeFront()
    if (this.ready.length === 0) return this.end!
    const emissions = this.ready
    this.ready = []
    this.outstanding -= emissions.length
    const { onSpace } = this
    this.onSpace = undefined
    if (onSpace !== undefined) this.pool.turn.defer(onSpace)
    return Exit.succeed(emissions as unknown as Emissions)
  }

  private takeFront(): void {
    const { entered } = this
    while (isOver(entered[this.front])) this.ready.push(toEmitted(entered[this.front++]!))
    this.trim()
  }
}

const isOver = (entry: PoolRequest | Rejected | undefined): boolean =>
  entry !== undefined && (entry instanceof PoolRequest ? entry.phase === "ended" : true)

/** A caller that left before it was let in was never the pool's: it has no outcome. */
const toEmitted = (entry: PoolRequest | Rejected): Emitted => {
  if (!(entry instanceof PoolRequest)) return entry
  return entry.end === undefined ? { _tag: "Rejected", tag: entry.tag, error: errorOf(entry.exit!) } : toOutcome(entry)
}

const errorOf = (exit: Exit.Exit<unknown, unknown>): SubmitError =>
  Exit.isFailure(exit) ? (Cause.squash(exit.cause) as SubmitError) : (undefined as never)
