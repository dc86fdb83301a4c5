/**
 * Tells those who wait for a request how it has ended, whichever process has ended it: by the store's notices, and by looking where one
 * may have been lost.
 */
import { Effect, Exit } from "effect"
import { Recent } from "../recent.ts"
import { backoff, elapsed, Portion, Signal } from "../signal.ts"
import type { EndRecord, Session } from "../Store.ts"

interface Listener {
  readonly onEnd: (record: EndRecord) => void
  /** Nobody will tell any more: the pool of this process has closed. */
  readonly onClosed: () => void
}

/** The most that are asked for in one statement. */
const mostTogether = 1_000

export class Endings {
  private readonly listeners = new Map<string, Set<Listener>>()
  private readonly wanted = new Set<string>()
  /** Ends that nobody has waited for yet: one may be heard of before its own call has returned. The newest ones. */
  private readonly unheard = new Recent(2_000)
  private readonly signal = new Signal()
  private readonly portion = new Portion(mostTogether)
  private isClosed = false
  private readonly session: Session
  private readonly pollMillis: number
  private readonly onThrown: (defect: unknown) => void

  /** `onThrown`: somebody who was told has thrown, which is no affair of the others. */
  constructor(session: Session, pollMillis: number, onThrown: (defect: unknown) => void) {
    this.session = session
    this.pollMillis = pollMillis
    this.onThrown = onThrown
  }

  get size(): number {
    return this.listeners.size
  }

  /** Told once. `mayHaveEnded`: it is looked for at once. The answer takes the listener back. */
  listen(id: string, listener: Listener, mayHaveEnded: boolean): () => void {
    if (this.isClosed) {
      listener.onClosed()
      return () => {}
    }
    const listeners = this.listeners.get(id)
    if (listeners === undefined) this.listeners.set(id, new Set([listener]))
    else listeners.add(listener)
    if (mayHaveEnded || this.unheard.take(id)) this.want(id)
    else if (this.listeners.size === 1) this.signal.wake()
    return () => {
      const listeners = this.listeners.get(id)
      if (listeners === undefined) return
      listeners.delete(listener)
      if (listeners.size === 0) this.listeners.delete(id)
    }
  }

  /** What this process knows itself. */
  tell(record: EndRecord): void {
    const listeners = this.listeners.get(record.id)
    if (listeners === undefined) return this.unheard.add(record.id)
    this.listeners.delete(record.id)
    this.wanted.delete(record.id)
    for (const { onEnd } of listeners) this.guarded(() => onEnd(record))
  }

  /** Whoever waits is told that nobody will tell. */
  close(): void {
    this.isClosed = true
    const all = [...this.listeners.values()]
    this.listeners.clear()
    for (const listeners of all) for (const { onClosed } of listeners) this.guarded(onClosed)
  }

  private guarded(tell: () => void): void {
    try {
      tell()
    } catch (defect) {
      this.onThrown(defect)
    }
  }

  /** These have ended, or may have. */
  heard(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.listeners.has(id)) this.want(id)
      else this.unheard.add(id)
    }
  }

  /** A notice may have been lost. */
  missed(): void {
    this.heard(this.listeners.keys())
  }

  private want(id: string): void {
    this.wanted.add(id)
    this.signal.wake()
  }

  /** Runs for as long as anybody may wait. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    let lookedAt = yield* elapsed
    for (let failures = 0; ;) {
      if (this.wanted.size === 0) yield* this.signal.wait(this.listeners.size === 0 ? undefined : this.pollMillis)
      const now = yield* elapsed
      if (now - lookedAt >= this.pollMillis) {
        this.someToLookFor()
        lookedAt = now
      }
      const ids = [...take(this.wanted, this.portion.size)]
      if (ids.length === 0) continue
      for (const id of ids) this.wanted.delete(id)
      const exit = yield* Effect.exit(this.session.ends(ids))
      if (Exit.isSuccess(exit)) {
        failures = 0
        this.portion.succeeded()
        for (const record of exit.value) this.tell(record)
      } else {
        this.portion.failed()
        this.heard(ids)
        yield* Effect.sleep(backoff(failures++))
      }
    }
  })

  /** A notice may have been lost: some of those that are waited for, and the next time others. */
  private someToLookFor(): void {
    for (const [id, listeners] of Array.from(take(this.listeners, mostTogether))) {
      this.listeners.delete(id)
      this.listeners.set(id, listeners)
      this.wanted.add(id)
    }
  }
}

function* take<A>(all: Iterable<A>, most: number): Generator<A> {
  let taken = 0
  for (const one of all) {
    if (taken++ === most) return
    yield one
  }
}
