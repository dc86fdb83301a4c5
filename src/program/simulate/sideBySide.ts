/** Runs the simulations of a plan at the same time, each on a thread of its own. */
import { Effect } from "effect"
import { statSync } from "node:fs"
import { WorkerPool } from "../../index.ts"
import { BadUsage, messageOf } from "../errors.ts"
import type { Flags, Plan } from "./settings.ts"
import { inShares, type Simulated } from "./simulate.ts"
import { group, Simulate } from "./simulations.ts"
import { withThreads } from "./threads.ts"
import type { StatusLine } from "../output/statusLine.ts"

/** A recording that comes through a pipe can be read once, and each thread would. The figures are the same one by one. */
export const canBeSideBySide = ({ runs }: Plan, flags: Flags): boolean => runs.length > 1 && canBeReadAgain(flags)

/** Whether all that these flags name can be read again and again. */
export const canBeReadAgain = ({
  arrivals,
  recording,
  service
}: Pick<Flags, "arrivals" | "recording" | "service">): boolean =>
  (recording === undefined || statSync(recording, { throwIfNoEntry: false })?.isFile() === true) &&
  [...arrivals, ...service].every((text) => {
    const path = /(?:^|=)csv:([^@]*)/.exec(text)?.[1]
    return path === undefined || statSync(path, { throwIfNoEntry: false })?.isFile() === true
  })

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
const module = new URL(`./simulationThread.${extension}`, import.meta.url)
/** Between two looks at how far they are. */
const lookMillis = 100

/** The same as `simulate`, at most `threads` at once. `flags` are those that the plan was made of. */
export const simulateSideBySide = (
  { runs }: Plan,
  flags: Flags,
  threads: number,
  statusLine: StatusLine
): Effect.Effect<ReadonlyArray<Simulated>, BadUsage> => {
  const max = Math.min(threads, runs.length)
  const progress = new Int32Array(new SharedArrayBuffer(4 * runs.length))
  const say = inShares(statusLine)
  const telling = Effect.forever(
    Effect.delay(
      Effect.sync(() => {
        const texts = runs.map(({ policy }, at) => `${policy} ${Math.floor(Atomics.load(progress, at) / 10)} %`)
        say(texts.join(", "))
      }),
      lookMillis
    )
  )
  return Effect.gen(function* () {
    const { execute } = yield* WorkerPool.WorkerPool
    return yield* Effect.forEach(
      runs,
      ({ policy }, at) =>
        Effect.map(execute(Simulate, { flags, at, progress }), (figures): Simulated => ({ policy, figures })),
      { concurrency: "unbounded" }
    )
  }).pipe(
    Effect.raceFirst(telling),
    Effect.ensuring(Effect.sync(() => statusLine.clear())),
    withThreads(group, module, max),
    Effect.mapError((error) => (error instanceof BadUsage ? error : new BadUsage({ reason: messageOf(error) })))
  )
}
