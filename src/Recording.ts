/**
 * Writes down what the load of a pool is made of: when requests came, of which type, whose and how urgent they were, how long
 * their attempts waited and ran, and how they ended. Nothing of what was asked or answered. The format is in docs/recording.md. An export of its
 * own, `effect-worker-pool/Recording`.
 */
import { Context, Effect, type FileSystem, Layer, Option, Scope } from "effect"
import * as checks from "./internal/checks.ts"
import { recordedOf } from "./internal/recordedPools.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import { begin, type Recording } from "./recording/begin.ts"
import type { CannotRecord } from "./recording/errors.ts"
import { type Options, resolve } from "./recording/options.ts"
import { Scaler } from "./Scaler.ts"
import { WorkerPool } from "./WorkerPool.ts"

export type { Options, Recording }
export { BadRecording, CannotRecord } from "./recording/errors.ts"
export type { Beside, Header, Settings } from "./recording/header.ts"
export { load, type LoadOptions, type RecordedLoad } from "./recording/load.ts"
export { attemptEnds, isLoad, isRefused, recordedEnds } from "./recording/recorded.ts"
export type { AttemptEnd, Recorded, RecordedAttempt, RecordedEnd, Unaccepted } from "./recording/recorded.ts"
export type { Entry } from "./recording/parse.ts"
export { read } from "./recording/read.ts"
export type { Mark } from "./recording/rows.ts"

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
    const recorded = recordedOf(pool)
    if (recorded === undefined) return yield* notOurs
    const resolved = yield* Effect.fromResult(resolve(options))
    const { config, events } = recorded
    if (events.recorder !== undefined) return yield* checks.wrong("pool", "one without a recording", config.name)
    const scaler = Option.getOrUndefined(Context.getOption(yield* Effect.context<never>(), Scaler))
    const policy = resolved.policy ?? (scaler === undefined ? undefined : yield* scaler.policy)
    return yield* begin(recorded, { ...resolved, policy })
  })

const notOurs = checks.wrong("pool", "a pool of this package", "another one")
