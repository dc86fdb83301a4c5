/**
 * The pool bounds its dead letters by their number; here they are bounded by their bytes too. What is added is counted, and
 * when that may be too much, or most of them may have left, all are looked at: the oldest go, until an eighth is free.
 */
import { Cause, Effect } from "effect"
import type { DeadLetters, Outcome } from "../index.ts"
import type { Ended } from "./ended.ts"

export interface Options {
  readonly deadLetters: DeadLetters.DeadLetters
  /** Of payloads, results and errors as JSON. One that alone has more is not kept. */
  readonly mostBytes: number
  /** For what cannot be measured. */
  readonly unknownBytes: number
  readonly tell: (outcome: Outcome.Outcome) => Effect.Effect<Ended>
}

/** Until the first look; later twice as many as there were. */
const fewSizes = 1000

export class DeadLetterBytes {
  /** Those that were measured, by id. Some may have left since. */
  private sizes = new Map<string, number>()
  /** Of all, those included that have left since. */
  private bytes = 0
  /** With so many of `sizes` it is time to look which are left. */
  private mostSizes = fewSizes
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** A request has just become one. */
  add(id: string, bytes: number): Effect.Effect<void> {
    this.sizes.set(id, bytes)
    return this.count(bytes)
  }

  /** One may have been added, of a request whose id is not known. */
  addUnknown(payload: unknown, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return this.count(this.bytesOf(payload) + this.bytesOf(Cause.squash(cause)))
  }

  sizeOf(id: string): number | undefined {
    return this.sizes.get(id)
  }

  private count(bytes: number): Effect.Effect<void> {
    this.bytes += bytes
    return this.bytes > this.options.mostBytes || this.sizes.size > this.mostSizes ? this.sweep : Effect.void
  }

  private readonly sweep: Effect.Effect<void> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const { deadLetters, mostBytes, tell } = this.options
      const sizes = new Map<string, number>()
      let bytes = 0
      let isFull = false
      for (const { outcome, payload } of (yield* deadLetters.list).toReversed()) {
        const { id } = outcome
        const size = this.sizes.get(id) ?? this.bytesOf(payload) + Buffer.byteLength((yield* tell(outcome)).text)
        if (size <= mostBytes) isFull ||= bytes > 0 && bytes + size > (mostBytes / 8) * 7
        if (isFull || size > mostBytes) yield* deadLetters.discard(id)
        else {
          bytes += size
          sizes.set(id, size)
        }
      }
      this.sizes = sizes
      this.mostSizes = Math.max(fewSizes, 2 * sizes.size)
      this.bytes = bytes
    })
  )

  private bytesOf(value: unknown): number {
    try {
      return Buffer.byteLength(JSON.stringify(value) ?? "")
    } catch {
      return this.options.unknownBytes
    }
  }
}
