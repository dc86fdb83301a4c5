/** A pool as programs without Effect hold it. */
import { Effect, Exit, Scope, Stream } from "effect"
import type { Duration } from "effect"
import type { DrainReport } from "../DrainReport.ts"
import { currentTask } from "../internal/task.ts"
import type { Latencies } from "../Latencies.ts"
import type { PoolSnapshot } from "../PoolSnapshot.ts"
import type { Scaler } from "../Scaler.ts"
import type { WorkerPool } from "../WorkerPool.ts"
import { type Door, failureOf } from "./door.ts"
import { type Doors, type MapInputs, type Run, type Submit } from "./doors.ts"
import type { HeldClock } from "./hostClock.ts"
import { Hearing } from "./hearing.ts"
import { type Event, toEvent } from "./outcome.ts"
import { errorAt } from "./publicError.ts"
import { Quiet } from "./quiet.ts"
import { now, type Selection, SelectionOf } from "./selection.ts"

/** What `createPool` gives. `run`, `submit` and `map` need no `this`; the others are methods. */
export interface Pool<H = {}> extends Selection, AsyncDisposable {
  /** The name of the pool, from its options. */
  readonly name: string
  /**
   * Runs a task, or the input of a handler (`run.resize(input)`), on a worker and gives what it gives. What the task throws
   * is thrown as it is; what the pool has to say is a `PoolError`. Under `"suspend"` it waits for a place in a full queue.
   */
  readonly run: Run<H>
  /** Hands a request over, and gives its ticket once it has a place. */
  readonly submit: Submit<H>
  /**
   * Runs a task for each of some inputs, and gives the results in the order of the inputs, or as they come. It pulls no
   * more than `outstanding` inputs ahead of whoever takes the results. The first failure ends it, unless it gives
   * `outcomes`; whoever ends it early (`break`) cancels what it has not given.
   */
  readonly map: MapInputs<H>
  /** Sets the number of workers by hand and keeps it, until `release`. Throws `OutOfBounds`. */
  resize(workers: number): void
  /** Leaves the number of workers to the scaling policy again. */
  release(): void
  /** Changes the bounds, and the number of workers if it is outside them. Throws `InvalidOption`. */
  setBounds(bounds: { readonly minWorkers?: number | undefined; readonly maxWorkers?: number | undefined }): void
  /** No attempt starts until `resume`, or until a drain. Running ones finish; admission, expiry and delays go on. */
  pause(): void
  /** Ends a `pause`. */
  resume(): void
  /** Resolves once nothing waits, is between two attempts or for later, or runs; at once if that is so now. Stuck tasks do not count. */
  idle(): Promise<void>
  /**
   * Refuses new requests, finishes the others, interrupts at the deadline (default: `drainDeadline`) what is left, and
   * closes the pool. It resolves within deadline and `drainGrace`. Called twice it gives the same report, and the earlier
   * deadline wins. A task can begin the drain of its own pool, but not wait for it: `NestedWaitRefused`.
   */
  drain(options?: DrainOptions): Promise<DrainReport>
  /** A drain with the pool's `drainDeadline`. */
  [Symbol.asyncDispose](): Promise<void>
  /** Every count of the pool, taken in one step. */
  snapshot(): PoolSnapshot
  /** How long the requests that have ended waited and ran, as histograms since the pool was made. */
  latencies(): Latencies
  /** Why there are so many workers, in a sentence. */
  explain(): string
  /** What happens from now on, for each who iterates, until the pool has drained. A slow one loses its oldest events. */
  readonly events: AsyncIterable<Event>
  /** Calls the listener, in a later turn, with each event of that type; none is missed. Answers how to stop. What it throws is logged. */
  on<Type extends Event["type"]>(type: Type, listener: (event: Extract<Event, { type: Type }>) => void): () => void
}

