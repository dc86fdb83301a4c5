/** Reads back the outcomes of earlier runs: which lines are done, and where a torn last line begins. */
import { Effect } from "effect"
import type { promises } from "node:fs"
import { BadUsage, messageOf } from "../errors.ts"
import { type Line, Lines, LineSet, outcomeLimit } from "./lines.ts"
import { isOutcomeLine, type OutcomeLine } from "./outcomeLine.ts"

/**
 * Gives each whole line to `onOutcome`. Answers the done lines and the length of the file up to its last line feed: what
 * comes after it was being written when the run was killed.
 */
export const readEarlier = (
  path: string,
  file: promises.FileHandle,
  onOutcome: (outcome: OutcomeLine) => void
): Effect.Effect<{ readonly done: LineSet; readonly length: number }, BadUsage> =>
  Effect.gen(function* () {
    const done = new LineSet()
    const lines = new Lines(outcomeLimit)
    const buffer = Buffer.allocUnsafe(1 << 16)
    const chunk = Effect.tryPromise({
      try: async () => Buffer.from(buffer.subarray(0, (await file.read(buffer)).bytesRead)),
      catch: (error) => new BadUsage({ reason: `cannot read ${path}: ${messageOf(error)}` })
    })
    for (let bytes = yield* chunk; bytes.length > 0; bytes = yield* chunk) {
      for (const line of lines.push(bytes)) {
        const outcome = parse(line)
        const problem =
          outcome === undefined
            ? "is not an outcome"
            : done.add(outcome.line)
              ? undefined
              : `is a second outcome of line ${outcome.line} of the requests`
        if (problem !== undefined) {
          return yield* new BadUsage({ reason: `${path} cannot be resumed: its line ${line.number} ${problem}` })
        }
        onOutcome(outcome!)
      }
    }
    return { done, length: lines.endOfLast }
  })

/** The greatest line number that a request file can be trusted to have; it bounds the memory of a garbled file. */
const numberLimit = 2 ** 32

const parse = ({ bytes }: Line): OutcomeLine | undefined => {
  if (bytes === undefined) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return isOutcomeLine(value) && value.line < numberLimit ? value : undefined
  } catch {
    return undefined
  }
}
