/**
 * Writes down what the load of a pool is made of: when requests came, of which type, whose and how urgent they were, how long
 * their attempts waited and ran, and how they ended. Nothing of what was asked or answered. The format is in docs/recording.md. An export of its
 * own, `effect-worker-pool/Recording`.
 */
import { Context, Effect, Fiber, type FileSystem, Latch, Layer, Option, Scope } from "effect"
import * as checks from "./internal/checks.ts"
import { recordedOf } from "./internal/recordedPools.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import type { CannotRecord } from "./recording/errors.ts"
import * as Files from "./recording/files.ts"
import { Hashing } from "./recording/hashing.ts"
import { headerText, settingsOf } from "./recording/header.ts"
import { blockSize, Notes } from "./recording/notes.ts"
import { Writer } from "./recording/writer.ts"
import { Scaler } from "./Scaler.ts"
import { WorkerPool } from "./WorkerPool.ts"

export { BadRecording, CannotRecord } from "./recording/errors.ts"
export type { Header, Settings } from "./recording/header.ts"
export { load, type LoadOptions, type RecordedLoad } from "./recording/load.ts"
export { attemptEnds, isLoad, isRefused, recordedEnds } from "./recording/recorded.ts"
export type { AttemptEnd, Recorded, RecordedAttempt, RecordedEnd, Unaccepted } from "./recording/recorded.ts"
export type { Entry } from "./recording/parse.ts"
export { read } from "./recording/read.ts"
export type { Mark } from "./recording/rows.ts"

/** Where a recording goes, and what is in it. */
export interface Options {
  /**
   * The file. One that is a recording goes on; another one is refused. Once it is full it becomes `FILE.1`, and that `FILE.2`, up to
   * `FILE.3`, which is given up for the next.
   */
  readonly path: string
  /** What all of these files may have together. At least 65,536. Default 256 MiB: some five million requests. */
  readonly maxBytes?: number | undefined
  /** Writes keys as they are. Default `false`: as hashes, with a secret that is drawn for each recording and kept nowhere. */
  readonly plainKeys?: boolean | undefined
  /** What the scaling policy is called in the recording, such as `"fixed:20"` for `worker-pool simulate`. Default: its name. */
  readonly policy?: string | undefined
  /** Requests that may have ended and are not written yet; more are lost to the recording, and counted. At least 2,048. Default 65,536. */
  readonly maxUnwritten?: number | undefined
}

/** A recording that goes on. */
export interface Recording {
  /** Requests that were written, and those that were lost since they could not be written in time. */
  readonly counts: Effect.Effect<{ readonly written: number; readonly lost: number }>
}

/**
 * Records the pool for as long as it lasts, its drain included. What has ended is in the file within a second; the pool waits for none
 * of it, and a disk that is slow or full costs only lines. Fails with `CannotRecord` where the file cannot be written at the start.
 */
export const layer = (
  options: Options
): Layer.Layer<never, CannotRecord | InvalidPoolConfig, WorkerPool | FileSystem.FileSystem> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const pool = yield* WorkerPool
      const recorded = recordedOf(pool)
      if (recorded === undefined) return yield* notOurs
      // The pool drains after what was built upon it is gone.
      yield* Scope.provide(make(pool, options), recorded.scope)
    })
  )

/** Records a pool until the scope ends. What has not ended by then is only counted. A pool has one recording at a time. */
export const make = (
  pool: WorkerPool["Service"],
  options: Options
): Effect.Effect<Recording, CannotRecord | InvalidPoolConfig, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const { maxBytes = 256 * 1024 ** 2, maxUnwritten = 64 * blockSize, path, plainKeys = false } = options
    const recorded = recordedOf(pool)
    if (recorded === undefined) return yield* notOurs
    const { config, counts, events, now } = recorded
    const invalid =
      (typeof path === "string" && path !== "" ? undefined : checks.wrong("path", "a path", path)) ??
      checks.wholeFrom(65_536)("maxBytes", maxBytes) ??
      checks.wholeFrom(2 * blockSize)("maxUnwritten", maxUnwritten) ??
      (events.recorder === undefined ? undefined : checks.wrong("pool", "one without a recording", config.name))
    if (invalid !== undefined) return yield* invalid
    const scaler = Option.getOrUndefined(Context.getOption(yield* Effect.context<never>(), Scaler))
    const policy = options.policy ?? (scaler === undefined ? undefined : yield* scaler.policy)
    const hashing = new Hashing()
    const startedAtMillis = yield* Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))
    const startedAt = now()
    const settings = settingsOf(config, policy, recorded.untilTick?.())
    const keys = plainKeys ? "plain" : "hashed"
    const header = { salt: hashing.fingerprint, startedAtMillis, keys, pool: settings } as const
    const files = yield* Files.open({ path, maxBytes, header: (part) => headerText({ ...header, part }) })
    const isUrgent = Latch.makeUnsafe(false)
    const notes = new Notes({
      startedAt,
      workers: counts().workers,
      sheds: config.strategy === "shedding",
      maxBlocks: Math.floor(maxUnwritten / blockSize),
      onHalfFull: () => isUrgent.openUnsafe()
    })
    const keyText = plainKeys ? (key: string) => key : hashing.of
    const writer = new Writer({ pool: recorded, notes, files, path, startedAt, keyText, isUrgent })
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
const lastMillis = 1000

const notOurs = checks.wrong("pool", "a pool of this package", "another one")
