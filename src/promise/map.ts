/** Inputs through the pool, as many at a time as its consumer keeps up with. */
import { Exit } from "effect"
import * as checks from "../internal/checks.ts"
import { type Awaited, PoolRequest } from "../internal/request.ts"
import { currentTask } from "../internal/task.ts"
import { type Door, errorOf, failureOf, isOfTask, outcomeOf, type Target } from "./door.ts"
import { Entries, type Entry, isOver } from "./entries.ts"
import type { Outcome, Refused } from "./outcome.ts"
import { errorAt, publicError, withStackAt } from "./publicError.ts"
import type { CallOptions } from "./task.ts"

/** Options of `map`, and those of a call, which hold for each input. */
export interface MapOptions extends CallOptions {
  /** `true` (default): results in the order of their inputs; `false`: as they come. */
  readonly ordered?: boolean | undefined
  /**
   * The most inputs that are pulled and whose results are not yet taken. A whole number, at least 1. Default: twice the
   * pool's `maxWorkers`, at most its capacity.
   */
  readonly outstanding?: number | undefined
  /** `true`: gives what became of each input, in place of its result, and fails for none. Default `false`. */
  readonly outcomes?: boolean | undefined
}

/** What `map` takes, of which it pulls one at a time. A promise in it is awaited first. */
export type Inputs<I> = Iterable<I | PromiseLike<I>> | AsyncIterable<I>

/** How it is run, once its options are known to be right. */
export interface Plan {
  readonly inputs: Inputs<unknown>
  readonly enter: (input: unknown) => Entry
  readonly tag: string
  readonly ordered: boolean
  readonly outstanding: number
  readonly outcomes: boolean
}

/** Throws when one of them is not. */
export const toPlan = (
  above: Function,
  door: Door,
  target: Target,
  inputs: Inputs<unknown>,
  options: MapOptions = {}
): Plan => {
  const { crew, queue } = door.core
  const {
    outcomes = false,
    outstanding = Math.min(2 * crew.maxWorkers, queue.capacity),
    ordered = true,
    ...rest
  } = options
  const invalid =
    (typeof target.handler === "function" ? undefined : checks.wrong("task", "a function", target.handler)) ??
    (isIterable(inputs) ? undefined : checks.wrong("inputs", "an iterable or an async iterable", typeof inputs)) ??
    checks.wholeFrom(1)("outstanding", outstanding) ??
    checks.oneOf(true, false)("ordered", ordered) ??
    checks.oneOf(true, false)("outcomes", outcomes)
  if (invalid !== undefined) throw errorAt(above, invalid)
  const call = Object.keys(rest).length === 0 ? undefined : rest
  return {
    inputs,
    enter: (input) => door.enter(above, true, target, input, call),
    tag: target.tag,
    ordered,
    outstanding,
    outcomes
  }
}

const isIterable = (inputs: unknown): boolean =>
  typeof inputs === "string" ||
  (typeof inputs === "object" && inputs !== null && (Symbol.iterator in inputs || Symbol.asyncIterator in inputs))

/** Begins with the first `next`. Whoever leaves it early cancels what it has not given. */
export async function* map(door: Door, plan: Plan): AsyncGenerator<unknown, void, undefined> {
  const mapping = new Mapping(door, plan)
  void mapping.feed()
  try {
    for (;;) {
      const entry = mapping.take()
      if (entry !== undefined) yield plan.outcomes ? outcomeOfEntry(entry, plan.tag) : valueOf(entry)
      else if (mapping.isOver) return
      else await mapping.news()
    }
  } catch (error) {
    // Of two failures the first one counts.
    await mapping.close().catch(() => {})
    throw error
  } finally {
    await mapping.close()
  }
}

class Mapping implements Awaited {
  private readonly door: Door
  private readonly plan: Plan
  private readonly iterator: Iterator<unknown> | AsyncIterator<unknown>
  private readonly entries: Entries
  /** How the inputs ended, once they have. */
  private end: { readonly error?: unknown } | undefined = undefined
  private isPulling = false
  private isClosed = false
  private onNews: (() => void) | undefined = undefined
  private onRoom: (() => void) | undefined = undefined

  constructor(door: Door, plan: Plan) {
    this.door = door
    this.plan = plan
    this.entries = new Entries(plan.ordered)
    const { inputs } = plan
    const both = inputs as Partial<AsyncIterable<unknown>> & Iterable<unknown>
    this.iterator = both[Symbol.asyncIterator]?.() ?? both[Symbol.iterator]()
  }

