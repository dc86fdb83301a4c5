/** One of the processes that serve, as the process that started knows it. */
import { type Deferred, Schema } from "effect"
import type { Worker } from "node:cluster"

export interface Member {
  /** Its place, from 0. */
  readonly at: number
  readonly prefix: string
  readonly pid: number
  readonly worker: Worker
  /** Once it is told to end, it has ended by then, or it hangs. */
  readonly endMillis: number
  state: "starting" | "serving" | "leaving" | "gone"
  /** Answers whoever asks on its socket: before it listens, and until it ends. */
  isThere: boolean
  readonly opened: Deferred.Deferred<string, DidNotStart>
  readonly left: Deferred.Deferred<void>
  readonly gone: Deferred.Deferred<void>
  /** Why it was ended before it listened. */
  notStarted: string | undefined
  /** What it has said at its end of what it has counted. */
  last: { readonly pool: string; readonly metrics: string } | undefined
}

export class DidNotStart extends Schema.TaggedError<DidNotStart>()("DidNotStart", {
  place: Schema.Number,
  code: Schema.Number,
  how: Schema.String
}) {}
