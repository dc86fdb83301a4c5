/**
 * A payload whose buffers were moved to a thread is gone here. A second attempt, be it a retry or a dead letter that is resubmitted, cannot
 * send it again: it is told so, and how the first one ended.
 */
import { Cause, Effect } from "effect"
import type { Transferable } from "./host.ts"
import { told } from "./words.ts"

/** How the attempts have ended that took them, where not with success. */
const ends = new WeakMap<object, string>()

/** Whether it has been moved away. */
export const isGone = (transfer: Transferable): boolean => transfer instanceof ArrayBuffer && transfer.detached

/** Where something of it has been moved already, the defect that says so. */
export const refuse = (tag: string, transfers: ReadonlyArray<Transferable>): Effect.Effect<never> | undefined => {
  const gone = transfers.find(isGone)
  if (gone === undefined) return undefined
  const end = ends.get(gone)
  return Effect.die(
    new Error(
      `the payload of "${tag}" was moved to a thread before, and cannot be sent again: do not retry it, or copy it` +
        (end === undefined ? "" : `. That attempt has ended with ${end}`)
    )
  )
}

export const remember = <A, E>(
  transfers: ReadonlyArray<Transferable>,
  attempt: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.onError(attempt, (cause) =>
    Effect.sync(() => {
      for (const transfer of transfers) ends.set(transfer, endOf(cause))
    })
  )

const endOf = (cause: Cause.Cause<unknown>): string =>
  told(() => (Cause.hasInterruptsOnly(cause) ? "its interruption" : Cause.pretty(cause).split("\n", 1)[0]!))
