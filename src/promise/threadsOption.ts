/** What the option `threads` of a pool says, checked. */
import { Exit, Result } from "effect"
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import * as Settings from "../threads/settings.ts"
import type { Fields } from "../RequestPolicy.ts"
import { toFunctionPolicy } from "./callOptions.ts"
import type { PoliciesOf } from "./doors.ts"
import type { Read } from "./threads.ts"

/** Where a module is: `new URL("./images.ts", import.meta.url)`, or a path. */
export type Location = string | { readonly href: string }

/** What is on the threads. */
export type OnThreads =
  | {
      /** The module whose exported functions the pool has, by their names. */
      readonly module: Location
      readonly spawn?: undefined
    }
  | {
      /**
       * Starts a thread, or a process, for which bundlers have a file of its own:
       * `() => new Worker(new URL("./images.thread.ts", import.meta.url))`, and that calls `runFunctions` of `effect-worker-pool/runFunctions`. A
       * `ChildProcess` must come from `fork`, with `serialization: "advanced"`. Called once a thread; where it throws, that has not started.
       */
      readonly spawn: () => Settings.Spawned
      readonly module?: undefined
    }

/** What functions say for themselves. */
export interface WithPolicies<M> {
  /** By name, what the options of a handler can be: `{ resize: { timeout: "1 second" } }`. */
  readonly functions?: PoliciesOf<M> | undefined
}

/** How many threads there are, what is on them, and when one is ended. */
export type ThreadsOptions<M = any> = Settings.Options & OnThreads & WithPolicies<M>

/** Functions that run on threads, or in processes, of their own: those that a module exports, by name. */
export interface WithThreads<M> {
  /**
   * The module, or an object with it and with how many threads there are: `threads: new URL("./images.ts", import.meta.url)`. Its
   * functions are known once the first thread is ready; calls wait in the queue until then, and no timeout runs meanwhile.
   */
  readonly threads: Location | ThreadsOptions<M>
}

const fields: Readonly<Record<keyof ThreadsOptions, true>> = {
  module: true,
  spawn: true,
  functions: true,
  name: true,
  isolation: true,
  min: true,
  max: true,
  spare: true,
  idleFor: true,
  answerWithin: true,
  killAfter: true,
  memoryLimit: true,
  recycleAfter: true,
  env: true,
  execArgv: true
}
const known = new Set(Object.keys(fields))

type Invalid = Exit.Exit<never, InvalidPoolConfig>

/** A module alone is given as it is. */
export const toThreads = (given: Location | ThreadsOptions): Read | Invalid => {
  if (isLocation(given)) return toThreads({ module: given })
  const isObject = typeof given === "object" && given !== null
  if (!isObject)
    return Exit.fail(checks.wrong("threads", "a URL, a path, or an object with a `module` or `spawn`", given))
  const unknown = checks.unknownField(given, known, "an option of threads", "threads.")
  if (unknown !== undefined) return Exit.fail(unknown)
  const { functions, module, spawn, ...options } = given
  const source = spawn === undefined ? toModule(module) : toSpawn(given)
  if (Exit.isExit(source)) return source
  const settings = Settings.make(options)
  if (Result.isFailure(settings)) return Exit.fail(settings.failure)
  const policies = functions === undefined ? new Map<string, Fields>() : toPolicies(functions)
  return Exit.isExit(policies) ? policies : { settings: settings.success, source, policies }
}

const toPolicies = (given: PoliciesOf<any>): Map<string, Fields> | Invalid => {
  if (typeof given !== "object" || given === null) return wrong("functions", "an object of policies by name", given)
  const policies = new Map<string, Fields>()
  for (const [name, one] of Object.entries(given)) {
    if (one === undefined) continue
    if (typeof one !== "object" || one === null) return wrong(`functions.${name}`, "an object with a policy", one)
    const policy = toFunctionPolicy(one, `threads.functions.${name}.`)
    if (Exit.isExit(policy)) return policy as Invalid
    policies.set(name, policy as Fields)
  }
  return policies
}

const toModule = (module: unknown): Read["source"] | Invalid => {
  if (!isLocation(module)) return wrong("module", "a URL, or a path", module)
  const href = typeof module === "string" ? module : module.href
  return { module: /^(file|data|https?):/.test(href) ? new URL(href) : href }
}

/** What is said of how a thread is started would be said to nobody. */
const toSpawn = (given: ThreadsOptions): Read["source"] | Invalid => {
  const { spawn } = given
  if (typeof spawn !== "function") return wrong("spawn", "a function that starts a thread or a process", spawn)
  for (const field of ["module", "env", "execArgv"] as const) {
    if (given[field] !== undefined) return wrong(field, "nothing beside `spawn`", given[field])
  }
  return { spawn }
}

const wrong = (field: string, expected: string, actual: unknown): Invalid =>
  Exit.fail(checks.wrong(`threads.${field}`, expected, actual))

const isLocation = (given: unknown): given is Location =>
  (typeof given === "string" && given !== "") || (typeof given === "object" && given !== null && "href" in given)
