/** What the option `threads` of a pool says, checked. */
import { Exit, Result } from "effect"
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import * as Settings from "../threads/settings.ts"
import { unknownField } from "./callOptions.ts"
import type { Location, Read, ThreadsOptions } from "./threads.ts"

const fields: Readonly<Record<keyof ThreadsOptions, true>> = {
  module: true,
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

/** A module alone is given as it is. */
export const toThreads = (given: Location | ThreadsOptions): Read | Exit.Exit<never, InvalidPoolConfig> => {
  if (isLocation(given)) return toThreads({ module: given })
  const isObject = typeof given === "object" && given !== null
  if (!isObject) return Exit.fail(checks.wrong("threads", "a URL, a path, or an object with a `module`", given))
  const unknown = unknownField(given, known, "an option of threads", "threads.")
  if (unknown !== undefined) return Exit.fail(unknown)
  const { module, ...options } = given
  if (!isLocation(module)) return Exit.fail(checks.wrong("threads.module", "a URL, or a path", module))
  const settings = Settings.make(options)
  if (Result.isFailure(settings)) return Exit.fail(settings.failure)
  const href = typeof module === "string" ? module : module.href
  return { settings: settings.success, module: /^(file|data|https?):/.test(href) ? new URL(href) : href }
}

const isLocation = (given: unknown): given is Location =>
  (typeof given === "string" && given !== "") || (typeof given === "object" && given !== null && "href" in given)
