/** `worker-pool serve --processes N`: the process that starts the others, answers for all of them, and listens itself to nobody outside. */
import { Effect, Queue } from "effect"
import cluster from "node:cluster"
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { BadUsage, StoppedBeforeStart } from "../errors.ts"
import * as Logs from "../output/logs.ts"
import { exit, print } from "../process/end.ts"
import { codeOf, listen } from "../process/stop.ts"
import * as All from "./all/all.ts"
import { Crew } from "./crew.ts"
import { partOf, serveOne, type Settings as OneSettings, type Start } from "./one.ts"

interface Settings extends OneSettings {
  readonly keepForMillis: number
  readonly maxBodyBytes: number
  readonly startTimeoutMillis: number
}

export interface Options<S, E> {
  readonly start: Start<S, E>
  /** The settings as they are now. */
  readonly reload: Effect.Effect<S, BadUsage>
  readonly closeMillis: number
  readonly lastAnswersMillis: number
}

export const serve = <S extends Settings, E>(settings: S, of: number, options: Options<S, E>) => {
  const part = partOf()
  return part === undefined ? serveAll(settings, of, options) : serveOne(part, settings, options)
}

/** Longer ones, in bytes, cannot be the address of a socket: 103 on macOS, less what comes behind it. */
const longestFolder = 103 - "/worker-pool-123456/123456.sock".length

/** One that has not ended so long after all that its end may take hangs. */
const slackMillis = 10_000

const serveAll = <S extends Settings, E>(
  settings: S,
  of: number,
  { closeMillis, lastAnswersMillis, reload }: Options<S, E>
): Effect.Effect<never, BadUsage | StoppedBeforeStart> =>
  Effect.gen(function* () {
    if (cluster.isWorker) return yield* new BadUsage({ reason: "Expected no --processes in a process of a cluster" })
    if (Buffer.byteLength(tmpdir()) > longestFolder) {
      const what = `a folder for temporary files with a name of at most ${longestFolder} bytes`
      return yield* new BadUsage({ reason: `Expected ${what} for the sockets of --processes, got ${tmpdir()}` })
    }
    const stop = yield* listen((error) => Effect.logFatal(`nobody caught this: ${error.text}`, error.asCause))
    // Nobody but this user may enter it.
    const folder = mkdtempSync(join(tmpdir(), "worker-pool-"))
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const hangUps = yield* Queue.sliding<void>(1)
    process.on("SIGHUP", () => void Queue.offerUnsafe(hangUps, undefined))
    const all = new All.All(settings)
    const { port, startTimeoutMillis: startMillis } = settings
    const endMillisOf = ({ config, shutdownDelayMillis }: S) =>
      shutdownDelayMillis +
      config.drainDeadlineMillis +
      config.drainGraceMillis +
      closeMillis +
      lastAnswersMillis +
      slackMillis
    const endMillis = endMillisOf(settings)
    const crew = new Crew(
      {
        of,
        folder,
        port,
        endMillis,
        startMillis,
        prepare: (member) => all.prepare(member),
        ended: (one) => all.ended(one)
      },
      run
    )
    process.on("exit", () => {
      crew.kill()
      rmSync(folder, { recursive: true, force: true })
    })
    yield* all.listen(crew)
    const url = yield* Effect.raceFirst(Effect.catchTag(crew.start, "DidNotStart", notStarted), stop.beforeStart)
    const cores = availableParallelism()
    if (of > cores)
      yield* Effect.logWarning(`${of} processes share ${cores} cores: more than there are do no more work`)
    yield* Effect.logInfo(`${of} processes serve`)
    yield* print(`worker-pool: listening on ${url}\n`)
    const roll = Effect.matchEffect(reload, {
      onSuccess: (settings) => {
        crew.endMillis = endMillisOf(settings)
        crew.startMillis = settings.startTimeoutMillis
        return all.begin(settings, crew.roll)
      },
      onFailure: ({ message }) => Effect.logError(`SIGHUP: all processes stay: ${message}`)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(hangUps), roll)))
    const reason = yield* stop.await
    const signal = typeof reason === "string" ? reason : "SIGTERM"
    yield* Effect.logInfo(`${signal}: no new requests; what was accepted has until the drain deadline to end`)
    yield* crew.stop(signal)
    return yield* exit(codeOf(stop.reason!))
  }).pipe(Effect.scoped, Effect.provide(Logs.layer(settings.logFormat)))

const notStarted = ({ code, how }: { readonly code: number; readonly how: string }) =>
  new StoppedBeforeStart({ by: `the end of a process: ${how}`, code })
