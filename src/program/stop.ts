/** Why and when a run stops before its end: signals from outside, or something that cannot go on. */
import { Clock, Deferred, Effect, type Scope } from "effect"
import { writeSync } from "node:fs"
import type { EveryWorkerStuck, OutcomesNotWritten, RequestsNotRead } from "./errors.ts"

export type Signal = "SIGINT" | "SIGTERM"
export type Reason = Signal | OutcomesNotWritten | RequestsNotRead | EveryWorkerStuck

const numbers = { SIGINT: 2, SIGTERM: 15 }

/** What a shell gives for a program that a signal has ended. */
export const codeOfSignal = (signal: Signal): number => 128 + numbers[signal]

export class Stop {
  /** The first reason; it alone counts. */
  reason: Reason | undefined
  private readonly deferred = Deferred.makeUnsafe<Reason>()

  /** Waits for a reason. */
  readonly await: Effect.Effect<Reason> = Deferred.await(this.deferred)

  request(reason: Reason): void {
    if (this.reason !== undefined) return
    this.reason = reason
    Deferred.doneUnsafe(this.deferred, Effect.succeed(reason))
  }
}

/**
 * A terminal signals a whole group of processes, and npm passes its own signal on as well: what comes this soon after the
 * first signal is the same one, not the wish to force.
 */
const echoMillis = 50

/** The first signal stops the run; the second ends the process on the spot. */
export const listen: Effect.Effect<Stop, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const stop = new Stop()
  let first: number | undefined
  const onSignal = (signal: Signal) => {
    const now = Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    if (first === undefined) {
      first = now
      stop.request(signal)
    } else if (now - first > echoMillis) {
      force(signal)
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGINT", onSignal).on("SIGTERM", onSignal)),
    () => Effect.sync(() => process.off("SIGINT", onSignal).off("SIGTERM", onSignal))
  )
  return stop
})

const force = (signal: Signal): never => {
  try {
    writeSync(2, `\nworker-pool: forced by a second signal (${signal}); nothing was waited for\n`)
  } catch {
    // Nobody reads standard error any more.
  }
  return process.exit(codeOfSignal(signal))
}
