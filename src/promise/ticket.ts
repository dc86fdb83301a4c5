/** A claim on one accepted request. It runs whether or not anybody waits for it. */
import type { PoolRequest } from "../internal/request.ts"
import { currentTask } from "../internal/task.ts"
import type { Phase } from "../PoolError.ts"
import { invalidPriority } from "../RequestPolicy.ts"
import type { Door } from "./door.ts"
import type { Outcome } from "./outcome.ts"
import { errorAt } from "./publicError.ts"
import type { Call } from "./task.ts"

/** What `submit` gives: a claim on one accepted request, which runs whether or not anybody waits for it. */
export interface Ticket<A> {
  /** The id of the call, or its number in the pool. */
  readonly id: string
  /** The name of its handler; `"run"` for a task. */
  readonly tag: string
  /** Gives what the task gave, or is rejected like a `run` of it. A request whose result nobody has asked for rejects nothing. */
  readonly result: Promise<A>
  /** Gives all of how it ended, and is never rejected. */
  readonly outcome: Promise<Outcome<A>>
  /** Where the request is now. */
  readonly status: Phase | "ended"
  /** Attempts that were started so far. */
  readonly attempts: number
  /**
   * Gives the request up, with `reason` as the `cause` of its `RequestCancelled`: `"withdrawn"` if no attempt ran,
   * `"interrupting"` if one did (its task is told and may go on for a while), `"settled"` if it had ended before. Where others
   * have joined the request, it is given up for this ticket alone, `"withdrawn"`; the last to go ends it.
   */
  cancel(reason?: unknown): "withdrawn" | "interrupting" | "settled"
  /**
   * Gives the request another priority (-10 to 10), and its place by that; `false`: it runs already, or has ended. Throws
   * `InvalidOption`.
   */
  setPriority(priority: number): boolean
}

export class TicketOf implements Ticket<unknown> {
  private readonly door: Door
  private readonly request: PoolRequest
  private promise: Promise<unknown> | undefined = undefined

  constructor(door: Door, request: PoolRequest) {
    this.door = door
    this.request = request
  }

  get id(): string {
    return this.request.id
  }

  get tag(): string {
    return this.request.tag
  }

  get result(): Promise<unknown> {
    // Of a task that waits for it the pool must know: that one has a promise of its own.
    return currentTask() === undefined
      ? (this.promise ??= this.door.result(this.request))
      : this.door.result(this.request)
  }

  get outcome(): Promise<Outcome> {
    return this.door.outcome(this.request)
  }

  get status(): Phase | "ended" {
    return this.request.shown.phase as Phase | "ended"
  }

  get attempts(): number {
    return this.request.shown.attempts
  }

  cancel(reason?: unknown): "withdrawn" | "interrupting" | "settled" {
    const { request } = this
    if (request.phase !== "ended") (request.payload as Call).cancelReason = reason
    return this.door.cancel(request)
  }

  setPriority(priority: number): boolean {
    const invalid = invalidPriority("priority", priority)
    if (invalid !== undefined) throw errorAt(this.setPriority, invalid)
    return this.request.route.canceller.setPriority(this.request, priority)
  }
}
