/** Why and when a command stops before its end: signals from outside, or something that cannot go on. */
import { Clock, Deferred, Effect } from "effect"
import { writeSync } from "node:fs"
import { Defect, type WorkerPool } from "../../index.ts"
import {
  type EveryWorkerStuck,
  type OutcomesNotWritten,
  type RequestsNotRead,
  StoppedBeforeStart,
  UncaughtError
} from "../errors.ts"
import { end } from "./end.ts"

/** Those that come from outside; and `SIGHUP`, by which a process of several is told that another one takes its place. */
export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"
export type Reason = Signal | UncaughtError | OutcomesNotWritten | RequestsNotRead | EveryWorkerStuck

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

/** What a shell gives for a program that a signal has ended. */
export const codeOfSignal = (signal: Signal): number => 128 + numbers[signal]

/** As `sysexits.h` has it: a fault of the software, here of a handler's. */
export const faultCode = 70

export const codeOf = (reason: Reason): number =>
  typeof reason === "string" ? codeOfSignal(reason) : reason instanceof UncaughtError ? faultCode : 1

/** From now on a signal ends the process on the spot, where there is nothing to finish; `tidyUp` comes before that. */
export const endOnSignal = (tidyUp: () => void): void => {
  for (const signal of ["SIGINT", "SIGTERM"] as const satisfies ReadonlyArray<Signal>) {
    process.on(signal, () => {
      tidyUp()
      process.exit(codeOfSignal(signal))
    })
  }
}

export class Stop {
  /** The first reason; but what nobody caught weighs more than a signal that came before it. */
  reason: Reason | undefined
  /** Set by the command once there is one: whoever runs when something is not caught may have done it. */
  pool: WorkerPool.WorkerPool["Service"] | undefined
  private readonly first = Deferred.makeUnsafe<void>()
  private readonly uncaught = Deferred.makeUnsafe<void>()

  /** Waits for a reason. */
  readonly await: Effect.Effect<Reason> = Effect.map(Deferred.await(this.first), () => this.reason!)

  /** Waits for something that nobody caught. */
  readonly awaitUncaught: Effect.Effect<void> = Deferred.await(this.uncaught)

  /** What is raised when there is a reason before there is anything to stop. */
  readonly beforeStart: Effect.Effect<never, StoppedBeforeStart> = Effect.flatMap(
    this.await,
    (reason) =>
      new StoppedBeforeStart({
        by: reason instanceof UncaughtError ? `${inWords(reason)}\n${reason.detail}` : inWords(reason),
        code: codeOf(reason)
      })
  )

  request(reason: Reason): void {
    const isUncaught = reason instanceof UncaughtError
    if (this.reason === undefined || isUncaught) this.reason = reason
    Deferred.doneUnsafe(this.first, Effect.void)
    if (isUncaught) Deferred.doneUnsafe(this.uncaught, Effect.void)
  }
}

export const inWords = (reason: Reason): string => (typeof reason === "string" ? reason : reason.message)

/**
 * A terminal signals a whole group of processes, and npm passes its own signal on as well: what comes this soon after the
 * first signal is the same one, not the wish to force.
 */
const echoMillis = 50

/** How many of the requests that run are named. */
const namedRequests = 10

/**
 * From now on, for the rest of the process, the first signal and the first error that nobody caught stop the command; a
 * second signal, or an error of another kind, ends the process on the spot. One of the same kind does not: where a handler
 * has such a fault, each of its requests has. `tell` says what was not caught, and which requests ran then.
 */
export const listen = (
  tell: (error: UncaughtError, running: string) => Effect.Effect<void>
): Effect.Effect<Stop, never, never> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const stop = new Stop()
    let first: number | undefined
    const onSignal = (signal: Signal) => {
      const now = Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      if (first === undefined) {
        first = now
        if (stop.reason !== undefined)
          say(`${signal}: it is stopping already; a second signal ends the process at once`)
        stop.request(signal)
      } else if (now - first > echoMillis) {
        force(`a second signal (${signal})`, codeOfSignal(signal))
      }
    }
    let kind: string | undefined
    const onUncaught = (thrown: unknown) => {
      const another = Defect.kindOf(thrown)
      if (kind === another) return
      const error = UncaughtError.of(thrown)
      if (kind !== undefined) force(`a second error that nobody caught: ${error.detail}`, faultCode)
      kind = another
      if (stop.pool !== undefined) run(Effect.flatMap(stop.pool.running, (running) => tell(error, named(running))))
      stop.request(error)
    }
    // A promise that rejects and has nobody who hears of it comes here as well, unless Node was told otherwise.
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("uncaughtException", onUncaught)
    return stop
  })

const named = (running: ReadonlyArray<{ readonly id: string; readonly tag: string }>): string => {
  const names = running.slice(0, namedRequests).map(({ id, tag }) => `${tag} ${id}`)
  const more = running.length - names.length
  return `${names.join(", ") || "none"}${more > 0 ? ` and ${more} more` : ""}`
}

const force = (by: string, code: number): never => {
  say(`forced by ${by}; nothing was waited for`)
  return end(code)
}

const say = (text: string): void => {
  try {
    writeSync(2, `\nworker-pool: ${text}\n`)
  } catch {
    // Nobody reads standard error any more.
  }
}
