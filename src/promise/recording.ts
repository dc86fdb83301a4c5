/** A pool that is recorded from its start, though what records is loaded when a pool asks for it. */
import { Clock, Effect, Exit, Fiber, Result, Scope } from "effect"
import type { Core } from "../internal/core.ts"
import { recordedOf } from "../internal/recordedPools.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import { Early } from "../recording/early.ts"
import { type Options as RecordOptions, type Resolved, resolve } from "../recording/options.ts"
import type { WorkerPool } from "../WorkerPool.ts"

export type { RecordOptions }

/** What the option `record` says, checked. */
export const toRecording = (given: RecordOptions): Resolved | Exit.Exit<never, InvalidPoolConfig> => {
  const resolved = resolve(given, "record", "record.")
  return Result.isFailure(resolved) ? Exit.fail(resolved.failure) : resolved.success
}

/** What the last lines have to be written, if the drain has left so much. */
const lastMillis = 1000

/** From now on until the pool has drained. What cannot be written is logged, and the pool goes on. */
export const record = Effect.fnUntraced(function* (pool: WorkerPool["Service"], core: Core, options: Resolved) {
  const recorded = recordedOf(pool)!
  const early = new Early(recorded, yield* Clock.Clock, options.maxUnwritten)
  core.events.recorder = early
  const scope = Scope.makeUnsafe()
  // Not before it is needed: it imports what only Node has. A bundle for where that is not leaves it out (`browser` of the package).
  const load = Effect.promise(() => import("../recording/onDisk.ts")).pipe(
    Effect.flatMap(({ beginOnDisk }) => Scope.provide(beginOnDisk(recorded, { ...options, early }), scope)),
    Effect.catchCause((cause) => {
      core.events.recorder = undefined
      return Effect.logError("nothing is recorded", cause)
    })
  )
  const context = yield* Effect.context<never>()
  const loading = Effect.runForkWith(context)(load)
  const end = Effect.suspend(() => {
    const { config, drain, now } = core
    const closing = Effect.runForkWith(context)(Effect.andThen(Fiber.await(loading), Scope.close(scope, Exit.void)))
    const left = drain.endsAt + config.drainGraceMillis - now()
    return Effect.timeoutOption(Fiber.await(closing), Math.max(0, Math.min(lastMillis, left)))
  })
  yield* Scope.addFinalizer(core.lasting, Effect.provide(end, context))
})