/** How a drain ends. */
export interface DrainOptions {
  /** What accepted requests have to end. At least zero; a number is milliseconds. Default: the pool's `drainDeadline`. */
  readonly deadline?: Duration.Input | undefined
  /** `"interrupt"`: what runs is finished, what waits is not, and is told so at once. Default `"finish"`. */
  readonly waiting?: "finish" | "interrupt" | undefined
}

/** What a pool is made of. */
export interface Parts<H> {
  readonly service: WorkerPool["Service"]
  readonly scaler: Scaler["Service"]
  readonly scope: Scope.Closeable
  readonly door: Door
  readonly doors: Doors<H>
  readonly clock: HeldClock
}

export class PoolOf<H> extends SelectionOf implements Pool<H> {
  readonly name: string
  readonly run: Run<H>
  readonly submit: Submit<H>
  readonly map: MapInputs<H>
  private readonly parts: Parts<H>
  private readonly quiet: Quiet
  private readonly hearings = new Set<Hearing>()
  private closed: Promise<void> | undefined = undefined

  constructor(parts: Parts<H>) {
    super(parts.service, parts.door.core)
    this.parts = parts
    this.name = parts.service.name
    this.run = parts.doors.run
    this.submit = parts.doors.submit
    this.map = parts.doors.map
    this.quiet = new Quiet(parts.door.core, parts.clock)
  }

  resize(workers: number): void {
    now(this.resize, this.parts.scaler.hold(workers))
  }

  release(): void {
    now(this.release, this.parts.scaler.release)
  }

  setBounds(bounds: { readonly minWorkers?: number | undefined; readonly maxWorkers?: number | undefined }): void {
    now(this.setBounds, this.parts.service.setBounds(bounds))
  }

  pause(): void {
    now(this.pause, this.parts.service.pause)
  }

  resume(): void {
    now(this.resume, this.parts.service.resume)
  }

  async idle(): Promise<void> {
    const { refusal } = this
    if (refusal !== undefined) throw errorAt(this.idle, failureOf(refusal))
    await this.quiet.wait()
  }

  async drain(options?: DrainOptions): Promise<DrainReport> {
    const { refusal } = this
    const { clock, door, service } = this.parts
    const drained = Effect.runPromiseExit(service.drain(options))
    if (door.core.drain.state === "draining") clock.hold()
    if (refusal !== undefined) {
      void drained.then((exit) => (Exit.isSuccess(exit) ? this.close() : undefined))
      throw errorAt(this.drain, failureOf(refusal))
    }
    const exit = await drained
    if (Exit.isFailure(exit)) throw errorAt(this.drain, failureOf(exit))
    await this.close()
    // The last event is theirs too.
    for (const hearing of this.hearings) hearing.tell()
    return exit.value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  snapshot(): PoolSnapshot {
    return now(this.snapshot, this.parts.service.snapshot)
  }

  latencies(): Latencies {
    return now(this.latencies, this.parts.service.latencies)
  }

  explain(): string {
    return now(this.explain, this.parts.scaler.explain)
  }

  get events(): AsyncIterable<Event> {
    return Stream.toAsyncIterable(Stream.map(this.parts.service.events, toEvent))
  }

  on<Type extends Event["type"]>(type: Type, listener: (event: Extract<Event, { type: Type }>) => void): () => void {
    const hearing = new Hearing(this.parts.door.core, type, listener as (event: Event) => void)
    this.hearings.add(hearing)
    return () => {
      this.hearings.delete(hearing)
      hearing.stop()
    }
  }

  /** Why a task must not wait for all that runs in its own pool. */
  private get refusal(): Exit.Exit<never, unknown> | undefined {
    const by = currentTask()
    return by === undefined ? undefined : this.parts.door.core.nesting.refuseDrain(by)
  }

  private close(): Promise<void> {
    return (this.closed ??= Effect.runPromise(Scope.close(this.parts.scope, Exit.void)).then(() =>
      this.parts.clock.release()
    ))
  }
}
