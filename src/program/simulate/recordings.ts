/** `--recording`: a load that was recorded, what its pool was set to, and what really happened. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Stream } from "effect"
import type { PoolError } from "../../index.ts"
import type { Header, Settings } from "../../recording/header.ts"
import { load, type RecordedLoad } from "../../recording/load.ts"
import { read } from "../../recording/read.ts"
import { realityOf, type SaltedMark } from "../../recording/reality.ts"
import type { Recorded } from "../../recording/recorded.ts"
import type * as Simulation from "../../Simulation.ts"
import { BadUsage } from "../errors.ts"
import { millisOf, numberOf } from "../settings/quantities.ts"

/** As the command line gives them. */
export interface RecordingFlags {
  readonly recording?: string | undefined
  readonly scale?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export interface Recording {
  readonly load: RecordedLoad
  /** Of the last recording that is in it. */
  readonly settings: Settings
  /** The time of day at `from`, in milliseconds since 1970. */
  readonly epochMillis: number
  /** When the pool first looked at its load after `from`, in milliseconds since then. `undefined`: nobody knows. */
  readonly firstTickMillis: number | undefined
  /** How many there were at `from`. `undefined`: no mark says it. */
  readonly workers: number | undefined
  readonly reality: (options: {
    readonly warmupMillis: number
    readonly waitTargetMillis: number
    readonly tickMillis: number
  }) => Simulation.Figures
  /** Something that is no error and that one should know. */
  readonly notes: ReadonlyArray<string>
}

/** What is in a file, before it is anybody's load. */
export interface Source {
  readonly path: string
  readonly from: number | undefined
  readonly to: number | undefined
  readonly requests: ReadonlyArray<Recorded>
  readonly marks: ReadonlyArray<SaltedMark>
  readonly header: { readonly settings: Settings; readonly startedAtMillis: number }
  readonly firstTickMillis: number | undefined
  /** Requests of before the first recording in it. */
  readonly early: number
}

export const readSource = (path: string, flags: RecordingFlags): Effect.Effect<Source, BadUsage> =>
  Effect.gen(function* () {
    const from = yield* timeOf("from", flags.from)
    const to = yield* timeOf("to", flags.to)
    const requests: Array<Recorded> = []
    const marks: Array<SaltedMark> = []
    let early = 0
    let settings: Settings | undefined
    let startedAtMillis: number | undefined
    let firstTickMillis: number | undefined
    yield* Stream.runForEach(read([path]), (entries) =>
      Effect.suspend(() => {
        for (const entry of entries) {
          if (entry._tag === "Request") {
            if (entry.atMillis < 0) early++
            if (entry.atMillis >= (from ?? 0) && (to === undefined || entry.atMillis < to)) requests.push(entry)
          } else if (entry._tag === "Mark") marks.push(entry)
          else if (entry._tag === "Header") {
            settings = entry.header.pool
            startedAtMillis ??= entry.header.startedAtMillis
            firstTickMillis = firstTickOf(entry.header, startedAtMillis + (from ?? 0))
          }
        }
        return requests.length > mostRequests ? Effect.fail(tooMany(path)) : Effect.void
      })
    ).pipe(
      Effect.provide(NodeFileSystem.layer),
      Effect.mapError((error) => (error instanceof BadUsage ? error : wrong(error)))
    )
    const header = { settings: settings!, startedAtMillis: startedAtMillis! }
    return { path, from, to, requests, marks, header, firstTickMillis, early }
  })

/** The same as a load. */
export const recordingOf = (
  { early, firstTickMillis, from, header, marks, path, requests, to }: Source,
  flags: RecordingFlags,
  attempts: "recorded" | "redrawn"
): Effect.Effect<Recording, BadUsage> =>
  Effect.gen(function* () {
    const scale = flags.scale === undefined ? undefined : numberOf(flags.scale)
    if (flags.scale !== undefined && !(scale !== undefined && scale > 0)) {
      return yield* new BadUsage({ reason: `Expected --scale to be a number above 0, got "${flags.scale}"` })
    }
    const loaded = load(requests, { name: `recording:${path}`, from, to, scale, attempts })
    const invalid = loaded.arrivals.invalid ?? loaded.service.invalid
    if (invalid !== undefined) return yield* refusedOf(path, invalid)
    const { durationMillis, leftOut } = loaded
    const lost = lostOf(marks)
    return {
      load: loaded,
      settings: header.settings,
      epochMillis: header.startedAtMillis + (from ?? 0),
      firstTickMillis,
      workers: workersAt(marks, from ?? 0),
      reality: (options) => realityOf(requests, marks, { ...options, fromMillis: from ?? 0, durationMillis }),
      notes: [
        ...(early > 0
          ? [
              `${early} requests of ${path} are left out: their recording began before the first one there, by a clock that was set`
            ]
          : []),
        ...(leftOut > 0
          ? [
              `${leftOut} requests of ${path} are left out: they joined another one, or were refused as duplicates or by a drain`
            ]
          : []),
        ...(lost > 0 ? [`${lost} requests are not in ${path}: the disk was full, or too slow for them`] : [])
      ]
    }
  })

/** Ticks keep their pace: that of one says when all others are. */
const firstTickOf = ({ pool, startedAtMillis }: Header, fromMillis: number): number | undefined => {
  const { firstTickMillis, scalingIntervalMillis } = pool
  if (firstTickMillis === undefined) return undefined
  const since = (startedAtMillis + firstTickMillis - fromMillis) % scalingIntervalMillis
  return since > 0 ? since : since + scalingIntervalMillis
}

/** A simulation has all of its load in memory. */
const mostRequests = 1_000_000

const tooMany = (path: string) =>
  new BadUsage({
    reason: `Expected at most ${mostRequests} requests of ${path}, got more: they would not fit in memory; take a part of them with --from and --to`
  })

const timeOf = (flag: string, text: string | undefined): Effect.Effect<number | undefined, BadUsage> => {
  if (text === undefined) return Effect.succeed(undefined)
  const millis = millisOf(text)
  return millis !== undefined && millis >= 0
    ? Effect.succeed(millis)
    : new BadUsage({
        reason: `Expected --${flag} to be a duration since the start of the recording, such as 10m, got "${text}"`
      })
}

const refusedOf = (path: string, { actual, expected, field }: PoolError.InvalidPoolConfig) =>
  field === "recording" || field === "service"
    ? new BadUsage({ reason: `Expected ${path} to have ${expected}, got ${actual}` })
    : new BadUsage({ reason: `Expected --${field} to be ${expected}, got ${actual}` })

const wrong = ({ message }: { readonly message: string }) => new BadUsage({ reason: message })

/** Those of all its processes. */
const workersAt = (marks: ReadonlyArray<SaltedMark>, atMillis: number): number | undefined => {
  // What there was when a recording began stands in its first mark, which is written a little later.
  const first = marks[0]?.atMillis ?? 0
  const last = new Map<string, number>()
  for (const mark of marks) {
    if (mark.atMillis <= Math.max(first, atMillis)) last.set(mark.salt, mark.closed ? 0 : mark.workers)
  }
  const workers = [...last.values()].reduce((sum, count) => sum + count, 0)
  return workers > 0 ? workers : undefined
}

const lostOf = (marks: ReadonlyArray<SaltedMark>): number => {
  const last = new Map(marks.map(({ lost, salt }) => [salt, lost]))
  return [...last.values()].reduce((sum, lost) => sum + lost, 0)
}
