/** What a recording keeps of a request: of what a load is made, and nothing of what was asked or answered. */
import type { Unaccepted } from "../internal/recorder.ts"
import { type End, ends } from "../Outcome.ts"

/** How an attempt ended. `"interrupted"`: its request had ended before it, or the pool has closed. */
export const attemptEnds = ["succeeded", "failed", "timedOut", "interrupted"] as const
/** One of them. */
export type AttemptEnd = (typeof attemptEnds)[number]

/** One attempt of a recorded request. */
export interface RecordedAttempt {
  /** When it began, in milliseconds since the start of the recording. */
  readonly startedAtMillis: number
  /** How long it ran, its finalizers included, or until its request ended. */
  readonly millis: number
  readonly end: AttemptEnd
}

/**
 * How a request ended: the seven ends of accepted ones (`"evicted"` made room for a newer one, `"shed"` had waited for too long),
 * and those of requests that never were the pool's. `"joined"`: it had its answer from another one that was there.
 */
export type RecordedEnd = End | "shed" | Unaccepted
export type { Unaccepted }

/** All of them. */
export const recordedEnds: ReadonlyArray<RecordedEnd> = [
  ...ends,
  "shed",
  "refusedFull",
  "refusedOpen",
  "refusedDraining",
  "refusedDuplicate",
  "abandoned",
  "joined"
]

/** One request, from its call to its end. */
export interface Recorded {
  /** When it came, in milliseconds since the start of the recording. */
  readonly atMillis: number
  /** Its tag. */
  readonly type: string
  /** Whose it is, hashed unless it was asked for. Not there: nobody's. */
  readonly key?: string | undefined
  /** From -10 to 10, higher first. Not there: 0. */
  readonly priority?: number | undefined
  /** In their order. None: it never ran. */
  readonly attempts: ReadonlyArray<RecordedAttempt>
  readonly end: RecordedEnd
  /** In milliseconds since the start of the recording. */
  readonly endedAtMillis: number
}

/** How the attempt ended that ran when its request ended so. */
export const lastEndOf = (end: RecordedEnd): AttemptEnd =>
  end === "succeeded" || end === "failed" || end === "timedOut" ? end : "interrupted"

/** Whether it would have made work in a pool that has nothing which joins or refuses it. */
export const isLoad = (end: RecordedEnd): boolean =>
  end !== "joined" && end !== "refusedDuplicate" && end !== "refusedDraining"

/** It never was the pool's, and was refused. */
export const isRefused = (end: RecordedEnd): boolean => end.startsWith("refused")
