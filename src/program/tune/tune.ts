/** Runs the search of a plan, here or side by side on threads, and says how far it is. */
import { Effect } from "effect"
import { WorkerPool } from "../../index.ts"
import * as Tuning from "../../Tuning.ts"
import { BadUsage, messageOf } from "../errors.ts"
import type { StatusLine } from "../output/statusLine.ts"
import { withThreads } from "../simulate/threads.ts"
import { type Flags, type Plan, refused } from "./settings.ts"
import { group, Measure } from "./tunings.ts"

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
const module = new URL(`./tuningThread.${extension}`, import.meta.url)

/** One after the other. */
export const tune = ({ options }: Plan, statusLine: StatusLine): Effect.Effect<Tuning.Report, BadUsage> =>
  Tuning.run({ ...options, onProgress: bar(statusLine) }).pipe(
    Effect.mapError(refused),
    Effect.ensuring(Effect.sync(() => statusLine.clear()))
  )

/** The same, to the byte, with so many simulations at once. `flags` are those that the plan was made of. */
export const tuneSideBySide = (
  { options }: Plan,
  flags: Flags,
  threads: number,
  statusLine: StatusLine
): Effect.Effect<Tuning.Report, BadUsage> =>
  Effect.gen(function* () {
    const { execute } = yield* WorkerPool.WorkerPool
    return yield* Tuning.run({
      ...options,
      measure: (task) => execute(Measure, { flags, task }),
      onProgress: bar(statusLine)
    })
  }).pipe(
    Effect.ensuring(Effect.sync(() => statusLine.clear())),
    withThreads(group, module, threads),
    Effect.mapError((error) =>
      error instanceof BadUsage
        ? error
        : error._tag === "InvalidTarget" || error._tag === "InvalidPoolConfig"
          ? refused(error)
          : new BadUsage({ reason: messageOf(error) })
    )
  )

const width = 30

/** On a terminal alone. */
const bar = ({ draw, isTerminal }: StatusLine) => {
  let drawn = -1
  return (share: number) => {
    const percent = Math.floor(100 * share)
    if (!isTerminal || percent <= drawn) return
    drawn = percent
    const full = Math.round(width * share)
    draw(`tuning [${"=".repeat(full)}${" ".repeat(width - full)}] ${percent} %`)
  }
}
