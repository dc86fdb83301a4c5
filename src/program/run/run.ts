/** One run: from the files on the command line to the report of what became of each line. */
import { Clock, Context, Effect, type Scope } from "effect"
import { Durable } from "../../durable/service.ts"
import { type DrainReport, type PoolError, WorkerPool } from "../../index.ts"
import * as Pool from "../durable/pool.ts"
import * as Recording from "../durable/recording.ts"
import {
  BadUsage,
  EveryWorkerStuck,
  type OutcomesNotWritten,
  type RequestsNotRead,
  type StoppedBeforeStart
} from "../errors.ts"
import { Defects } from "./defects.ts"
import type { ExitGuard } from "../process/exitGuard.ts"
import { Feed } from "./feed.ts"
import * as HandlersModule from "../handlersModule.ts"
import * as OutcomesFile from "./outcomesFile.ts"
import { duration } from "../output/duration.ts"
import { inSentences } from "../output/poolLogs.ts"
import { type Progress, watch } from "./progress.ts"
import * as Requests from "./requests.ts"
import * as RunState from "./state.ts"
import type { Settings } from "./settings.ts"
import * as Storing from "./storing.ts"
import type { StatusLine } from "../output/statusLine.ts"
import { inWords, type Reason, type Stop } from "../process/stop.ts"
import { Tally } from "./tally.ts"

export interface Job {
  readonly requests: string
  readonly handlers: string
  readonly outcomes: string | undefined
  readonly resume: boolean
  readonly settings: Settings
  /** Whether somebody asked for the log: then each change of the number of workers is told. */
  readonly tellsChanges: boolean
}

/** What the summary is made of. */
export interface Report {
  readonly tally: Tally
  readonly stopped: Reason | undefined
  /** Lines without an outcome; with `more` there are others that were never read. */
  readonly left: { readonly lines: number; readonly more: boolean }
  readonly blank: number
  readonly attempts: number
  readonly retries: number
  /** Lines whose handler died in this run. */
  readonly defects: number
  readonly wallMillis: number
  /** Lines that ended in this run. */
  readonly ended: number
  readonly stuck: ReadonlyArray<DrainReport.LeftRequest>
  readonly stuckCount: number
}

/** How what is left is run. `undefined`: it cannot be told from what has ended. */
export const howToGoOn = ({ outcomes, settings }: Job): string | undefined =>
  outcomes !== undefined ? "go on with --resume" : settings.store !== undefined ? "run it again to go on" : undefined

type Failure = BadUsage | RequestsNotRead | OutcomesNotWritten | StoppedBeforeStart | PoolError.StoreUnavailable

export const run = (
  job: Job,
  stop: Stop,
  statusLine: StatusLine,
  guard: ExitGuard
): Effect.Effect<Report, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const { settings } = job
    const scope = yield* Effect.scope
    const { first, handlers, outcomes, pool, requests, storing, tally } = yield* Effect.raceFirst(
      prepare(job, statusLine),
      stop.beforeStart
    )
    stop.pool = pool
    const startedAt = yield* millis
    const progress: Progress = { pool, tally, total: requests.file?.requests, startedAt, statusLine }
    yield* Effect.forkIn(watch(progress), scope)
    yield* Effect.forkIn(stopWhenStuck(pool, settings.config.drainDeadlineMillis, stop), scope)
    if (outcomes !== undefined) {
      yield* Effect.forkIn(
        Effect.catch(outcomes.writer, (error) => Effect.sync(() => stop.request(error))),
        scope
      )
    }
    tally.see(yield* pool.snapshot)

    const known = () => requests.file?.requests ?? tally.read
    guard.save = () => {
      outcomes?.finish()
      const more = requests.file === undefined ? " or more" : ""
      const goOn = howToGoOn(job)
      return `${known() - tally.done}${more} lines are left${goOn === undefined ? "" : `, ${goOn}`}`
    }
    const defects = new Defects(statusLine.print)
    const feed = new Feed({
      defects,
      pool,
      storing,
      handlers,
      outcomes,
      tally,
      stop,
      outstanding: settings.outstanding,
      scope
    })
    const toTheEnd = feed.all(chained(first, requests.next), recordStream(requests, outcomes, stop)).pipe(
      Effect.catch((error) => Effect.sync(() => stop.request(error))),
      Effect.andThen(feed.fewerThan(1))
    )
    yield* Effect.raceFirst(toTheEnd, stop.await)
    if (stop.reason !== undefined) {
      statusLine.print(`worker-pool: ${stopping(stop.reason, settings.config.drainDeadlineMillis)}`)
      if (storing === undefined) yield* feed.withdrawWaiting
    }
    tally.see(yield* pool.snapshot)
    const drained = yield* pool.drain().pipe(Effect.orDie)
    // All have ended; what is still on its way to the file may meet a disk that does not answer.
    yield* Effect.timeoutOption(feed.fewerThan(1), storing !== undefined && stop.reason !== undefined ? 0 : 5000)
    const { attempts, retries } = yield* pool.snapshot
    const wallMillis = (yield* millis) - startedAt
    yield* Effect.sync(() => statusLine.clear())
    if (outcomes !== undefined) {
      yield* Effect.catch(outcomes.check, (error) =>
        Effect.sync(() => {
          const { reason } = stop
          if (typeof reason === "string") statusLine.print(`worker-pool: ${error.message}`)
          stop.request(error)
        })
      )
    }

    const greatest = outcomes?.done.greatest ?? 0
    if (stop.reason === undefined && greatest > feed.lines.count) {
      return yield* beyond(outcomes!.path, greatest, feed.lines.count)
    }
    return {
      tally,
      stopped: stop.reason,
      left: {
        lines: Math.max(0, known() - tally.done),
        more: stop.reason !== undefined && requests.file === undefined
      },
      blank: requests.file === undefined ? feed.lines.count - tally.read : requests.file.lines - requests.file.requests,
      attempts,
      retries,
      defects: defects.count,
      wallMillis,
      ended: tally.done - tally.earlier,
      stuck: drained.stuck,
      stuckCount: drained.stuckCount
    }
  })

