/** What callers write, checked, as the pool reads it. */
import { Exit } from "effect"
import type * as RequestOptions from "../Call.ts"
import * as checks from "../internal/checks.ts"
import { InvalidPoolConfig } from "../PoolError.ts"
import * as RetryPolicy from "../RetryPolicy.ts"
import { publicError } from "./publicError.ts"
import type { CallOptions, Policy, RetryOptions } from "./task.ts"

type Invalid = Exit.Exit<never, InvalidPoolConfig>

const callFields = new Set(["timeout", "expiresIn", "retry", "id", "signal"])
const retryFields = new Set(["times", "base", "factor", "cap", "jitter", "delay", "failures", "timeouts"])

/** What a call says, read once. */
interface Read {
  readonly signal: AbortSignal | undefined
  readonly options: RequestOptions.Options
}

/** Options of one call; what is out of its range in them is found later, with the same error. */
export const toCallOptions = (given: CallOptions): Read | Invalid => {
  if (typeof given !== "object" || given === null) return invalid("options", "an object", given)
  try {
    const unknown = unknownField(given, callFields, "an option of a call")
    if (unknown !== undefined) return Exit.fail(unknown)
    const { signal, ...policy } = given
    if (signal !== undefined && typeof signal.addEventListener !== "function") {
      return invalid("signal", "an AbortSignal", signal)
    }
    const options = toFields(policy, "")
    return Exit.isExit(options) ? (options as Invalid) : { signal, options: options as RequestOptions.Options }
  } catch {
    return invalid("options", "an object whose fields can be read", typeof given)
  }
}

/** Why this is nothing that can be run. */
export const notATask = (task: unknown): Invalid =>
  Exit.fail(
    new InvalidPoolConfig({
      field: "task",
      expected: "a function, such as `() => fetch(url)`",
      actual: isPromise(task) ? "a promise, which has begun already" : String(task === null ? task : typeof task)
    })
  )

/** A proxy may throw when it is asked. */
const isPromise = (value: unknown): boolean => {
  try {
    return value instanceof Promise
  } catch {
    return false
  }
}

/** The policy of a pool or a handler. `where` stands before the field in an error. */
export const toPolicy = ({ expiresIn, retry, timeout }: Policy, where = ""): RequestOptions.Options | Invalid =>
  toFields({ timeout, expiresIn, retry }, where)

/** The first field that is none of these: a word that is not known would be a setting that does not work. */
export const unknownField = (
  options: object,
  known: ReadonlySet<string>,
  what: string,
  where = ""
): InvalidPoolConfig | undefined => {
  for (const field of Object.keys(options)) {
    if (known.has(field)) continue
    const expected = `${what} (${[...known].join(", ")})`
    return new InvalidPoolConfig({ field: where + field, expected, actual: "a name that is not known" })
  }
  return undefined
}

/** With the retry rule as a policy. All of an object that has one is copied, all else is as it came. */
const toFields = (options: Policy, where: string): RequestOptions.Options | Invalid => {
  const { retry } = options
  if (typeof retry !== "object" || retry === null) return options as RequestOptions.Options
  const unknown = unknownField(retry, retryFields, "an option of `retry`", `${where}retry.`)
  return unknown === undefined
    ? ({ ...options, retry: toRetryPolicy(retry) } as RequestOptions.Options)
    : Exit.fail(unknown)
}

/** Its `delay` sees a timeout as callers do; its `failures` sees the task's own errors alone. */
const toRetryPolicy = ({ delay, ...rest }: RetryOptions): RetryPolicy.RetryPolicy =>
  RetryPolicy.make({
    ...rest,
    delay: typeof delay === "function" ? (error, attempt) => delay(publicError(error), attempt) : delay
  })

const invalid = (field: string, expected: string, actual: unknown): Invalid =>
  Exit.fail(checks.wrong(field, expected, actual))
