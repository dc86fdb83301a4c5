/** The options of a pool: defaults, bounds, and what is refused in which words. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Result, Schedule } from "effect"
import * as PoolConfig from "../src/PoolConfig.ts"
import * as RequestPolicy from "../src/RequestPolicy.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"

const made = (options?: object) => Result.getOrThrow(PoolConfig.make(options as PoolConfig.Options))

const refusal = (options: object) => {
  const result = PoolConfig.make(options as PoolConfig.Options)
  return Result.isFailure(result) ? result.failure : undefined
}

const defaults = {
  name: "default",
  idPrefix: "",
  minWorkers: 1,
  maxWorkers: 64,
  capacity: 10_000,
  strategy: "suspend",
  policy: RequestPolicy.defaults,
  scalingIntervalMillis: 1000,
  interruptGraceMillis: 1000,
  drainDeadlineMillis: 30_000,
  drainGraceMillis: 1000,
  maxStuckWorkers: 0,
  deadLetters: 1000,
  decisions: 100,
  inherit: [],
  discipline: {
    isSet: false,
    key: undefined,
    weight: undefined,
    agingMillis: 30_000,
    limits: [],
    keyCapacity: "dynamic",
    forgetKeys: 10_000,
    order: "fifo",
    shedding: { targetMillis: 100, intervalMillis: 1000 }
  },
  retryBudget: undefined,
  breaker: undefined,
  maxScheduled: 10_000
}

describe("PoolConfig.make", () => {
  it("nothing set is the documented table", () => {
    assert.deepStrictEqual(made(), defaults as any)
    assert.deepStrictEqual(made({}), defaults as any)
  })

  it("a field that is undefined is not set", () => {
    const unset = Object.fromEntries(
      [
        ...Object.keys(defaults),
        "timeout",
        "expiresIn",
        "retry",
        "scalingInterval",
        "interruptGrace",
        "drainDeadline",
        "drainGrace"
      ].map((field) => [field, undefined])
    )
    assert.deepStrictEqual(made(unset), defaults as any)
  })

  it("more than 64 minWorkers raise the default of maxWorkers", () => {
    assert.deepInclude(made({ minWorkers: 65 }), { minWorkers: 65, maxWorkers: 65 })
  })

  it.each<[object, object]>([
    [{ name: "a" }, { name: "a" }],
    [{ minWorkers: 0 }, { minWorkers: 0 }],
    [{ maxWorkers: 1 }, { maxWorkers: 1 }],
    [
      { minWorkers: 7, maxWorkers: 7 },
      { minWorkers: 7, maxWorkers: 7 }
    ],
    [{ capacity: 1 }, { capacity: 1, maxScheduled: 1 }],
    [{ capacity: "unbounded" }, { capacity: Infinity, maxScheduled: Infinity }],
    [{ strategy: "dropping" }, { strategy: "dropping" }],
    [{ strategy: "sliding" }, { strategy: "sliding" }],
    [{ strategy: "shedding" }, { strategy: "shedding" }],
    [{ maxScheduled: 0 }, { maxScheduled: 0 }],
    [{ timeout: 1 }, { policy: { ...defaults.policy, timeoutMillis: 1 } }],
    [{ timeout: 0.2 }, { policy: { ...defaults.policy, timeoutMillis: 1 } }],
    [{ timeout: "none" }, { policy: { ...defaults.policy, timeoutMillis: Infinity } }],
    [{ expiresIn: "2 seconds" }, { policy: { ...defaults.policy, expiresInMillis: 2000 } }],
    [{ retry: "none" }, { policy: defaults.policy }],
    [{ scalingInterval: 1 }, { scalingIntervalMillis: 1 }],
    [{ interruptGrace: Duration.seconds(2) }, { interruptGraceMillis: 2000 }],
    [{ drainDeadline: 0 }, { drainDeadlineMillis: 0 }],
    [{ drainGrace: 1 }, { drainGraceMillis: 1 }],
    [{ maxStuckWorkers: 3 }, { maxStuckWorkers: 3 }],
    [{ deadLetters: 0 }, { deadLetters: 0 }],
    [{ decisions: 0 }, { decisions: 0 }],
    [{ inherit: [RequestPolicy.RequestPolicy] }, { inherit: [RequestPolicy.RequestPolicy] }]
  ])("%j is taken", (options, expected) => {
    assert.deepStrictEqual(made(options), { ...defaults, ...expected } as any)
  })

  it("a retry policy and a Schedule are taken as they are", () => {
    const policy = RetryPolicy.make({ times: 1 })
    assert.strictEqual(made({ retry: policy }).policy.retry, policy)
    const schedule = Schedule.recurs(2)
    assert.strictEqual(made({ retry: schedule }).policy.retry, schedule)
  })

  it.each<[object, string, string, string]>([
    [{ name: "" }, "name", "a text that is not empty", '""'],
    [{ name: 3 }, "name", "a text that is not empty", "3"],
    [{ minWorkers: -1 }, "minWorkers", "a whole number, at least 0", "-1"],
    [{ minWorkers: 1.5 }, "minWorkers", "a whole number, at least 0", "1.5"],
    [{ minWorkers: Number.NaN }, "minWorkers", "a whole number, at least 0", "NaN"],
    [{ minWorkers: "2" }, "minWorkers", "a whole number, at least 0", '"2"'],
    [{ minWorkers: 0, maxWorkers: 0 }, "maxWorkers", "a whole number, at least 1", "0"],
    [{ maxWorkers: Infinity }, "maxWorkers", "a whole number, at least 1", "Infinity"],
    [{ minWorkers: 3, maxWorkers: 2 }, "minWorkers", "at most maxWorkers (2)", "3"],
    [{ capacity: 0 }, "capacity", "a whole number, at least 1", "0"],
    [{ capacity: Infinity }, "capacity", "a whole number, at least 1", "Infinity"],
    [{ strategy: "drop" }, "strategy", '"suspend" or "dropping" or "sliding" or "shedding"', '"drop"'],
    [{ shedding: "1 second" }, "shedding", "an object with `target` and `interval`", '"1 second"'],
    [{ shedding: { target: 0 } }, "shedding.target", "a finite duration above zero", "0"],
    [{ shedding: {} }, "strategy", '"shedding" where `shedding` is set', '"suspend"'],
    [{ shedding: { target: 50 }, strategy: "sliding" }, "strategy", '"shedding" where `shedding` is set', '"sliding"'],
    [{ timeout: 0 }, "timeout", "a finite duration above zero", "0"],
    [{ timeout: -1 }, "timeout", "a finite duration above zero", "-1"],
    [{ timeout: Infinity }, "timeout", "a finite duration above zero", "Infinity"],
    [{ timeout: "soon" }, "timeout", "a finite duration above zero", '"soon"'],
    [{ expiresIn: 0 }, "expiresIn", "a finite duration above zero", "0"],
    [{ retry: 3 }, "retry", 'a RetryPolicy, a Schedule or "none"', "3"],
    [{ scalingInterval: 0 }, "scalingInterval", "a finite duration above zero", "0"],
    [{ interruptGrace: 0 }, "interruptGrace", "a finite duration above zero", "0"],
    [{ drainDeadline: -1 }, "drainDeadline", "a finite duration, at least zero", "-1"],
    [{ drainGrace: 0 }, "drainGrace", "a finite duration above zero", "0"],
    [{ maxStuckWorkers: -1 }, "maxStuckWorkers", "a whole number, at least 0", "-1"],
    [{ deadLetters: 0.5 }, "deadLetters", "a whole number, at least 0", "0.5"],
    [{ decisions: -1 }, "decisions", "a whole number, at least 0", "-1"]
  ])("%j is refused", (options, field, expected, actual) => {
    const error = refusal(options)
    assert.deepInclude(error, { _tag: "InvalidPoolConfig", field, expected, actual })
    assert.strictEqual(error?.message, `Expected \`${field}\` to be ${expected}, got ${actual}`)
  })

  it.each<[object, string]>([
    [{ times: -1 }, "retry.times"],
    [{ times: 1.5 }, "retry.times"],
    [{ times: 1, base: -1 }, "retry.base"],
    [{ times: 1, base: "soon" }, "retry.base"],
    [{ times: 1, base: Number.NaN }, "retry.base"],
    [{ times: 1, base: {} }, "retry.base"],
    [{ times: 1, factor: 0.5 }, "retry.factor"],
    [{ times: 1, factor: Number.NaN }, "retry.factor"],
    [{ times: 1, cap: Infinity }, "retry.cap"],
    [{ times: 1, jitter: "some" }, "retry.jitter"],
    [{ times: 1, delay: 300 }, "retry.delay"]
  ])("a retry policy of %j is refused by its field", (options, field) => {
    assert.strictEqual(refusal({ retry: RetryPolicy.make(options as RetryPolicy.Options) })?.field, field)
  })
})

describe("PoolConfig.config", () => {
  const read = (env: Record<string, string>) =>
    PoolConfig.config.pipe(
      Effect.flatMap((options) => Effect.fromResult(PoolConfig.make(options))),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
    )

  it.effect("an empty environment is the documented table", () =>
    Effect.map(read({}), (config) => assert.deepStrictEqual(config, defaults as any))
  )

  it.effect("each field can be set", () =>
    Effect.gen(function* () {
      const config = yield* read({
        WORKER_POOL_NAME: "env",
        WORKER_POOL_MIN_WORKERS: "2",
        WORKER_POOL_MAX_WORKERS: "5",
        WORKER_POOL_CAPACITY: "unbounded",
        WORKER_POOL_STRATEGY: "sliding",
        WORKER_POOL_TIMEOUT: "2 seconds",
        WORKER_POOL_EXPIRES_IN: "none",
        WORKER_POOL_SCALING_INTERVAL: "3 seconds",
        WORKER_POOL_INTERRUPT_GRACE: "4 seconds",
        WORKER_POOL_DRAIN_DEADLINE: "5 seconds",
        WORKER_POOL_DRAIN_GRACE: "6 seconds",
        WORKER_POOL_MAX_STUCK_WORKERS: "7",
        WORKER_POOL_DEAD_LETTERS: "8",
        WORKER_POOL_DECISIONS: "9",
        WORKER_POOL_ID_PREFIX: "e-"
      })
      assert.deepStrictEqual(config, {
        name: "env",
        idPrefix: "e-",
        minWorkers: 2,
        maxWorkers: 5,
        capacity: Infinity,
        strategy: "sliding",
        policy: { ...defaults.policy, timeoutMillis: 2000 },
        scalingIntervalMillis: 3000,
        interruptGraceMillis: 4000,
        drainDeadlineMillis: 5000,
        drainGraceMillis: 6000,
        maxStuckWorkers: 7,
        deadLetters: 8,
        decisions: 9,
        inherit: [],
        discipline: defaults.discipline as never,
        retryBudget: undefined,
        breaker: undefined,
        maxScheduled: Infinity
      })
    })
  )

  it.effect.each<[string, string, string]>([
    ["WORKER_POOL_MIN_WORKERS", "-1", "minWorkers"],
    ["WORKER_POOL_CAPACITY", "0", "capacity"],
    ["WORKER_POOL_TIMEOUT", "soon", "timeout"],
    ["WORKER_POOL_DRAIN_GRACE", "0 seconds", "drainGrace"]
  ])("%s=%s goes through the same checks as an option", ([name, value, field]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ [name]: value }))
      assert.deepInclude(error, { _tag: "InvalidPoolConfig", field })
    })
  )

  it.effect.each<[string, string]>([
    ["WORKER_POOL_MIN_WORKERS", "many"],
    ["WORKER_POOL_CAPACITY", "huge"],
    ["WORKER_POOL_STRATEGY", "drop"]
  ])("%s=%s is refused, and the variable is named", ([name, value]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ [name]: value }))
      assert.include(String(error), name.replace("WORKER_POOL_", ""))
    })
  )
})