/** Everything that can be wrong with the command line shows here, before anything is run. */
const prepare = Effect.fnUntraced(function* (job: Job, { print }: StatusLine) {
  const requests = yield* Requests.open(job.requests)
  const { store, threads } = job.settings
  const works = store?.works ?? true
  const loaded = yield* HandlersModule.load(job.handlers, { threads, print, works })
  const { handlers } = loaded
  const tally = new Tally()
  const outcomes = job.outcomes === undefined ? undefined : yield* openOutcomes(job.outcomes, job.resume, tally)
  const first = yield* matchInput(requests, outcomes)
  const heard = inSentences(print, { changes: job.tellsChanges })
  if (store === undefined) {
    const context = yield* heard(Pool.inMemory(job.settings.pool, loaded))
    yield* Recording.begin(context, job.settings.record)
    const pool = Context.get(context, WorkerPool.WorkerPool)
    return { requests, handlers, tally, outcomes, first, pool, storing: undefined }
  }
  const name = yield* Storing.jobOf(requests, store.job)
  const context = yield* Pool.onStore(job.settings.pool, store, loaded, works ? "both" : "asks", heard)
  yield* Recording.begin(context, job.settings.record)
  const pool = Context.get(context, WorkerPool.WorkerPool)
  const storing = Storing.make(pool, Context.get(context, Durable), name)
  return { requests, handlers, tally, outcomes, first, pool, storing }
})

const stopping = (reason: Reason, deadlineMillis: number): string =>
  `${inWords(reason)}: nothing new is started, what runs has ${duration(deadlineMillis / 1000)} to end; ` +
  `${typeof reason === "string" ? "one more signal" : "a second signal"} ends the process at once`

const millis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const openOutcomes = (path: string, resume: boolean, tally: Tally) =>
  Effect.tap(OutcomesFile.open(path, { resume, onEarlier: (outcome) => tally.count(outcome) }), () =>
    Effect.sync(() => {
      tally.earlier = tally.done
    })
  )

/**
 * Makes sure that the outcomes belong to this input, and records the input before anything can have an outcome. Answers
 * what had to be read of a stream for that.
 */
const matchInput = Effect.fnUntraced(function* (
  requests: Requests.Requests,
  outcomes: OutcomesFile.OutcomesFile | undefined
): Effect.fn.Return<ReadonlyArray<Buffer>, BadUsage | RequestsNotRead | OutcomesNotWritten> {
  if (outcomes === undefined) return []
  const { done, path, recorded } = outcomes
  const { file } = requests
  const differ = new BadUsage({
    reason: `${path} cannot be resumed: ${requests.path === "-" ? "standard input" : requests.path} is not the input that ${path}.state records`
  })
  if (file === undefined) {
    if (recorded === undefined) return []
    const read = recorded.kind === "stream" ? yield* Requests.matchPrefix(requests.next, recorded) : undefined
    return read ?? (yield* differ)
  }
  if (recorded === undefined) {
    yield* RunState.write(path, requests.path, file.identity)
    return []
  }
  const { bytes, kind, sha256 } = file.identity
  if (recorded.kind !== kind || recorded.bytes !== bytes || recorded.sha256 !== sha256) return yield* differ
  return done.greatest > file.lines ? yield* beyond(path, done.greatest, file.lines) : []
})

const beyond = (path: string, line: number, lines: number) =>
  new BadUsage({
    reason: `${path} cannot be resumed: it has an outcome of line ${line}, but the input has ${lines} lines`
  })

/** The identity of a stream grows with what is read, so it is recorded on the way. */
const recordStream = (requests: Requests.Requests, outcomes: OutcomesFile.OutcomesFile | undefined, stop: Stop) => {
  if (outcomes === undefined || requests.file !== undefined) return () => Effect.void
  const identity = new Requests.StreamIdentity()
  return (chunk: Buffer) => {
    const due = identity.update(chunk)
    return due === undefined
      ? Effect.void
      : RunState.write(outcomes.path, requests.path, due).pipe(
          Effect.catch((error) => {
            stop.request(error)
            return Effect.never
          })
        )
  }
}

/** First these chunks, then those that `next` gives. */
const chained = (first: ReadonlyArray<Buffer>, next: Requests.Requests["next"]): Requests.Requests["next"] => {
  const left = [...first]
  return Effect.suspend(() => (left.length > 0 ? Effect.succeed(left.shift()) : next))
}

/** When each worker has been stuck for as long as a drain would wait, nothing will ever go on. */
const stopWhenStuck = Effect.fnUntraced(function* (
  pool: WorkerPool.WorkerPool["Service"],
  patienceMillis: number,
  stop: Stop
) {
  let since: number | undefined
  for (;;) {
    yield* Effect.sleep("100 millis")
    const { maxStuckWorkers, maxWorkers, stuck } = yield* pool.snapshot
    const now = yield* millis
    if (stuck < maxWorkers + maxStuckWorkers) since = undefined
    else since ??= now
    if (since !== undefined && now - since > patienceMillis) stop.request(new EveryWorkerStuck({ workers: stuck }))
  }
})
