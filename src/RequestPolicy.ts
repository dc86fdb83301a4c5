/** How long a request may run, how long it may live, whether it is tried again, and when its turn comes. */
import { Context, type Duration, Result, Schedule } from "effect"
import type { Rpc } from "effect/rpc"
import type * as CircuitBreaker from "./CircuitBreaker.ts"
import * as checks from "./internal/checks.ts"
import { InvalidPoolConfig } from "./PoolError.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

/** A retry rule as the caller writes it. A `Schedule` retries typed failures and timeouts until it is done, or fails. */
export type Retry = RetryPolicy.RetryPolicy | Schedule.Schedule<any, any, any, never>

/** What a caller, an annotation or the pool's options say. A field that is not set is left to the next in line. */
export interface Fields {
  /** How long one attempt may run; then it is interrupted. Above zero. Default 30 s, from the pool. `"none"`: for ever. */
  readonly timeout?: Duration.Input | "none" | undefined
  /** How long the request may live, counted from the call, in every phase; then it ends with `RequestExpired`. Above zero. Default `"none"`. */
  readonly expiresIn?: Duration.Input | "none" | undefined
  /** Whether and when another attempt follows one that failed. Default `"none"`. */
  readonly retry?: Retry | "none" | undefined
  /**
   * A head start: a whole number from -10 to 10, **higher first** (elsewhere lower may be). Default 0. What a step is worth is
   * the pool's `aging`.
   */
  readonly priority?: number | undefined
  /**
   * Whose request it is: workers are shared fairly among keys. A text, or a function of the payload that gives one
   * (`undefined`: nobody's). Default: what the pool's `key` says.
   */
  readonly key?: Key | undefined
  /**
   * What becomes of a call whose tag and `primaryKey` are those of a request that has not ended. `"allow"` (default): both run. `"join"`:
   * it waits for the end of the one that is there. `"reject"`: it is refused with `DuplicateRequest`. `"replace"`: one that
   * waits gives way to it, and ends with `RequestReplaced`; one that runs goes on, beside it. `"latest"`: as `"replace"`, but it starts
   * only when the one that runs has ended.
   */
  readonly duplicate?: Duplicate | undefined
  /** With `"replace"` or `"latest"`: it starts so long after the last call of its `primaryKey`. Above zero. Default: at once. */
  readonly debounce?: Duration.Input | undefined
  /** The longest that calls which follow one another put off the start. At least `debounce`. Default: without end. */
  readonly debounceAtMost?: Duration.Input | undefined
}

/** What a call can be to one of the same identity. */
export const duplicates = ["allow", "join", "reject", "replace", "latest"] as const
/** One of these. */
export type Duplicate = (typeof duplicates)[number]

/** Several requests of one tag in one attempt: see `Handlers.batched`. */
export interface Batch {
  /** The most requests in one. A whole number, at least 1. */
  readonly size: number
  /** How long the first of them waits for others while there are fewer than `size`. At least zero. Default 0: for none. */
  readonly within?: Duration.Input | undefined
}

/** What the annotation of an Rpc, or of a group, can say. */
export interface Annotation extends Fields {
  /** What stops its attempts while they fail. `"none"`: nothing. Default: what the pool's `breaker` says. */
  readonly breaker?: CircuitBreaker.CircuitBreaker | "none" | undefined
  /** Its handler, one of `Handlers.batched`, takes several at once. Default: one. */
  readonly batch?: Batch | undefined
}

/** A key, or how it is taken from the payload. */
export type Key = string | ((payload: any) => string | undefined)

/**
 * The policy of one Rpc, or of a whole group:
 * `Rpc.make("Resize", ...).annotate(RequestPolicy.RequestPolicy, { timeout: "1 second" })`.
 *
 * Field by field the call wins, then the Rpc's annotation, then the group's, then the pool.
 */
export const RequestPolicy: Context.Reference<Annotation> = Context.Reference<Annotation>(
  "effect-worker-pool/RequestPolicy",
  { defaultValue: () => ({}) }
)

/** What an Rpc's annotation says, field by field, and where it says nothing that of its group. @internal */
export const ofRpc = (rpc: Rpc.AnyWithProps, ofGroup: Annotation = {}): Annotation => {
  const own = Context.get(rpc.annotations, RequestPolicy)
  return {
    timeout: own.timeout ?? ofGroup.timeout,
    expiresIn: own.expiresIn ?? ofGroup.expiresIn,
    retry: own.retry ?? ofGroup.retry,
    priority: own.priority ?? ofGroup.priority,
    key: own.key ?? ofGroup.key,
    duplicate: own.duplicate ?? ofGroup.duplicate,
    debounce: own.debounce ?? ofGroup.debounce,
    debounceAtMost: own.debounceAtMost ?? ofGroup.debounceAtMost,
    breaker: own.breaker ?? ofGroup.breaker,
    batch: own.batch ?? ofGroup.batch
  }
}

/** A checked policy: durations in whole milliseconds, `Infinity` for `"none"`. */
export interface Resolved {
  /** For one attempt. */
  readonly timeoutMillis: number
  /** For the whole request, from the call on. */
  readonly expiresInMillis: number
  /** `undefined`: no attempt follows one that failed. */
  readonly retry: Retry | undefined
  /** From -10 to 10, higher first. */
  readonly priority: number
  /** `undefined`: the pool's `key` says whose request it is. */
  readonly key: Key | undefined
  /** What it is to one of the same identity. */
  readonly duplicate: Duplicate
  /** How long after the last of the same identity it starts; 0: at once. */
  readonly debounceMillis: number
  /** The longest that this takes, in all. */
  readonly debounceAtMostMillis: number
}

