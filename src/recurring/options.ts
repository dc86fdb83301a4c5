/** What recurs, and how: the options of `Recurring`, checked. */
import { Clock, Cron, type DateTime, type Duration, Effect, Result, Schedule } from "effect"
import type * as Call from "../Call.ts"
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import { ofCron, ofSchedule, type Ticks } from "./ticks.ts"

/** What a tick does while the request of an earlier one has not ended. */
export type Overlap = "skip" | "queue" | "replace"

/** What becomes of ticks that were missed. */
export type Missed = "latest" | "skip"

/** What recurs, when (by a `cron` or by a `schedule`), and what becomes of ticks that do not fit. */
export type Options = Plan & (ByCron | BySchedule)

/** When: by a cron. */
export interface ByCron {
  /**
   * When it ticks: a text such as `"30 2 * * *"`, by the time zone of the machine, or a `Cron`, by its own:
   * `Cron.parseUnsafe("30 2 * * *", "Europe/Berlin")`. Either this or `schedule`.
   */
  readonly cron: string | Cron.Cron
  /** Not beside a cron. */
  readonly schedule?: undefined
}

/** When: by a schedule. */
export interface BySchedule {
  /** The same as delays from tick to tick, the first one from the start on. It has ended when the schedule has. */
  readonly schedule: Schedule.Schedule<unknown, unknown, unknown>
  /** Not beside a schedule. */
  readonly cron?: undefined
}

/** What recurs, whenever it does. */
export interface Plan {
  /** Names it on its pool, in events and views. On a durable pool it is its identity, in all processes. */
  readonly name: string
  /**
   * What it asks for: a call, or a function that makes one for the instant for which the tick was planned. A call that the pool cannot take, of an
   * Rpc that it does not have or with a payload that does not fit, is told at once; that of a function at its tick.
   */
  readonly call: Call.Call<any, any> | ((tick: DateTime.Utc) => Call.Call<any, any>)
  /**
   * While the request of an earlier tick has not ended, a tick asks for nothing (`"skip"`, the default); waits until it has, behind those that wait
   * already, no more than `maxPending` of them (`"queue"`); or cancels what is left of the earlier ones, be it running or not, and asks
   * (`"replace"`, as a CronJob of Kubernetes does). So with `"queue"` one runs after the other, in order, however many workers are free, and a
   * tick that finds as many waiting as may is skipped. Ticks that wait are those of this process, and end with it. Where several processes
   * share a store, each waits for what it has asked for itself since it started.
   */
  readonly overlap?: Overlap | undefined
  /**
   * Ticks are missed when the process slept, the clock was set forward, or an earlier tick stood before a full pool: by more than a
   * minute, or by standing there. Of these the last one runs once, at once (`"latest"`, the default), or none (`"skip"`); never all.
   */
  readonly missed?: Missed | undefined
  /** Each tick comes by a random time later that is less than this, so that not all come at once. Default: zero. */
  readonly jitter?: Duration.Input | undefined
  /** With `overlap: "queue"`, how many ticks may wait. At least 1, which is the default. */
  readonly maxPending?: number | undefined
}

export interface Settings {
  readonly name: string
  readonly ticks: Ticks
  readonly call: (tick: DateTime.Utc) => Call.Call
  readonly overlap: Overlap
  readonly missed: Missed
  readonly jitterMillis: number
  readonly maxPending: number
}

const fields = new Set(["name", "cron", "schedule", "call", "overlap", "missed", "jitter", "maxPending"])

export const settingsOf = (options: Options): Effect.Effect<Settings, InvalidPoolConfig> =>
  Effect.gen(function* () {
    const given = checks.fieldsOf("options", options, fields, "an option of what recurs", "")
    if (given !== undefined) return yield* Effect.fail(given)
    const { call, jitter = 0, maxPending = 1, missed = "latest", name, overlap = "skip" } = options
    const jitterMillis = checks.millis("jitter", jitter, 0)
    if (typeof jitterMillis !== "number") return yield* Effect.fail(jitterMillis)
    const invalid =
      checks.text("name", name) ??
      (isCall(call) || typeof call === "function" ? undefined : checks.wrong("call", "a call, or a function", call)) ??
      checks.oneOf("skip", "queue", "replace")("overlap", overlap) ??
      checks.oneOf("latest", "skip")("missed", missed) ??
      checks.wholeFrom(1)("maxPending", maxPending)
    if (invalid !== undefined) return yield* Effect.fail(invalid)
    const ticks = yield* ticksOf(options)
    return {
      name,
      ticks,
      call: typeof call === "function" ? call : () => call,
      overlap,
      missed,
      jitterMillis,
      maxPending
    }
  })

const ticksOf = ({
  cron,
  schedule
}: Partial<ByCron> | Partial<BySchedule>): Effect.Effect<Ticks, InvalidPoolConfig> => {
  if (schedule !== undefined) {
    if (cron !== undefined)
      return Effect.fail(checks.wrong("schedule", "unset beside a `cron`: one of the two says when", schedule))
    if (!Schedule.isSchedule(schedule)) return Effect.fail(checks.wrong("schedule", "a Schedule", schedule))
    return ofSchedule(schedule)
  }
  if (Cron.isCron(cron)) return withDates(cron, cron)
  const expected = 'a cron such as "30 2 * * *", or a Cron'
  if (cron === undefined) return Effect.fail(checks.wrong("cron", `${expected}; or a \`schedule\` in its place`, cron))
  if (typeof cron !== "string") return Effect.fail(checks.wrong("cron", expected, cron))
  const parsed = Cron.parse(cron)
  return Result.isFailure(parsed)
    ? Effect.fail(checks.wrong("cron", `${expected}: ${parsed.failure.message}`, cron))
    : withDates(parsed.success, cron)
}

/** There are crons for no date at all, such as that of the 30th of February. */
const withDates = (cron: Cron.Cron, given: unknown): Effect.Effect<Ticks, InvalidPoolConfig> =>
  Effect.gen(function* () {
    const ticks = ofCron(cron)
    if ((yield* ticks.after(yield* Clock.currentTimeMillis)) !== undefined) return ticks
    return yield* Effect.fail(checks.wrong("cron", "one that comes to a date", given))
  })

export const isCall = (call: unknown): call is Call.Call =>
  typeof call === "object" && call !== null && "rpc" in call && "payload" in call
