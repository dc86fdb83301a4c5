/** "Not now, come back later": what a task throws on behalf of whom it calls, such as a service that answers 429. */
import type { Duration } from "effect"
import * as checks from "../internal/checks.ts"
import { fromHeader, type Instruction, RetryAfter } from "../NotBefore.ts"
import { errorAt } from "./publicError.ts"

/**
 * Nothing that this concerns starts before then: `throw new NotBefore("30 seconds", { at: "key" })`. It is no attempt, unless
 * `countsAsAttempt` says so: the request waits, before all that are like it. Its caller sees this error only when the request
 * would expire before that. A time that is not finite throws `InvalidOption`.
 */
export class NotBefore extends Error {
  /**
   * Milliseconds that a `Retry-After` header asks for, from `epochMillis` (`Date.now()`) on: it has whole seconds, or a date.
   * `undefined`: it cannot be read.
   */
  static readonly fromHeader: (header: string | null | undefined, epochMillis: number) => number | undefined =
    fromHeader
  override readonly name = "NotBefore"
  /** How long nothing starts. At least 1. */
  readonly millis: number
  /** Whom it concerns: `"key"`, `"tag"` (those of the same handler), `"pool"`, or those of the limit of that name. */
  readonly at: string
  /** Whether it was an attempt, after which the retry policy decides about another one. */
  readonly countsAsAttempt: boolean

  constructor(after: Duration.Input, options: Omit<Instruction, "after"> & ErrorOptions = {}) {
    const { at = "tag", countsAsAttempt = false, ...rest } = options
    const millis = checks.wholeMillis(after)
    if (millis === undefined) {
      throw errorAt(NotBefore, checks.wrong("after", "a finite duration, at least zero", after))
    }
    super(`Not before ${Math.max(1, millis)} ms have passed (for its ${at})`, rest)
    this.millis = Math.max(1, millis)
    this.at = at
    this.countsAsAttempt = countsAsAttempt
  }

  /** What the pool reads. Any error with this property is obeyed. */
  get [RetryAfter](): Instruction {
    return { after: this.millis, at: this.at, countsAsAttempt: this.countsAsAttempt }
  }
}