/** The end of the line: what holds where neither call, annotation nor pool says anything. */
export const defaults: Resolved = {
  timeoutMillis: 30_000,
  expiresInMillis: Infinity,
  retry: undefined,
  priority: 0,
  key: undefined,
  duplicate: "allow",
  debounceMillis: 0,
  debounceAtMostMillis: Infinity
}

/** `fields` over `base`, checked. `where` names the source in the error. */
export const resolve = (fields: Fields, base: Resolved, where = ""): Result.Result<Resolved, InvalidPoolConfig> => {
  const timeoutMillis = time(`${where}timeout`, fields.timeout, base.timeoutMillis)
  if (typeof timeoutMillis !== "number") return Result.fail(timeoutMillis)
  const expiresInMillis = time(`${where}expiresIn`, fields.expiresIn, base.expiresInMillis)
  if (typeof expiresInMillis !== "number") return Result.fail(expiresInMillis)
  const { duplicate = base.duplicate, key = base.key, priority = base.priority, retry = base.retry } = fields
  const debounced = debounceOf(fields, base, duplicate, where)
  if (debounced instanceof InvalidPoolConfig) return Result.fail(debounced)
  const invalid =
    checks.oneOf(...duplicates)(`${where}duplicate`, duplicate) ??
    invalidPriority(`${where}priority`, priority) ??
    invalidKey(`${where}key`, key) ??
    invalidRetry(where, retry)
  if (invalid !== undefined) return Result.fail(invalid)
  return Result.succeed({
    timeoutMillis,
    expiresInMillis,
    retry: retry === "none" ? undefined : retry,
    priority,
    key,
    duplicate,
    ...debounced
  })
}

/** What is inherited by one that replaces none is left alone. */
const debounceOf = (
  { debounce, debounceAtMost }: Fields,
  base: Resolved,
  duplicate: unknown,
  where: string
): Pick<Resolved, "debounceMillis" | "debounceAtMostMillis"> | InvalidPoolConfig => {
  const { debounceAtMostMillis: atMost, debounceMillis: millis } = base
  if (debounce === undefined && debounceAtMost === undefined) {
    return { debounceMillis: millis, debounceAtMostMillis: atMost }
  }
  const debounceMillis = debounce === undefined ? millis : checks.millis(`${where}debounce`, debounce)
  if (typeof debounceMillis !== "number") return debounceMillis
  const field = debounce === undefined ? "debounceAtMost" : "debounce"
  if (duplicate !== "replace" && duplicate !== "latest") {
    return checks.wrong(
      `${where}${field}`,
      'unset, unless `duplicate` is "replace" or "latest"',
      debounce ?? debounceAtMost
    )
  }
  if (debounceAtMost === undefined) return { debounceMillis, debounceAtMostMillis: Math.max(atMost, debounceMillis) }
  const debounceAtMostMillis = checks.millis(`${where}debounceAtMost`, debounceAtMost)
  if (typeof debounceAtMostMillis !== "number") return debounceAtMostMillis
  if (debounceMillis === 0) return checks.wrong(`${where}debounceAtMost`, "unset, without a `debounce`", debounceAtMost)
  return debounceAtMostMillis >= debounceMillis
    ? { debounceMillis, debounceAtMostMillis }
    : checks.wrong(`${where}debounceAtMost`, "at least `debounce`", debounceAtMost)
}

/** How many requests of this tag run in one attempt, checked. @internal */
export const resolveBatch = (
  batch: Batch,
  tag: string
): { readonly size: number; readonly withinMillis: number } | InvalidPoolConfig => {
  const { size, within = 0 } = batch
  const withinMillis = checks.millis(`${tag}.batch.within`, within, 0)
  const invalid = checks.wholeFrom(1)(`${tag}.batch.size`, size)
  return invalid ?? (typeof withinMillis === "number" ? { size, withinMillis } : withinMillis)
}

/** What is wrong with a priority. @internal */
export const invalidPriority = (field: string, priority: unknown): InvalidPoolConfig | undefined =>
  Number.isInteger(priority) && Math.abs(priority as number) <= 10
    ? undefined
    : checks.wrong(field, "a whole number from -10 to 10", priority)

const invalidKey = (field: string, key: unknown): InvalidPoolConfig | undefined =>
  key === undefined || typeof key === "function" || typeof key === "string"
    ? undefined
    : checks.wrong(field, "a text, or a function of the payload", key)

const invalidRetry = (where: string, retry: unknown): InvalidPoolConfig | undefined => {
  if (retry === undefined || retry === "none" || Schedule.isSchedule(retry)) return undefined
  if (!RetryPolicy.isRetryPolicy(retry))
    return checks.wrong(`${where}retry`, `a RetryPolicy, a Schedule or "none"`, retry)
  const { invalid } = retry
  return invalid === undefined ? undefined : new InvalidPoolConfig({ ...invalid, field: `${where}${invalid.field}` })
}

const time = (field: string, value: Fields["timeout"], base: number): number | InvalidPoolConfig =>
  value === undefined ? base : value === "none" ? Infinity : checks.millis(field, value)
