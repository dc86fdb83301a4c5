/** The file of outcomes: opened so that nothing is overwritten, appended to in whole lines. */
import { Effect, Latch } from "effect"
import { constants, promises } from "node:fs"
import { readEarlier } from "./earlierOutcomes.ts"
import { BadUsage, codeOf, messageOf, OutcomesNotWritten } from "./errors.ts"
import { LineSet } from "./lines.ts"
import type { OutcomeLine } from "./outcomeLine.ts"
import * as OutcomesLock from "./outcomesLock.ts"
import type { Identity } from "./requests.ts"
import * as RunState from "./runState.ts"

export interface OutcomesFile {
  readonly path: string
  /** The lines that have an outcome already. */
  readonly done: LineSet
  /** What the earlier run recorded of its input. */
  readonly recorded: Identity | undefined
  /** Hands a line over, with its line feed. `onWritten` is told whether it is in the file, as a whole. */
  readonly append: (line: Buffer, onWritten: (written: boolean) => void) => void
  /** Writes what is handed over, until a write fails. Then no further line is written. */
  readonly writer: Effect.Effect<never, OutcomesNotWritten>
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
      return make(path, file, 0, new LineSet(), undefined)
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
    return make(path, earlier, length, done, recorded)
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

interface Pending {
  readonly bytes: Buffer
  readonly onWritten: (written: boolean) => void
}

const make = (
  path: string,
  file: promises.FileHandle,
  length: number,
  done: LineSet,
  recorded: Identity | undefined
): OutcomesFile => {
  const handedOver = Latch.makeUnsafe(false)
  let pending: Array<Pending> = []
  let failed = false
  /** The length of the file in whole lines. */
  let whole = length

  const write = async (batch: ReadonlyArray<Pending>): Promise<void> => {
    const bytes = Buffer.concat(batch.map((line) => line.bytes))
    let written = 0
    let failure: unknown
    try {
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
    } catch (error) {
      failure = error
      failed = true
    }
    let end = 0
    for (const line of batch) {
      end += line.bytes.length
      if (end <= written) whole += line.bytes.length
      line.onWritten(end <= written)
    }
    if (!failed) return
    // A line of which only a part has found room is no outcome.
    await file.truncate(whole).catch(() => undefined)
    for (const line of pending) line.onWritten(false)
    pending = []
    return Promise.reject(failure)
  }

  return {
    path,
    done,
    recorded,
    append: (bytes, onWritten) => {
      if (failed) return onWritten(false)
      pending.push({ bytes, onWritten })
      handedOver.openUnsafe()
    },
    writer: Effect.forever(
      Effect.gen(function* () {
        yield* handedOver.await
        handedOver.closeUnsafe()
        const batch = pending
        pending = []
        yield* Effect.tryPromise({
          try: () => write(batch),
          catch: (error) => new OutcomesNotWritten({ path, reason: messageOf(error) })
        })
      })
    )
  }
}
