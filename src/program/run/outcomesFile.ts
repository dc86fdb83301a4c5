/** The file of outcomes, opened so that nothing is overwritten and nobody else writes to it. */
import { Effect } from "effect"
import { constants, promises } from "node:fs"
import { readEarlier } from "./earlierOutcomes.ts"
import { BadUsage, codeOf, messageOf, OutcomesNotWritten } from "../errors.ts"
import { LineSet } from "./lines.ts"
import type { OutcomeLine } from "./outcomeLine.ts"
import * as OutcomesLock from "./outcomesLock.ts"
import * as OutcomesWriter from "./outcomesWriter.ts"
import type { Identity } from "./requests.ts"
import * as RunState from "./state.ts"

export interface OutcomesFile extends OutcomesWriter.OutcomesWriter {
  readonly path: string
  /** The lines that have an outcome already. */
  readonly done: LineSet
  /** What the earlier run recorded of its input. */
  readonly recorded: Identity | undefined
}

export const open = (
  path: string,
  options: { readonly resume: boolean; readonly onEarlier: (outcome: OutcomeLine) => void }
): Effect.Effect<OutcomesFile, BadUsage | OutcomesNotWritten> =>
  Effect.gen(function* () {
    const earlier = options.resume ? yield* openEarlier(path) : undefined
    if (earlier === undefined) {
      const file = yield* create(path)
      yield* OutcomesLock.hold(path, file)
      return { path, done: new LineSet(), recorded: undefined, ...OutcomesWriter.make(path, file, 0) }
    }
    yield* OutcomesLock.hold(path, earlier)
    const { done, length } = yield* readEarlier(path, earlier, options.onEarlier)
    const recorded = yield* RunState.read(path)
    if (recorded === undefined && length > 0) {
      return yield* new BadUsage({
        reason: `${path} cannot be resumed: ${path}.state, which tells its input, is missing`
      })
    }
    yield* Effect.tryPromise({
      try: () => earlier.truncate(length),
      catch: (error) => new OutcomesNotWritten({ path, reason: messageOf(error) })
    })
    return { path, done, recorded, ...OutcomesWriter.make(path, earlier, length) }
  })

const create = (path: string) =>
  Effect.tryPromise({
    try: () => promises.open(path, "ax"),
    catch: (error) =>
      codeOf(error) === "EEXIST"
        ? new BadUsage({ reason: `${path} exists; --resume goes on with it, nothing overwrites it` })
        : codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT"
          ? new OutcomesNotWritten({ path, reason: messageOf(error) })
          : new BadUsage({ reason: `cannot create the outcomes: ${messageOf(error)}` })
  })

/** The file of an earlier run, or `undefined` if there is none. */
const openEarlier = (path: string): Effect.Effect<promises.FileHandle | undefined, BadUsage> =>
  Effect.gen(function* () {
    const cannot = (why: string) => new BadUsage({ reason: `${path} cannot be resumed: ${why}` })
    const file = yield* Effect.tryPromise({
      // Neither creates nor truncates; a named pipe with no reader fails instead of blocking.
      try: () => promises.open(path, constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK),
      catch: (error) => error
    }).pipe(
      Effect.catch((error) =>
        codeOf(error) === "ENOENT" ? Effect.succeed(undefined) : Effect.fail(cannot(messageOf(error)))
      )
    )
    if (file === undefined) return undefined
    const stat = yield* Effect.promise(() => file.stat())
    return stat.isFile() ? file : yield* cannot("it is not a regular file")
  })
