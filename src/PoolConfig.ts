/**
 * The options of a pool, checked once. Bad options are refused with `InvalidPoolConfig`, never clamped.
 *
 * | option | range | default |
 * | --- | --- | --- |
 * | `name` | not empty | `"default"` |
 * | `idPrefix` | a text | `""` |
 * | `minWorkers` | 0 to `maxWorkers` | 1 |
 * | `maxWorkers` | at least 1 | 64, or `minWorkers` if that is more |
 * | `capacity` | at least 1, or `"unbounded"` | 10,000 |
 * | `strategy` | `"suspend"`, `"dropping"`, `"sliding"`, `"shedding"` | `"suspend"` |
 * | `timeout` | above zero, or `"none"` | 30 s |
 * | `expiresIn` | above zero, or `"none"` | `"none"` |
 * | `retry` | a `RetryPolicy`, a `Schedule`, or `"none"` | `"none"` |
 * | `scalingInterval` | above zero | 1 s |
 * | `interruptGrace` | above zero | 1 s |
 * | `drainDeadline` | at least zero | 30 s |
 * | `drainGrace` | above zero | 1 s |
 * | `maxStuckWorkers` | at least 0 | 0 |
 * | `deadLetters` | at least 0 | 1,000 |
 * | `decisions` | at least 0 | 100 |
 * | `inherit` | `Context.Reference`s | none |
 * | `priority` | a whole number, -10 to 10 | 0 |
 * | `key` | a function of tag and payload | none |
 * | `weight` | a function of the key | 1 for each |
 * | `aging` | above zero, or `"none"` | 30 s |
 * | `limits` | `Limit`s, each of its own name | none |
 * | `keyCapacity` | at least 1, `"dynamic"` or `"none"` | `"dynamic"` |
 * | `forgetKeys` | at least 0 | 10,000 |
 * | `order` | `"fifo"`, `"lifo"` | `"fifo"` |
 * | `shedding` | a target and an interval, above zero, with the strategy `"shedding"` | 100 ms, ten times the target |
 * | `retryBudget` | a `RetryBudget`, or `"none"` | `"none"` |
 * | `breaker` | a `CircuitBreaker`, or `"none"` | `"none"` |
 * | `maxScheduled` | at least 0 | `capacity` |
 */
import { Config, Context, type Duration, Effect, Layer, Result } from "effect"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import * as Discipline from "./Discipline.ts"
import * as checks from "./internal/checks.ts"
import { InvalidPoolConfig } from "./PoolError.ts"
import * as RequestPolicy from "./RequestPolicy.ts"
import * as RetryBudget from "./RetryBudget.ts"

/** What a full queue does with one more request. */
export type Strategy = "suspend" | "dropping" | "sliding" | "shedding"

/** What the caller writes. A field that is `undefined` is not set. */
export interface Options
  extends Omit<RequestPolicy.Fields, "key" | "duplicate" | "debounce" | "debounceAtMost">, Discipline.Options {
  /** Names the pool in metrics, logs, errors and reports. Not empty. Default `"default"`. */
  readonly name?: string | undefined
  /** Stands before the number of a request in its id. A pool whose ids outlive it, in URLs or logs, gives each life its own. Default: none. */
  readonly idPrefix?: string | undefined
  /** Workers kept even when idle: from 0 to `maxWorkers`. With 0 the first request starts one without waiting for a tick. Default 1. */
  readonly minWorkers?: number | undefined
  /** The most workers, and so the most attempts that run at once (but see `maxStuckWorkers`). At least 1. Default 64. */
  readonly maxWorkers?: number | undefined
  /**
   * The most requests that may wait, or be between two attempts, for another one to be let in. A retry that returns is
   * never refused, so `waiting + delayed` can be more than this by at most the number of attempts that ran. At least 1. Default 10,000.
   */
  readonly capacity?: number | "unbounded" | undefined
  /**
   * What a full queue does: the caller waits (`"suspend"`, the default), is refused (`"dropping"`), or the oldest waiting one ends
   * (`"sliding"`, and `"shedding"`, which ends those that have waited for too long before it comes to that: see `shedding`).
   */
  readonly strategy?: Strategy | undefined
  /** The time between two ticks of the Scaler. When a request finds no idle worker it looks at once, at most every 50 ms. Above zero. Default 1 s. */
  readonly scalingInterval?: Duration.Input | undefined
  /** How long an interrupted attempt may go on with its finalizers before it counts as stuck. Above zero. Default 1 s. */
  readonly interruptGrace?: Duration.Input | undefined
  /** How long closing the layer waits for accepted requests before it interrupts them. At least zero. Default 30 s. */
  readonly drainDeadline?: Duration.Input | undefined
  /** How long a drain waits, after it interrupted, before it gives up on what ignores the interruption. Above zero. Default 1 s. */
  readonly drainGrace?: Duration.Input | undefined
  /** Stuck workers that are replaced. Each lets one more attempt run than `maxWorkers` says. At least 0. Default 0. */
  readonly maxStuckWorkers?: number | undefined
  /** Requests that ended failed or timed out and are kept for `deadLetters`. At least 0. Default 1,000. */
  readonly deadLetters?: number | undefined
  /** Scaling decisions that `Scaler.recent` keeps. At least 0. Default 100. */
  readonly decisions?: number | undefined
  /**
   * References that follow a request from its caller to its handler, as annotations and spans of the log do. Where the
   * handler's own layer has a value of its own, that one holds. `run` needs none: it has all of its caller's context. Default: none.
   */
  readonly inherit?: ReadonlyArray<Context.Reference<any>> | undefined
  /**
   * What retries may add to the load: of each first attempt a part of one, for its tag or for the pool. `"none"` (default): as many as
   * each policy says.
   */
  readonly retryBudget?: RetryBudget.RetryBudget | "none" | undefined
  /** What stops the attempts of a tag, or of a key, while they fail. An annotation's `breaker` wins over this one. Default `"none"`. */
  readonly breaker?: CircuitBreaker.CircuitBreaker | "none" | undefined
  /** Requests with a `delay`, or a `startAt`, that may be there before they are due. At least 0. Default: as many as `capacity`. */
  readonly maxScheduled?: number | undefined
}

