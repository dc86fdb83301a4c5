/** One attempt on its way to a thread, there, and back. */
import { type Context, Deferred, Effect, Exit } from "effect"
import type { Ended, Transferable } from "./host.ts"
import type { Answer, ToThread } from "./messages.ts"

/** What a thread answers with, or how it has ended instead. */
export type TaskEnd =
  | Answer
  | Ended
  /** It could not be sent. */
  | { readonly unsent: unknown }

/** Where it runs. */
export interface Place {
  /** Asks the task to end by itself, if it still runs there. */
  readonly interrupt: (task: Task) => void
}

export class Task {
  readonly tag: string
  readonly message: ToThread
  readonly transfers: ReadonlyArray<Transferable> | undefined
  /** Whether a pool keeps a place for it. */
  readonly hasPlace: boolean
  /** Of who asks for it: what its thread reports meanwhile belongs there. */
  context: Context.Context<never> | undefined = undefined
  /** `undefined`: it waits for a thread. */
  place: Place | undefined = undefined
  /** Nobody has asked for its end. */
  isWanted = true
  /** Why it is to end, which its thread is told. `undefined`: there is nothing to tell. */
  why: unknown = undefined
  private hasHeard = false
  private end: TaskEnd | undefined = undefined
  private readonly onEnd: (end: TaskEnd) => void
  private heardDeferred: Deferred.Deferred<void> | undefined = undefined
  private endedDeferred: Deferred.Deferred<void> | undefined = undefined

  constructor(
    message: ToThread & readonly [unknown, string, ...unknown[]],
    transfers: ReadonlyArray<Transferable> | undefined,
    hasPlace: boolean,
    onEnd: (end: TaskEnd) => void
  ) {
    this.tag = message[1]
    this.message = message
    this.transfers = transfers
    this.hasPlace = hasPlace
    this.onEnd = onEnd
  }

  get hasEnded(): boolean {
    return this.end !== undefined
  }

  /** Its thread has heard that it is to end. */
  hear(): void {
    this.hasHeard = true
    if (this.heardDeferred !== undefined) Deferred.doneUnsafe(this.heardDeferred, Exit.void)
  }

  /** It runs nowhere any more. */
  finish(end: TaskEnd): void {
    this.end = end
    if (this.endedDeferred !== undefined) Deferred.doneUnsafe(this.endedDeferred, Exit.void)
    this.hear()
    this.onEnd(end)
  }

  /** Until the thread has heard of its interruption, or it has ended. */
  get heard(): Effect.Effect<void> {
    return this.hasHeard ? Effect.void : Deferred.await((this.heardDeferred ??= Deferred.makeUnsafe()))
  }

  get ended(): Effect.Effect<void> {
    return this.hasEnded ? Effect.void : Deferred.await((this.endedDeferred ??= Deferred.makeUnsafe()))
  }
}
