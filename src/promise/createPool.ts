/** Puts a pool of promises together: queue, drain, scaler and counts of any pool, and workers that need no fiber. */
import { Clock, Context, Effect, Exit, Layer, Schema, Scope } from "effect"
import { Rpc } from "effect/rpc"
import * as CircuitBreaker from "../CircuitBreaker.ts"
import { Handlers } from "../Handlers.ts"
import { TaskWorker } from "../internal/taskWorker.ts"
import * as checks from "../internal/checks.ts"
import type * as Limit from "../Limit.ts"
import * as PoolConfig from "../PoolConfig.ts"
import { InvalidPoolConfig } from "../PoolError.ts"
import * as PoolMetrics from "../PoolMetrics.ts"
import * as RequestPolicy from "../RequestPolicy.ts"
import * as RequestQueue from "../RequestQueue.ts"
import * as Scaler from "../Scaler.ts"
import * as ScalingPolicy from "../ScalingPolicy.ts"
import * as WorkerPool from "../WorkerPool.ts"
import { toHandlerPolicy, toLimits, toPolicy } from "./callOptions.ts"
import { Door, failureOf } from "./door.ts"
import { type FunctionsOf, type HandlersOf, makeDoors } from "./doors.ts"
import { type HeldClock, HostClock } from "./hostClock.ts"
import { type LogLine, logLayer } from "./log.ts"
import { type Pool, PoolOf } from "./pool.ts"
import { errorAt } from "./publicError.ts"
import { record, type RecordOptions, toRecording } from "./recording.ts"
import type { Answers, BatchedHandler, Call, Handler, HandlerWithPolicy, Policy } from "./task.ts"
import { ModuleOnThreads } from "./threads.ts"
import { toThreads, type WithThreads } from "./threadsOption.ts"

/** All of `PoolConfig.Options` but what needs Effect, or what a pool of promises does not have. */
export interface Options extends Omit<PoolConfig.Options, "inherit" | "retry" | "deadLetters" | "limits">, Policy {
  /** What a start must pass: each the options of a limit, or what `Limit.make` or `Limit.serial` gives. */
  readonly limits?: ReadonlyArray<Limit.Options | Limit.Limit> | undefined
  /** How the number of workers follows the load. `"none"`: only `resize` changes it. Default `ScalingPolicy.adaptive()`. */
  readonly scaling?: ScalingPolicy.ScalingPolicy | "none" | undefined
  /**
   * Hears what somebody must act on: a task that is stuck, a drain that was forced, a listener that threw. Default: a line on
   * standard error.
   */
  readonly log?: ((line: LogLine) => void) | undefined
  /**
   * Writes down what the load is made of, in files, for `worker-pool tune`: no inputs and no results. What has ended is there within a
   * second; the last of it when the pool has drained. What cannot be written is logged. Default: nothing is recorded.
   */
  readonly record?: RecordOptions | undefined
}

/**
 * Functions for inputs, by name: `run.resize(input)`. One with a policy of its own is `{ handler, timeout, ... }`. By a mapped
 * type and without a default for `H`: else one that says no types does not learn what an attempt is.
 */
export interface WithHandlers<H extends HandlersOf> {
  readonly handlers?: { readonly [Name in keyof H]: H[Name] & Known<H[Name]> } | undefined
}

/** None of its fields is one that does not exist, and its `key` is of its input. */
type Known<One> = One extends Function
  ? unknown
  : { readonly [Field in Exclude<keyof One, FieldsOf<One>>]: never } & KeyOf<One>

type FieldsOf<One> = One extends { readonly batched: unknown }
  ? keyof BatchedHandler<never, Answers>
  : keyof HandlerWithPolicy<never, unknown>

type KeyOf<One> = One extends
  | { readonly handler: (input: infer I, ...rest: never) => unknown }
  | { readonly batched: (inputs: ReadonlyArray<infer I>, ...rest: never) => unknown }
  ? { readonly key?: string | ((input: I) => string | undefined) | undefined }
  : unknown

/** `createPool`. With `threads` its type says what the module is: `createPool<typeof import("./images.ts")>({ threads })`. */
export interface CreatePool {
  <M extends object, H extends HandlersOf = {}>(
    options: Options & WithHandlers<H> & WithThreads<NoInfer<M>>
  ): Pool<FunctionsOf<Omit<M, keyof H>> & H>
  <H extends HandlersOf>(
    options?: Options & WithHandlers<H> & { readonly threads?: undefined }
  ): Pool<HandlersOf extends H ? {} : H>
}

interface AnyOptions extends Options, WithHandlers<any> {
  readonly threads?: WithThreads<any>["threads"] | undefined
}

/**
 * Makes a pool, which works at once. A wrong option throws `InvalidOption`. Only a pool that was given a `name` has its
 * counts among Effect's `Metric`s. One that nobody waits for does not keep the process from ending. What a pool has to warn
 * of is a line on standard error.
 */
export const createPool: CreatePool = (options: AnyOptions = {}): Pool<any> => {
  const scope = Scope.makeUnsafe()
  const built = Effect.runFork(Scope.provide(make(options), scope)).pollUnsafe()!
  if (Exit.isSuccess(built)) return built.value as never
  throw errorAt(createPool, failureOf(built))
}

const fields: Readonly<Record<keyof (Options & WithHandlers<{}> & WithThreads<{}>), true>> = {
  name: true,
  idPrefix: true,
  minWorkers: true,
  maxWorkers: true,
  capacity: true,
  strategy: true,
  timeout: true,
  expiresIn: true,
  retry: true,
  scaling: true,
  scalingInterval: true,
  interruptGrace: true,
  drainDeadline: true,
  drainGrace: true,
  maxStuckWorkers: true,
  decisions: true,
  log: true,
  handlers: true,
  threads: true,
  priority: true,
  key: true,
  weight: true,
  aging: true,
  limits: true,
  keyCapacity: true,
  forgetKeys: true,
  order: true,
  shedding: true,
  retryBudget: true,
  breaker: true,
  maxScheduled: true,
  record: true
}
const known = new Set(Object.keys(fields))
const sheddingFields = new Set(["target", "interval"])