/** What the running pool reads: complete, checked, durations in whole milliseconds. */
export class PoolConfig extends Context.Service<
  PoolConfig,
  {
    readonly name: string
    readonly idPrefix: string
    /** The bounds at the start: `WorkerPool.setBounds` changes those of the pool, not these. */
    readonly minWorkers: number
    readonly maxWorkers: number
    /** `Infinity` when unbounded. */
    readonly capacity: number
    readonly strategy: Strategy
    /** What holds where neither the call nor an annotation says anything. */
    readonly policy: RequestPolicy.Resolved
    readonly scalingIntervalMillis: number
    readonly interruptGraceMillis: number
    readonly drainDeadlineMillis: number
    readonly drainGraceMillis: number
    readonly maxStuckWorkers: number
    readonly deadLetters: number
    readonly decisions: number
    readonly inherit: ReadonlyArray<Context.Reference<any>>
    readonly discipline: Discipline.Discipline
    readonly retryBudget: RetryBudget.RetryBudget | undefined
    readonly breaker: CircuitBreaker.CircuitBreaker | undefined
    readonly maxScheduled: number
  }
>()("effect-worker-pool/PoolConfig") {}

/** Checks the options and fills in the defaults. The first that is wrong is the failure. */
export const make = (options: Options = {}): Result.Result<PoolConfig["Service"], InvalidPoolConfig> => {
  const minWorkers = options.minWorkers ?? 1
  const maxWorkers = options.maxWorkers ?? Math.max(64, minWorkers)
  const { capacity = 10_000, strategy = "suspend", name = "default", idPrefix = "" } = options
  const { maxStuckWorkers = 0, deadLetters = 1_000, decisions = 100, inherit = [] } = options
  const {
    breaker = "none",
    maxScheduled = capacity === "unbounded" ? Infinity : capacity,
    retryBudget = "none"
  } = options
  const policy = RequestPolicy.resolve({ ...options, key: undefined }, RequestPolicy.defaults)
  const discipline = Discipline.make(options)
  const times = {
    scalingIntervalMillis: checks.millis("scalingInterval", options.scalingInterval ?? "1 second"),
    interruptGraceMillis: checks.millis("interruptGrace", options.interruptGrace ?? "1 second"),
    drainDeadlineMillis: checks.millis("drainDeadline", options.drainDeadline ?? "30 seconds", 0),
    drainGraceMillis: checks.millis("drainGrace", options.drainGrace ?? "1 second")
  }
  const invalid =
    checks.text("name", name) ??
    (typeof idPrefix === "string" ? undefined : checks.wrong("idPrefix", "a text", idPrefix)) ??
    checks.bounds(minWorkers, maxWorkers) ??
    (capacity === "unbounded" ? undefined : checks.wholeFrom(1)("capacity", capacity)) ??
    checks.oneOf("suspend", "dropping", "sliding", "shedding")("strategy", strategy) ??
    (Result.isFailure(policy) ? policy.failure : undefined) ??
    Object.values(times).find((time) => typeof time !== "number") ??
    checks.wholeFrom(0)("maxStuckWorkers", maxStuckWorkers) ??
    checks.wholeFrom(0)("deadLetters", deadLetters) ??
    checks.wholeFrom(0)("decisions", decisions) ??
    (Array.isArray(inherit) && inherit.every(Context.isReference)
      ? undefined
      : checks.wrong("inherit", "a list of `Context.Reference`s", inherit)) ??
    (retryBudget === "none" ? undefined : RetryBudget.invalid("retryBudget", retryBudget)) ??
    (breaker === "none" ? undefined : CircuitBreaker.invalid("breaker", breaker)) ??
    (maxScheduled === Infinity ? undefined : checks.wholeFrom(0)("maxScheduled", maxScheduled)) ??
    (Result.isFailure(discipline) ? discipline.failure : undefined) ??
    (options.shedding === undefined || strategy === "shedding"
      ? undefined
      : checks.wrong("strategy", '"shedding" where `shedding` is set', strategy))
  if (invalid !== undefined) return Result.fail(invalid)
  return Result.map(Result.all({ policy, discipline }), ({ discipline, policy }) => ({
    ...(times as Record<keyof typeof times, number>),
    name,
    idPrefix,
    minWorkers,
    maxWorkers,
    capacity: capacity === "unbounded" ? Infinity : capacity,
    strategy,
    policy,
    maxStuckWorkers,
    deadLetters,
    decisions,
    inherit,
    discipline,
    retryBudget: retryBudget === "none" ? undefined : retryBudget,
    breaker: breaker === "none" ? undefined : breaker,
    maxScheduled
  }))
}

