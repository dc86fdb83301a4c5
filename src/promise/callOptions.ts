/** What callers write, checked, as the pool reads it. */
import { Exit } from "effect"
import type * as RequestOptions from "../Call.ts"
import * as checks from "../internal/checks.ts"
import { wrongSignal } from "../internal/signals.ts"
import * as Limit from "../Limit.ts"
import { InvalidPoolConfig } from "../PoolError.ts"
import type { Annotation, Fields } from "../RequestPolicy.ts"
import * as RetryPolicy from "../RetryPolicy.ts"
import { publicError } from "./publicError.ts"
import type {
  Answers,
  BatchedHandler,
  CallOptions,
  FunctionPolicy,
  HandlerWithPolicy,
  Policy,
  RetryOptions
} from "./task.ts"

type Invalid = Exit.Exit<never, InvalidPoolConfig>

const policyFields = ["timeout", "expiresIn", "retry", "priority", "key"] as const
const functionFields = new Set<string>([...policyFields, "duplicate", "debounce", "debounceAtMost"])
const callFields = new Set([...functionFields, "id", "signal", "primaryKey", "group", "delay", "startAt"])
const handlerFields = new Set(["handler", "breaker", ...functionFields])
const batchedFields = new Set(["batched", "size", "within", "breaker", ...functionFields])
const limitFields = new Set(["name", "per", "concurrency", "rate", "tags", "until"])
/** And of its rate. */
export const rateFields = new Set(["limit", "period", "burst"])
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
    const unknown = checks.unknownField(given, callFields, "an option of a call")
    if (unknown !== undefined) return Exit.fail(unknown)
    const { signal, ...policy } = given
    const wrong = wrongSignal(signal)
    if (wrong !== undefined) return Exit.fail(wrong)
    if (given.key !== undefined && typeof given.key !== "string") return invalid("key", "a text", given.key)
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

/** The policy of a pool. */
export const toPolicy = ({ expiresIn, priority, retry, timeout }: Policy): Omit<Fields, "key"> | Invalid =>
  toFields({ timeout, expiresIn, retry, priority }, "")

/** That of a handler. `where` stands before the field in an error. */
export const toHandlerPolicy = (
  given: HandlerWithPolicy<any, unknown> | BatchedHandler<any, Answers>,
  where: string
): Annotation | Invalid => {
  if ("batched" in given && given.batched !== undefined) return toBatchedPolicy(given, where)
  const unknown =
    ofBatches(given, where, forHandlers) ?? checks.unknownField(given, handlerFields, "an option of a handler", where)
  if (unknown !== undefined) return Exit.fail(unknown)
  const { breaker, handler: _, ...policy } = given as HandlerWithPolicy<any, unknown>
  return withBreaker(toFields(policy, where), breaker)
}

/** Said where it means nothing. */
const ofBatches = (given: object, where: string, expected: string): InvalidPoolConfig | undefined => {
  const field = ["batched", "batch", "size", "within"].find((field) => Object(given)[field] !== undefined)
  return field === undefined ? undefined : new InvalidPoolConfig({ field: where + field, expected, actual: "set" })
}
const forHandlers = "unset, unless a function `batched` is there in place of `handler`"
const forFunctions = "unset: the `batched` function of another pool may call one on threads with all of its inputs"

const toBatchedPolicy = (given: BatchedHandler<any, Answers>, where: string): Annotation | Invalid => {
  const unknown = checks.unknownField(given, batchedFields, "an option of a batched function", where)
  if (unknown !== undefined) return Exit.fail(unknown)
  const { batched: _, breaker, size, within = 0, ...policy } = given
  const millis = checks.millis(`${where}within`, within, 0)
  const wrong = checks.wholeFrom(1)(`${where}size`, size) ?? (typeof millis === "number" ? undefined : millis)
  if (wrong !== undefined) return Exit.fail(wrong)
  const fields = withBreaker(toFields(policy, where), breaker)
  return Exit.isExit(fields) ? fields : { ...fields, batch: { size, within } }
}

const withBreaker = (fields: Fields | Invalid, breaker: Annotation["breaker"]): Annotation | Invalid =>
  breaker === undefined || Exit.isExit(fields) ? (fields as Annotation | Invalid) : { ...fields, breaker }

/** That of a function of a module. */
export const toFunctionPolicy = (given: FunctionPolicy<any>, where: string): Fields | Invalid => {
  const unknown =
    ofBatches(given, where, forFunctions) ??
    checks.unknownField(given, functionFields, "an option of a function", where)
  return unknown === undefined ? toFields(given, where) : Exit.fail(unknown)
}

/** The limits of a pool, of which some may be plain objects. What is out of its range in them is found later. */
export const toLimits = (given: ReadonlyArray<Limit.Limit | Limit.Options>): ReadonlyArray<Limit.Limit> | Invalid => {
  if (!Array.isArray(given)) return invalid("limits", "a list of limits", given)
  const limits: Array<Limit.Limit> = []
  for (const [at, one] of given.entries()) {
    if (typeof one !== "object" || one === null) return invalid(`limits.${at}`, "a limit, or its options", one)
    if (Limit.isLimit(one)) limits.push(one)
    else {
      const where = `limits.${at}.`
      const unknown =
        checks.unknownField(one, limitFields, "an option of a limit", where) ??
        checks.unknownField(Object(one.rate), rateFields, "an option of a rate", `${where}rate.`)
      if (unknown !== undefined) return Exit.fail(unknown)
      limits.push(Limit.make(one))
    }
  }
  return limits
}

/** With the retry rule as a policy. All of an object that has one is copied, all else is as it came. */
const toFields = (options: Policy, where: string): Fields | Invalid => {
  const { retry } = options
  if (typeof retry !== "object" || retry === null) return options as Fields
  const unknown = checks.unknownField(retry, retryFields, "an option of `retry`", `${where}retry.`)
  return unknown === undefined ? ({ ...options, retry: toRetryPolicy(retry) } as Fields) : Exit.fail(unknown)
}

/** Its `delay` sees a timeout as callers do; its `failures` sees the task's own errors alone. */
const toRetryPolicy = ({ delay, ...rest }: RetryOptions): RetryPolicy.RetryPolicy =>
  RetryPolicy.make({
    ...rest,
    delay: typeof delay === "function" ? (error, attempt) => delay(publicError(error), attempt) : delay
  })

const invalid = (field: string, expected: string, actual: unknown): Invalid =>
  Exit.fail(checks.wrong(field, expected, actual))