type Given = Handler<any, unknown> | HandlerWithPolicy<any, unknown> | BatchedHandler<any, Answers>

/** Each step is synchronous. `newClock` is asked for two: the pool's, and that of its scaler. @internal */
export const make = Effect.fnUntraced(function* <H extends HandlersOf = {}>(
  options: AnyOptions,
  newClock: () => HeldClock = () => new HostClock()
) {
  const scope = (yield* Effect.scope) as Scope.Closeable
  const wrong =
    checks.fieldsOf("options", options, known, "an option of a pool", "") ??
    checks.unknownField(
      typeof options.shedding === "object" ? { ...options.shedding } : {},
      sheddingFields,
      "an option of `shedding`",
      "shedding."
    )
  if (wrong !== undefined) return yield* wrong
  const {
    handlers: given = {},
    limits: givenLimits = [],
    log,
    record: givenRecord,
    scaling = ScalingPolicy.adaptive(),
    threads,
    ...rest
  } = options
  const { retry } = yield* checked(toPolicy(rest))
  const recording = givenRecord === undefined ? undefined : yield* checked(toRecording(givenRecord))
  const module = threads === undefined ? undefined : new ModuleOnThreads(yield* checked(toThreads(threads)))
  const limits = [...(yield* checked(toLimits(givenLimits))), ...(module === undefined ? [] : [module.limit])]
  const config = yield* Effect.fromResult(PoolConfig.make({ ...rest, retry, limits, deadLetters: 0 }))
  const wrongPolicy = module?.check(config.policy)
  if (wrongPolicy !== undefined) return yield* wrongPolicy
  const functions = new Map<string, Handler<any, unknown>>()
  const handlers = new Map<string, Handlers["Service"] extends ReadonlyMap<string, infer One> ? One : never>()
  for (const [name, one] of Object.entries<Given>(given as Record<string, Given>)) {
    const handler = functionOf(one)
    if (typeof handler !== "function") return yield* notAHandler(name, one)
    if (name === "then") return yield* named(name)
    const where = `handlers.${name}.`
    const policy = typeof one === "function" ? {} : yield* checked(toHandlerPolicy(one, where))
    yield* Effect.fromResult(RequestPolicy.resolve(policy, config.policy, where))
    const wrongBreaker = CircuitBreaker.invalidOf(`${where}breaker`, policy)
    if (wrongBreaker !== undefined) return yield* wrongBreaker
    functions.set(name, handler)
    handlers.set(name, {
      rpc: Rpc.make(name, { payload: Schema.Any, success: Schema.Any, error: Schema.Any }),
      policy,
      batch: policy.batch && unreached,
      subjectOf: (call: Call) => call.subject,
      context: Context.empty(),
      run: unreached
    })
  }
  const clock = newClock()
  const parts = RequestQueue.layer.pipe(
    Layer.provideMerge(Layer.succeed(PoolConfig.PoolConfig, config)),
    Layer.provideMerge(Layer.succeed(Handlers, handlers)),
    Layer.provideMerge(Layer.succeed(Clock.Clock, clock)),
    Layer.provideMerge(logLayer(log))
  )
  const context = yield* Layer.build(parts)
  const { core, intake, pool } = yield* Effect.provide(
    WorkerPool.make("elastic", () => (worker) => new TaskWorker(worker)),
    context
  )
  // It looks at the load for as long as there is any: of itself it keeps no process alive.
  const idleClock = Context.add(Context.add(context, WorkerPool.WorkerPool, pool), Clock.Clock, newClock())
  const scaler = yield* Effect.provide(
    Layer.build(scaling === "none" ? Scaler.layerNone : Scaler.layer(scaling)),
    idleClock
  )
  if (recording !== undefined) {
    const policy = recording.policy ?? (scaling === "none" ? `fixed:${config.minWorkers}` : scaling.name)
    yield* Effect.provide(record(pool, core, { ...recording, policy }), idleClock)
  }
  if (options.name !== undefined) yield* Effect.provide(Layer.build(PoolMetrics.layer), idleClock)
  if (module !== undefined) {
    yield* Effect.forkIn(Effect.provide(module.load(core, new Set(functions.keys())), idleClock), scope)
  }
  const door = new Door(core, intake, clock)
  return new PoolOf<H>({
    service: pool,
    scaler: Context.get(scaler, Scaler.Scaler),
    scope,
    door,
    doors: makeDoors<H>(door, functions, module),
    clock
  })
})

const unreached = () => Effect.die("not reached: a TaskWorker calls the function")

const functionOf = (one: Given): Handler<any, unknown> => {
  if (typeof one === "function") return one
  return Object(one).handler ?? Object(one).batched
}

const checked = <A>(read: A | Exit.Exit<never, InvalidPoolConfig>): Effect.Effect<A, InvalidPoolConfig> =>
  Exit.isExit(read) ? read : Effect.succeed(read)

/** `await` would ask for its end whatever has a function of that name. */
const named = (name: string): InvalidPoolConfig =>
  new InvalidPoolConfig({ field: `handlers.${name}`, expected: "of another name", actual: `"${name}"` })

const notAHandler = (name: string, actual: unknown): InvalidPoolConfig =>
  new InvalidPoolConfig({
    field: `handlers.${name}`,
    expected: "a function, or an object with a function `handler` or `batched`",
    actual: actual === null ? "null" : typeof actual
  })
