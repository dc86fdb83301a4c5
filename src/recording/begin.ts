/** Begins a recording: opens its files, hears the pool, and writes until the scope ends. */
import { Effect, Fiber, type FileSystem, Latch, Scope } from "effect"
import type { Recorded } from "../internal/recordedPools.ts"
import { Early } from "./early.ts"
import type { CannotRecord } from "./errors.ts"
import * as Files from "./files.ts"
import { Hashing } from "./hashing.ts"
import { headerText, settingsOf } from "./header.ts"
import { blockSize, Notes } from "./notes.ts"
import type { Resolved } from "./options.ts"
import { Writer } from "./writer.ts"

/** A recording that goes on. */
export interface Recording {
  /** Requests that were written, and those that were lost since they could not be written in time. */
  readonly counts: Effect.Effect<{ readonly written: number; readonly lost: number }>
}

/** `early`: who has heard the pool until now. Default: nobody has, and it begins here. */
export const begin = (
  recorded: Recorded,
  options: Resolved & { readonly early?: Early | undefined }
): Effect.Effect<Recording, CannotRecord, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const { maxBytes, maxUnwritten, path, plainKeys, policy } = options
    const { config, events, now } = recorded
    const early = options.early ?? new Early(recorded, yield* Effect.clockWith(Effect.succeed), maxUnwritten)
    const { startedAt, startedAtMillis } = early
    const hashing = new Hashing()
    const { untilTick } = recorded
    const settings = settingsOf(config, policy, untilTick && now() - startedAt + untilTick())
    const keys = plainKeys ? "plain" : "hashed"
    const header = { salt: hashing.fingerprint, startedAtMillis, keys, pool: settings } as const
    const files = yield* Files.open({ path, maxBytes, header: (part) => headerText({ ...header, part }) })
    const isUrgent = Latch.makeUnsafe(false)
    const notes = new Notes({
      startedAt,
      workers: early.workerCount,
      sheds: config.strategy === "shedding",
      maxBlocks: Math.floor(maxUnwritten / blockSize),
      onEnough: () => isUrgent.openUnsafe()
    })
    const keyText = plainKeys ? (key: string) => key : hashing.of
    const writer = new Writer({ pool: recorded, notes, files, path, startedAt, keyText, isUrgent })
    early.handOver(notes)
    events.recorder = notes
    const writing = yield* Effect.forkScoped(writer.run)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        events.recorder = undefined
        writer.close()
        // A disk that does not answer holds up no end.
        return Effect.asVoid(Effect.timeoutOption(Fiber.await(writing), lastMillis))
      })
    )
    return { counts: Effect.sync(() => ({ written: writer.written, lost: notes.lost })) }
  })

/** What the last lines have to be written. */
export const lastMillis = 1000
