/** "Not now, come back later": what a handler says on behalf of whom it calls, such as a service that answers 429. */
import { type Duration, Predicate, Schema } from "effect"
import * as checks from "./internal/checks.ts"

/**
 * The property by which any error of a handler tells when to come back; `undefined`: it is an error like any other.
 * A handler that fails with such an error closes a gate: nobody whom it concerns starts before that.
 */
export const RetryAfter: unique symbol = Symbol.for("effect-worker-pool/RetryAfter")

/** When to come back, and whom that concerns. */
export interface Instruction {
  /** How long nothing starts. At least 1 ms. */
  readonly after: Duration.Input
  /**
   * Whom it concerns: all requests of this one's key, of its tag, of the pool, or those that share the limit of that name with
   * it. Default `"tag"`.
   */
  readonly at?: "key" | "tag" | "pool" | (string & {}) | undefined
  /**
   * Whether it was an attempt: `true`, and the retry policy decides about another one. Default `false`: the request goes back
   * to the front of where it waited, with as many attempts left as before.
   */
  readonly countsAsAttempt?: boolean | undefined
}

/** An error that tells when to come back. */
export interface HasRetryAfter {
  /** When, and whom that concerns. */
  readonly [RetryAfter]: Instruction | undefined
}

/**
 * Nothing that this concerns starts before then: `Rpc.make("Send", { error: NotBefore.NotBefore })`, and in the handler
 * `yield* NotBefore.of("30 seconds", { at: "key" })`. The caller sees it only when its request would expire before that.
 */
export class NotBefore extends Schema.TaggedError<NotBefore>()("NotBefore", {
  millis: Schema.Number,
  at: Schema.String,
  countsAsAttempt: Schema.Boolean
}) {
  /** When to come back. */
  get [RetryAfter](): Instruction {
    return { after: this.millis, at: this.at, countsAsAttempt: this.countsAsAttempt }
  }

  override get message() {
    return `Not before ${this.millis} ms have passed (for its ${this.at})`
  }
}

/** A `NotBefore` to fail with. Where `after` is no finite duration it is 1 ms. */
export const of = (after: Duration.Input, options: Omit<Instruction, "after"> = {}): NotBefore =>
  new NotBefore({
    millis: Math.max(1, checks.wholeMillis(after) ?? 1),
    at: options.at ?? "tag",
    countsAsAttempt: options.countsAsAttempt ?? false
  })

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110, 10.2.3: whole seconds, or a date), from `epochMillis` on;
 * `undefined`: it cannot be read.
 */
export const fromHeader = (header: string | null | undefined, epochMillis: number): number | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - epochMillis)
}

/** What an error of a handler says. It may be anything, and throw when it is looked at. @internal */
export const instructionOf = (
  error: unknown
): { readonly millis: number; readonly at: string; readonly countsAsAttempt: boolean } | undefined => {
  try {
    if (!Predicate.hasProperty(error, RetryAfter)) return undefined
    const said = error[RetryAfter] as Instruction | undefined
    const millis = checks.wholeMillis(said?.after)
    if (said === undefined || millis === undefined) return undefined
    return { millis: Math.max(1, millis), at: said.at ?? "tag", countsAsAttempt: said.countsAsAttempt === true }
  } catch {
    return undefined
  }
}
