/**
 * How many attempts some handlers can run at once, where whoever runs them says so while the pool works: as many as there are
 * threads, connections or licences. Requests that find none free wait in the queue, as at a limit: no timeout and no service time
 * runs meanwhile, and the Scaler asks for no workers for them.
 *
 * `Capacity.make` makes them, and `Layer.provide(Layer.succeed(Capacity.Capacity, places))` around `group.toLayer({ ... })` puts its handlers
 * behind them; `places.set(count)` changes their number.
 */
import { Context } from "effect"
import * as checks from "./internal/checks.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"

/** A pool that asks for places. @internal */
export interface Asker {
  /** Its requests that wait for one. */
  readonly heldBack: number
  /** There may be one for it. */
  readonly onFree: () => void
  /** Whether somebody listens to its events. */
  readonly isHeard: () => boolean
  readonly onThread: (change: ThreadChange) => void
}

/** What a thread does. */
export type ThreadState = "starting" | "idle" | "busy" | "dying" | "stuck"

/** The threads behind places. */
export interface ThreadCounts {
  /** How many there are now, by what they do: the sum is all that there are. */
  readonly now: Readonly<Record<ThreadState, number>>
  /** Of all that there ever were: these only grow. */
  readonly total: Readonly<Record<"started" | "killed" | "crashed", number>>
  /** How long the last one took to become ready, in milliseconds; `undefined`: none has. */
  readonly startMillis: number | undefined
}

/** What has become of a thread. */
export interface ThreadChange {
  /** Its number, from 1, which is not used again. */
  readonly thread: number
  /**
   * `ready`: it can run attempts. `stuck`: it was killed, and is still there. `crashed`: it is gone, though nobody had asked for it.
   * `ended`: it is gone, since it was killed or told to end.
   */
  readonly change: "started" | "ready" | "killed" | "stuck" | "crashed" | "ended"
  /** Of the request whose attempt ran on it. */
  readonly tag?: string | undefined
  /** Why, where there is more to say. */
  readonly detail?: string | undefined
}

/**
 * Places for attempts, made by `make`. It belongs to whoever runs the handlers; any number of pools may share it. A place is taken when an
 * attempt starts and is free when that has really ended, its finalizers included; one that is stuck keeps it. In a pool it is a limit
 * that `setLimit` cannot change, and that `pauseOnly({ limit })` can close.
 */
export class Places {
  /** Names the gate in snapshots, metrics, lists and events, beside the pool's own limits. */
  readonly name: string
  /** What is behind them. `undefined`: no threads, or nobody tells. */
  readonly threads: (() => ThreadCounts) | undefined
  /** What is wrong with its options. The pool whose handlers are given it fails with that. */
  readonly invalid: InvalidPoolConfig | undefined
  private total: number
  private taken = 0
  private readonly onWaiting: (() => void) | undefined
  private readonly askers = new Set<Asker>()
  private isTold = false

  constructor({ name, onWaiting, places = 0, threads }: Options) {
    this.name = name
    this.threads = threads
    this.invalid = checks.text("capacity.name", name) ?? checkPlaces(name, places)
    this.total = places
    this.onWaiting = onWaiting
  }

  /** How many there are. */
  get places(): number {
    return this.total
  }

  /** Attempts that hold one now. There may be more than there are, since it was made smaller. */
  get running(): number {
    return this.taken
  }

  /** How many more may start now. */
  get free(): number {
    return Math.max(0, this.total - this.taken)
  }

  /**
   * Requests that could start but for want of a place, or for a pause of it, in all pools that share it. Those that no worker has come to
   * are not among them.
   */
  get waiting(): number {
    let waiting = 0
    for (const asker of this.askers) waiting += asker.heldBack
    return waiting
  }

  /**
   * There are so many from now on: a whole number from 0, or `Infinity`; of anything else it throws `InvalidPoolConfig`, and nothing
   * changes. Those that wait start at once, as far as there are workers; fewer than are taken interrupts nothing.
   */
  set(places: number): void {
    const invalid = checkPlaces(this.name, places)
    if (invalid !== undefined) throw invalid
    this.total = places
    this.tell(undefined)
  }

  /** Whether somebody listens to the events of a pool that shares it. To be asked before a change is built. */
  get isHeard(): boolean {
    for (const asker of this.askers) if (asker.isHeard()) return true
    return false
  }

  /** Makes it an event, `ThreadChanged`, of each pool that shares it. */
  publish(change: ThreadChange): void {
    for (const asker of this.askers) if (asker.isHeard()) asker.onThread(change)
  }

  /** @internal */
  enter(): void {
    this.taken++
  }

  /** `asker` looks for itself. @internal */
  leave(asker: Asker): void {
    this.taken--
    if (this.askers.size > 1) this.tell(asker)
  }

  /** Somebody has begun to wait: of any number in one turn the owner hears once. @internal */
  want(): void {
    if (this.isTold || this.onWaiting === undefined) return
    this.isTold = true
    queueMicrotask(() => {
      this.isTold = false
      this.onWaiting!()
    })
  }

  /** Answers how to stop. @internal */
  attach(asker: Asker): () => void {
    this.askers.add(asker)
    return () => void this.askers.delete(asker)
  }

  private tell(but: Asker | undefined): void {
    for (const asker of this.askers) {
      if (this.free === 0) return
      if (asker !== but) asker.onFree()
    }
  }
}

/** What they are called, how many there are, and who hears that there are too few. */
export interface Options {
  /** Not empty, and the name of no limit, and of no other places, of a pool that uses it. */
  readonly name: string
  /** How many there are to begin with. A whole number from 0, or `Infinity`. Default 0. */
  readonly places?: number | undefined
  /**
   * Called when requests have begun to wait for a place, in a microtask of its own, once for all of a turn: `waiting` tells how many. It
   * may call `set`. It must not throw: nobody would catch it.
   */
  readonly onWaiting?: (() => void) | undefined
  /** Counts the threads behind it, for snapshots and metrics: called for each. Default: there are none. */
  readonly threads?: (() => ThreadCounts) | undefined
}

/** Places that can be set at any time. It never throws: what is wrong with the options is in `invalid`. */
export const make = (options: Options): Places => new Places(options)

/**
 * What bounds the handlers that were built with it: `Group.toLayer({ ... }).pipe(Layer.provide(Layer.succeed(Capacity.Capacity, places)))`.
 * Default: nothing.
 */
export const Capacity: Context.Reference<Places | undefined> = Context.Reference<Places | undefined>(
  "effect-worker-pool/Capacity",
  { defaultValue: () => undefined }
)

/**
 * In the context of a handler: where a pool keeps a place for this attempt. `undefined`, the default: nowhere, since it was called past
 * a pool, or bounds nothing.
 */
export const Held: Context.Reference<Places | undefined> = Context.Reference<Places | undefined>(
  "effect-worker-pool/Capacity/Held",
  { defaultValue: () => undefined }
)

const checkPlaces = (name: string, places: unknown): InvalidPoolConfig | undefined =>
  places === Infinity ? undefined : checks.wholeFrom(0)(`capacity.${name}.places`, places)
