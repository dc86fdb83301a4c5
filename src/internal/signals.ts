/** The callers' abort signals. */
import type { InvalidPoolConfig } from "../PoolError.ts"
import * as checks from "./checks.ts"

/** What is wrong with what was given as one. */
export const wrongSignal = (signal: AbortSignal | undefined): InvalidPoolConfig | undefined =>
  signal === undefined || typeof signal.addEventListener === "function"
    ? undefined
    : checks.wrong("signal", "an AbortSignal", signal)

/**
 * One listener for each signal, however many requests share it: a listener of its own for each takes the host a time that
 * grows with their square, and a warning. The last one to end takes the listener with it.
 */
export class Signals<A> {
  private readonly listening = new Map<AbortSignal, Listening<A>>()
  private readonly cancel: (request: A) => void

  constructor(cancel: (request: A) => void) {
    this.cancel = cancel
  }

  /** Cancels the request when the signal is aborted. `false`: it is aborted already. */
  add(signal: AbortSignal, request: A): boolean {
    if (signal.aborted) return false
    const known = this.listening.get(signal)
    if (known !== undefined) {
      known.requests.add(request)
      return true
    }
    const requests = new Set([request])
    const listener = () => {
      this.listening.delete(signal)
      // The last one first: else one that is let go by a limit, or gets a place, would begin, or be let in, for nothing.
      for (const request of [...requests].toReversed()) this.cancel(request)
    }
    this.listening.set(signal, { requests, listener })
    signal.addEventListener("abort", listener, { once: true })
    return true
  }

  /** The request has ended. */
  remove(signal: AbortSignal, request: A): void {
    const known = this.listening.get(signal)
    if (known === undefined) return
    known.requests.delete(request)
    if (known.requests.size > 0) return
    this.listening.delete(signal)
    signal.removeEventListener("abort", known.listener)
  }
}

interface Listening<A> {
  readonly requests: Set<A>
  readonly listener: () => void
}
