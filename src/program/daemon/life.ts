/** The life of a process that serves: from its start, by way of a signal and the drain of its pool, to its end. */
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { DrainReport, type WorkerPool } from "../../index.ts"
import type { BadUsage, StoppedBeforeStart } from "../errors.ts"
import * as Logs from "../output/logs.ts"
import { exit, print } from "../process/end.ts"
import { ExitGuard } from "../process/exitGuard.ts"
import { codeOf, listen, type Reason, type Stop } from "../process/stop.ts"
import * as Telemetry from "./telemetry.ts"

/** What has been started, and how it is told that the end is near. */
export interface Started {
  readonly pool: WorkerPool.WorkerPool["Service"]
  /** Said on standard output once it is there; `undefined`: somebody else says it. */
  readonly greeting: string | undefined
  /** What a signal means for it, in words. */
  readonly stopping: string
  /** What would be of its requests if the process ended now, in words. */
  readonly left: () => string
  /** From now on nobody should be sent here any more. */
  readonly leave: (reason: Reason) => void
  /** From now on it takes no more requests. */
  readonly refuse: (reason: Reason) => void
  /** The last answers, once the pool has drained. */
  readonly close: Effect.Effect<void>
}

export interface Options {
  readonly logFormat: Logs.LogFormat
  /** How long it takes requests after a signal. */
  readonly shutdownDelayMillis: number
  /** What the finalizers of the handlers, and a store, have to end at last. */
  readonly closeMillis: number
  /** Hears of what stops it, and may stop it too. */
  readonly attach?: (stop: Stop) => void
}

/** Runs until a signal, or an error that nobody caught. Everything that can be wrong shows before the greeting is printed. */
export const live = <E>(
  { attach, closeMillis, logFormat, shutdownDelayMillis }: Options,
  start: Effect.Effect<Started, E, Scope.Scope>
): Effect.Effect<never, E | BadUsage | StoppedBeforeStart> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make("sequential")
    let started: Started | undefined
    const stop = yield* listen((error, running) =>
      Effect.annotateLogs(
        Effect.logFatal(`nobody caught this: ${error.text}. ${started?.stopping ?? ""}`, error.asCause),
        { running }
      )
    )
    attach?.(stop)
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const guard = new ExitGuard((text) => void fork(Effect.logFatal(text)))
    // The finalizers of handlers may hang; the process goes all the same.
    const closeAll = Effect.suspend(() =>
      Effect.timeoutOption(Fiber.await(fork(Scope.close(scope, Exit.void))), closeMillis)
    )
    const { close, greeting, leave, left, pool, refuse, stopping } = (started = yield* Effect.onError(
      Effect.raceFirst(Scope.provide(start, scope), stop.beforeStart),
      () => closeAll
    ))
    stop.pool = pool
    guard.save = left
    if (greeting !== undefined) yield* print(`worker-pool: ${greeting}\n`)
    const reason = yield* stop.await

    leave(reason)
    if (typeof reason === "string" && reason !== "SIGHUP" && shutdownDelayMillis > 0) {
      yield* Effect.logInfo(
        `${reason}: not ready any more; new requests are taken for another ${shutdownDelayMillis} ms`
      )
      yield* Effect.raceFirst(Effect.sleep(shutdownDelayMillis), stop.awaitUncaught)
    }
    refuse(reason)
    if (typeof reason === "string") yield* Effect.logInfo(`${reason}: ${stopping}`)
    const report = yield* Effect.orDie(pool.drain())
    yield* close
    if (report.stuckCount > 0) yield* Effect.logWarning(DrainReport.format(report))
    yield* Telemetry.flush
    yield* closeAll
    return yield* exit(codeOf(stop.reason!))
  }).pipe(Effect.provide(Layer.provideMerge(Telemetry.layer(), Logs.layer(logFormat))))
