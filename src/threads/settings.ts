/** What the options of threads say, checked. It imports nothing of Node: a pool of promises checks them where there may be none. */
import { Duration, Result } from "effect"
import { InvalidPoolConfig } from "../PoolError.ts"

/** How many threads there are, what is on them, and when one is ended. */
export interface Options {
  /**
   * Names the gate at which requests wait for a thread, in snapshots, metrics, lists and events. Default `"threads"`. Two layers for one
   * pool need two names.
   */
  readonly name?: string | undefined
  /** `"process"`: each is a process of its own, whose end, whatever its cause, is nobody else's. Default `"thread"`. */
  readonly isolation?: "thread" | "process" | undefined
  /** Threads that are always there; the layer is built when so many are ready. A whole number from 0. Default 1. */
  readonly min?: number | undefined
  /** The most that run attempts at once. A whole number from 1. Default: what `os.availableParallelism()` says. */
  readonly max?: number | undefined
  /** Threads that are kept ready beyond those that are asked for, above `max` too: they compute nothing. Default 1. */
  readonly spare?: number | undefined
  /** How long one that is not needed stays. Default 10 s. */
  readonly idleFor?: Duration.Input | undefined
  /** An attempt that does not answer its interruption for so long computes: its thread is killed. Default 50 ms. */
  readonly answerWithin?: Duration.Input | undefined
  /**
   * How long the finalizers of an interrupted attempt may take, counted from its interruption; then its thread is killed.
   * Default 500 ms. Keep it below `interruptGrace` of the pool (1 s), or the attempt counts as stuck before.
   */
  readonly killAfter?: Duration.Input | undefined
  /**
   * The most that the JavaScript values of a thread may take, in megabytes (2^20 bytes). It is looked at ten times a second: a thread that is
   * above it is killed, and its attempt fails with `ThreadCrashed`. Default: none.
   */
  readonly memoryLimit?: number | undefined
  /** A thread that has run so many attempts is replaced. Default: never. */
  readonly recycleAfter?: number | undefined
  /** Its environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Its options of Node. Default: those of this process. */
  readonly execArgv?: ReadonlyArray<string> | undefined
}

export interface Settings {
  readonly name: string
  readonly isolation: "thread" | "process"
  readonly min: number
  readonly max: number
  readonly spare: number
  readonly idleForMillis: number
  readonly answerWithinMillis: number
  readonly killAfterMillis: number
  readonly memoryLimit: number | undefined
  readonly recycleAfter: number | undefined
  readonly env: Readonly<Record<string, string | undefined>> | undefined
  readonly execArgv: ReadonlyArray<string> | undefined
}

/** `parallelism`: how many threads the machine runs at once. */
export const make = (options: Options, parallelism: number): Result.Result<Settings, InvalidPoolConfig> =>
  Result.gen(function* () {
    const { env, execArgv, isolation = "thread", memoryLimit, name = "threads", recycleAfter } = options
    if (typeof name !== "string" || name === "") return yield* wrong("name", "a text that is not empty", name)
    if (isolation !== "thread" && isolation !== "process") {
      return yield* wrong("isolation", '"thread" or "process"', isolation)
    }
    const max = yield* whole("max", options.max, parallelism, 1)
    const min = yield* whole("min", options.min, 1, 0)
    if (min > max) return yield* wrong("min", `at most \`max\` (${max})`, min)
    const spare = yield* whole("spare", options.spare, 1, 0)
    const idleForMillis = yield* millis("idleFor", options.idleFor ?? "10 seconds")
    const answerWithinMillis = yield* millis("answerWithin", options.answerWithin ?? "50 millis")
    const killAfterMillis = yield* millis("killAfter", options.killAfter ?? "500 millis")
    if (memoryLimit !== undefined && !(memoryLimit > 0)) {
      return yield* wrong("memoryLimit", "megabytes, more than 0", memoryLimit)
    }
    if (recycleAfter !== undefined) yield* whole("recycleAfter", recycleAfter, 1, 1)
    return {
      name,
      isolation,
      min,
      max,
      spare,
      idleForMillis,
      answerWithinMillis,
      killAfterMillis,
      memoryLimit,
      recycleAfter,
      env,
      execArgv
    }
  })

const wrong = (field: string, expected: string, actual: unknown) =>
  Result.fail(new InvalidPoolConfig({ field: `threads.${field}`, expected, actual: shown(actual) }))

const shown = (actual: unknown): string =>
  typeof actual === "string" ? JSON.stringify(actual) : typeof actual === "object" ? typeof actual : String(actual)

const whole = (field: string, value: number | undefined, otherwise: number, least: number) => {
  const number = value ?? otherwise
  return Number.isSafeInteger(number) && number >= least
    ? Result.succeed(number)
    : wrong(field, `a whole number, at least ${least}`, value)
}

const millis = (field: string, input: Duration.Input) => {
  const duration = Duration.fromInput(input)
  const millis = duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
  return Number.isFinite(millis) && millis >= 0
    ? Result.succeed(Math.ceil(millis))
    : wrong(field, "a finite duration", input)
}