/** The configuration of one pool. Fails with `InvalidPoolConfig` when an option is wrong. */
export const layer = (options?: Options): Layer.Layer<PoolConfig, InvalidPoolConfig> =>
  Layer.effect(
    PoolConfig,
    Effect.suspend(() => Effect.fromResult(make(options)))
  )

const optional = <A>(config: Config.Config<A>) =>
  config.pipe(
    Config.option,
    Config.map((value) => (value._tag === "Some" ? value.value : undefined))
  )
const timeOrNone = (name: string) => optional(Config.String(name)) as Config.Config<Options["timeout"]>

/**
 * Options read from the environment: `WORKER_POOL_MIN_WORKERS=4`, `WORKER_POOL_TIMEOUT="2 seconds"`, and so on for each
 * field but `retry`, `inherit`, `key`, `weight`, `limits`, `shedding`, `retryBudget` and `breaker`. They go
 * through the same checks as any others: `PoolConfig.config` into `ElasticPool.layer`.
 */
export const config: Config.Config<Options> = Config.all({
  name: optional(Config.String("NAME")),
  idPrefix: optional(Config.String("ID_PREFIX")),
  minWorkers: optional(Config.Number("MIN_WORKERS")),
  maxWorkers: optional(Config.Number("MAX_WORKERS")),
  capacity: optional(Config.Number("CAPACITY").pipe(Config.orElse(() => Config.Literal("unbounded", "CAPACITY")))),
  strategy: optional(Config.Literals(["suspend", "dropping", "sliding", "shedding"], "STRATEGY")),
  timeout: timeOrNone("TIMEOUT"),
  expiresIn: timeOrNone("EXPIRES_IN"),
  scalingInterval: timeOrNone("SCALING_INTERVAL"),
  interruptGrace: timeOrNone("INTERRUPT_GRACE"),
  drainDeadline: timeOrNone("DRAIN_DEADLINE"),
  drainGrace: timeOrNone("DRAIN_GRACE"),
  maxStuckWorkers: optional(Config.Number("MAX_STUCK_WORKERS")),
  deadLetters: optional(Config.Number("DEAD_LETTERS")),
  decisions: optional(Config.Number("DECISIONS")),
  priority: optional(Config.Number("PRIORITY")),
  aging: timeOrNone("AGING"),
  keyCapacity: optional(
    Config.Number("KEY_CAPACITY").pipe(Config.orElse(() => Config.Literals(["dynamic", "none"], "KEY_CAPACITY")))
  ),
  forgetKeys: optional(Config.Number("FORGET_KEYS")),
  order: optional(Config.Literals(["fifo", "lifo"], "ORDER")),
  maxScheduled: optional(Config.Number("MAX_SCHEDULED"))
}).pipe(Config.nested("WORKER_POOL")) as Config.Config<Options>
