/**
 * How the commands show what their pool logs. A pool in somebody's program tells its changes of state at Debug; whoever
 * runs a command has come to see them.
 */
import { Effect, Logger, type LogLevel, References } from "effect"
import { Defect } from "../../index.ts"

/** Builds a pool whose changes of state are in the log at Info. */
export const atInfo = <A, E, R>(build: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Logger.CurrentLoggers, (current) => {
    const loggers = [...current].map((logger) =>
      Logger.make((line) => logger.log({ ...line, logLevel: line.logLevel === "Debug" ? "Info" : line.logLevel }))
    )
    return fromDebug(Effect.provideService(build, Logger.CurrentLoggers, new Set(loggers)))
  })

/** Builds a pool that is heard in plain sentences; its changes of state only if `changes` are asked for. */
export const inSentences =
  (print: (text: string) => void, { changes }: { readonly changes: boolean }) =>
  <A, E, R>(build: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const logger = Logger.make(({ cause, message }) =>
      print(`worker-pool: ${String(message)}${cause.reasons.length === 0 ? "" : `: ${Defect.pretty(cause)}`}`)
    )
    const heard = Effect.provideService(build, Logger.CurrentLoggers, new Set([logger]))
    return changes ? fromDebug(heard) : heard
  }

/** Where Info is wanted, Debug is let through as well. */
const fromDebug = <A, E, R>(build: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(References.MinimumLogLevel, (least: LogLevel.LogLevel) =>
    Effect.provideService(build, References.MinimumLogLevel, least === "Info" ? "Debug" : least)
  )
