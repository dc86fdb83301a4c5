/** What the options of threads say, checked. It imports nothing of Node: a pool of promises reads it where there may be none. */
import { type Duration, Result } from "effect"
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import { tellsMemory } from "./host.ts"

/** How many threads there are, what is on them, and when one is ended. */
export interface Options {
  /**
   * Names the gate at which requests wait for a thread, in snapshots, metrics, lists and events. Default `"threads"`. Two layers for one
   * pool need two names.
   */
  readonly name?: string | undefined
  /**
   * `"process"`: each is a process of its own, whose end, whatever its cause, is nobody else's. With `spawn` it is what that answers.
   * Default `"thread"`.
   */
  readonly isolation?: "thread" | "process" | undefined
  /**
   * Threads that are always there; the layer is built when so many are ready. One that ends before it has run an attempt is replaced when
   * a request asks for it, not before. A whole number from 0. Default 1.
   */
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
   * The most that a thread may take while it runs an attempt, in megabytes (2^20 bytes), looked at ten times a second: one that is above it
   * is killed, and its attempt fails with `ThreadCrashed`. Of a thread: its JavaScript values and buffers, those that nobody has collected
   * yet included. Of a process: its resident memory, of which Node itself takes some 60 MB; it can be told on Linux alone. Default: none.
   *
   * A limit of V8's own (`resourceLimits`, `--max-old-space-size`) is no substitute: where a thread reaches that, the whole process may end.
   */
  readonly memoryLimit?: number | undefined
  /** A thread that has run so many attempts is replaced. Default: never. */
  readonly recycleAfter?: number | undefined
  /** Its environment variables; not with `spawn`. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Its options of Node; not with `spawn`. Default: those of this process. */
  readonly execArgv?: ReadonlyArray<string> | undefined
}

/**
 * What a function of the user's starts: a `Worker` of `node:worker_threads`, or a `ChildProcess` that comes from `fork`. Told by what they alone
 * have, since where the types of Node are missing theirs are.
 */
export type Spawned =
  | { readonly threadId: number; readonly terminate: () => Promise<unknown> }
  | { readonly spawnfile: string; readonly connected: boolean }

/** What functions are on threads: those of a module, or of what is spawned and calls `runFunctions`. */
export type FunctionsSource = { readonly module: URL | string } | { readonly spawn: () => Spawned }

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

export const make = (options: Options): Result.Result<Settings, InvalidPoolConfig> =>
  Result.gen(function* () {
    const { env, execArgv, isolation = "thread", memoryLimit, name = "threads", recycleAfter } = options
    if (typeof name !== "string" || name === "") return yield* wrong("name", "a text that is not empty", name)
    if (isolation !== "thread" && isolation !== "process") {
      return yield* wrong("isolation", '"thread" or "process"', isolation)
    }
    const max = yield* whole("max", options.max ?? parallelism(), 1)
    const min = yield* whole("min", options.min ?? 1, 0)
    if (min > max) return yield* wrong("min", `at most \`max\` (${max})`, min)
    const spare = yield* whole("spare", options.spare ?? 1, 0)
    const idleForMillis = yield* millis("idleFor", options.idleFor ?? "10 seconds")
    const answerWithinMillis = yield* millis("answerWithin", options.answerWithin ?? "50 millis")
    const killAfterMillis = yield* millis("killAfter", options.killAfter ?? "500 millis")
    if (memoryLimit !== undefined) {
      if (!(Number.isFinite(memoryLimit) && memoryLimit > 0)) {
        return yield* wrong("memoryLimit", "megabytes, more than 0", memoryLimit)
      }
      if (isolation === "process" && !tellsMemory) {
        return yield* wrong("memoryLimit", "nothing: here it cannot be told of a process", memoryLimit)
      }
    }
    if (recycleAfter !== undefined) yield* whole("recycleAfter", recycleAfter, 1)
    if (env !== undefined && (typeof env !== "object" || env === null)) {
      return yield* wrong("env", "an object of environment variables", env)
    }
    if (
      execArgv !== undefined &&
      !(Array.isArray(execArgv) && execArgv.every((option) => typeof option === "string"))
    ) {
      return yield* wrong("execArgv", "an array of texts", execArgv)
    }
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

/** What `os.availableParallelism()` says. */
const parallelism = (): number => globalThis.navigator?.hardwareConcurrency ?? 1

const named = (field: string) => `threads.${field}`

const wrong = (field: string, expected: string, actual: unknown) =>
  Result.fail(checks.wrong(named(field), expected, actual))

const whole = (field: string, value: number, least: number) => {
  const invalid = checks.wholeFrom(least)(named(field), value)
  return invalid === undefined ? Result.succeed(value) : Result.fail(invalid)
}

const millis = (field: string, input: Duration.Input) => {
  const millis = checks.millis(named(field), input, 0)
  return typeof millis === "number" ? Result.succeed(millis) : Result.fail(millis)
}