  /** Pulls inputs to their end, while there is room for their results. */
  async feed(): Promise<void> {
    const { now, turn } = this.door.core
    try {
      while (!this.isClosed) {
        if (this.entries.size >= this.plan.outstanding) {
          await new Promise<void>((resolve) => (this.onRoom = resolve))
          continue
        }
        this.isPulling = true
        // To wait for what is there already took a tenth of W1p.
        const step = this.iterator.next()
        const { done, value } = isThenable(step) ? await step : (step as IteratorResult<unknown>)
        const input = done !== true && isThenable(value) ? await value : value
        this.isPulling = false
        if (done === true) break
        if (this.isClosed) break
        const entry = this.plan.enter(input)
        this.enter(entry)
        // Nothing else lets the host have its turn where all inputs are refused.
        if (!(entry instanceof PoolRequest) && turn.isOver(now())) {
          await new Promise<void>((resolve) => turn.queue(resolve))
        }
      }
      this.end = {}
    } catch (error) {
      this.end = { error }
    }
    this.isPulling = false
    this.tell()
  }

  /** The next entry that can be given, if there is one now. */
  take(): Entry | undefined {
    const entry = this.entries.take()
    if (entry !== undefined) this.onRoom?.()
    return entry
  }

  /** Whether all has been given. The failure of the inputs comes last. */
  get isOver(): boolean {
    if (this.entries.size > 0 || this.end === undefined) return false
    if ("error" in this.end) throw this.end.error
    return true
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.onRoom?.()
    for (const request of this.entries.live()) this.door.cancel(request)
    // An iterator that has ended by itself is not told; one that is being asked hears after its answer.
    if (this.end !== undefined) return
    const closing = this.iterator.return?.()
    if (!this.isPulling) await closing
    else if (closing instanceof Promise) closing.catch(() => {})
  }

  covers(request: PoolRequest): boolean {
    for (const one of this.entries.live()) if (one.covers(request)) return true
    return false
  }

  *waiting(): Iterable<PoolRequest> {
    for (const request of this.entries.live()) yield* request.waiting()
  }

  next(): PoolRequest | undefined {
    for (const request of this.entries.live()) {
      const next = request.next()
      if (next !== undefined) return next
    }
    return undefined
  }

  private enter(entry: Entry): void {
    this.entries.add(entry)
    if (entry instanceof PoolRequest && !isOver(entry)) {
      entry.listen(this.listener)
      // A task that waits already has its slot to lend.
      return this.door.core.nesting.lendAll()
    }
    if (entry instanceof PoolRequest) entry.heard()
    this.onEnd(entry)
  }

  /** One for all requests. */
  private readonly listener = (_: unknown, request: PoolRequest): void => this.onEnd(request)

  private onEnd(entry: Entry): void {
    this.entries.end(entry)
    this.tell()
  }

  private tell(): void {
    const { onNews } = this
    this.onNews = undefined
    onNews?.()
  }

  /** Waits until something has ended. A task of this pool that does lends its slot to what it waits for. */
  news(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { nesting, now, turn } = this.door.core
      const by = currentTask()
      const waiting = by === undefined ? undefined : nesting.waitFor(this, by)
      if (Exit.isExit(waiting)) return reject(publicError(failureOf(waiting)))
      this.onNews = () => {
        waiting?.end()
        if (waiting === undefined) resolve()
        else waiting.afterReturn(() => turn.run(now(), resolve))
      }
      waiting?.begin()
      waiting?.lend()
    })
  }
}

const isThenable = (value: unknown): boolean =>
  (typeof value === "object" || typeof value === "function") &&
  value !== null &&
  typeof (value as { readonly then?: unknown }).then === "function"

const valueOf = (entry: Entry): unknown => {
  if (!(entry instanceof PoolRequest)) throw entry.error
  if (Exit.isSuccess(entry.exit!)) return entry.exit.value
  const error = errorOf(entry)
  throw isOfTask(entry, entry.exit!) ? error : withStackAt(map, error)
}

/** A caller that left before it was let in was never the pool's: it has no outcome. */
const outcomeOfEntry = (entry: Entry, tag: string): Outcome | Refused =>
  entry instanceof PoolRequest && entry.end !== undefined
    ? outcomeOf(entry)
    : { end: "refused", tag, attempts: 0, error: entry instanceof PoolRequest ? errorOf(entry) : entry.error }
