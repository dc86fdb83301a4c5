/** A limit that others share, counted in memory: what a process asks for, when, and what waits meanwhile. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, type Duration, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as Limit from "../src/Limit.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as SharedLimit from "../src/SharedLimit.ts"
import { type Bench, state, withPool } from "./support/bench.ts"

/** A store in memory that notes what it is asked for, and can be away. */
class Store {
  /** `"100 3 key"`: three tokens at that instant; `"100 3 key no"`: it had not as many. */
  readonly log: Array<string> = []
  /** `"fails"`, `"silent"`; of bugs, `"dies"` and `"throws"`; `"interrupts"`: whoever was to answer is stopped. */
  away: "fails" | "silent" | "dies" | "throws" | "interrupts" | undefined
  /** How long it takes to answer. */
  millis = 0
  private readonly limiter: RateLimiter.RateLimiter

  constructor(limiter: RateLimiter.RateLimiter) {
    this.limiter = limiter
  }

  get service(): RateLimiter.RateLimiter {
    return {
      ...this.limiter,
      consume: (options) => {
        if (this.away === "throws") throw new Error("a bug")
        return Effect.gen({ self: this }, function* () {
          const at = yield* Clock.currentTimeMillis
          const line = `${at} ${options.tokens} ${options.key}`
          if (this.away !== undefined) {
            this.log.push(`${line} away`)
            if (this.away === "silent") return yield* Effect.never
            if (this.away === "dies") return yield* Effect.die("a bug")
            if (this.away === "interrupts") return yield* Effect.interrupt
            const reason = new RateLimiter.RateLimitStoreError({ message: "gone" })
            return yield* Effect.fail(new RateLimiter.RateLimiterError({ reason }))
          }
          if (this.millis > 0) yield* Effect.sleep(this.millis)
          const nth = this.log.push(line) - 1
          return yield* Effect.tapError(this.limiter.consume(options), () =>
            Effect.sync(() => (this.log[nth] += " no"))
          )
        })
      }
    }
  }
}

const memory = RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))
const makeStore = Effect.map(
  Layer.build(Layer.fresh(memory)),
  (context) => new Store(context.mapUnsafe.get(RateLimiter.RateLimiter.key))
)
const sharing = (store: Store, options: Partial<SharedLimit.Options> = {}) =>
  SharedLimit.make({ name: "api", limit: 10, window: "1 second", ...options }).pipe(
    Effect.provideService(RateLimiter.RateLimiter, store.service)
  )

const testOf = (
  options: Partial<SharedLimit.Options>,
  test: (bench: Bench, store: Store) => Effect.Effect<unknown, unknown>,
  pool: ElasticPool.Options = {}
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* makeStore
      const limit = yield* sharing(store, options)
      yield* withPool({ minWorkers: 16, ...pool, limits: [limit] })((bench) => test(bench, store))
    })
  )

/** The clock moves, and whatever then asks has had its answers. */
const advance = (duration: Duration.Input) =>
  Effect.andThen(TestClock.adjust(duration), Effect.repeat(TestClock.adjust(0), { times: 20 }))

/** All of them wait before anybody asks. */
const submitAll = (bench: Bench, count: number, of = "n") =>
  Effect.gen(function* () {
    yield* bench.pool.pause
    yield* Effect.forEach(
      Array.from({ length: count }, (_, at) => `${of}${at}`),
      (id) => bench.submit(id)
    )
    yield* bench.pool.resume
  })
/** When bodies began, by the start of their ids. */
const starts = (bench: Bench, of = "") =>
  bench.log.flatMap((line) => {
    const [at, id, what] = line.split(" ")
    return what === "start" && id!.startsWith(of) ? [Number(at)] : []
  })
const limitOf = (bench: Bench) => Effect.map(bench.pool.snapshot, ({ limits }) => limits["api"]!)

describe("a limit that others share", () => {
  it.effect("lets as many start in each window as the store allows, and asks again when that says", () =>
    testOf({ lease: 4 }, (bench, store) =>
      Effect.gen(function* () {
        yield* submitAll(bench, 25)
        yield* advance(0)
        assert.deepStrictEqual(
          starts(bench),
          Array.from({ length: 10 }, () => 0)
        )
        assert.deepInclude(yield* limitOf(bench), { started: 10, heldBack: 15, concurrency: Infinity })
        const asked = store.log.length
        yield* advance(999)
        assert.deepStrictEqual([starts(bench).length, store.log.length], [10, asked])
        yield* advance(1)
        assert.deepStrictEqual(
          starts(bench).slice(10),
          Array.from({ length: 10 }, () => 1000)
        )
        yield* advance(1000)
        assert.deepStrictEqual(
          starts(bench).slice(20),
          Array.from({ length: 5 }, () => 2000)
        )
        assert.deepInclude(yield* limitOf(bench), { started: 25, heldBack: 0 })
      })
    )
  )

  it.effect("lets them start evenly where the store counts so", () =>
    testOf({ algorithm: "token-bucket", lease: 1 }, (bench) =>
      Effect.gen(function* () {
        yield* submitAll(bench, 15)
        yield* advance(0)
        for (let tenth = 0; tenth < 4; tenth++) yield* advance(100)
        yield* advance(99)
        assert.strictEqual(starts(bench).length, 14)
        yield* advance(1)
        assert.deepStrictEqual(starts(bench).slice(9), [0, 100, 200, 300, 400, 500])
      })
    )
  )

  it.effect("waits for as many as were wanted, and asks for none of them in between", () =>
    testOf({ algorithm: "token-bucket", lease: 4 }, (bench, store) =>
      Effect.gen(function* () {
        yield* submitAll(bench, 18)
        yield* advance(0)
        const asked = store.log.length
        yield* advance(399)
        assert.deepStrictEqual([starts(bench).length, store.log.length], [10, asked])
        yield* advance(1)
        assert.strictEqual(starts(bench).length, 14)
      })
    )
  )

  it.effect("two pools together start no more than that, and lose nothing", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const store = yield* makeStore
        store.millis = 1
        // As in two processes: of the limit they share nothing but the store.
        const [one, two] = [yield* sharing(store), yield* sharing(store)]
        yield* withPool({ limits: [one] })((first) =>
          withPool({ limits: [two] })((second) =>
            Effect.gen(function* () {
              yield* submitAll(first, 100)
              yield* submitAll(second, 100)
              for (let at = 0; at < 10_000; at += 2) yield* TestClock.adjust(2)
              const all = [...starts(first), ...starts(second)]
              for (let window = 0; window < 10; window++)
                assert.strictEqual(all.filter((at) => Math.floor(at / 1000) === window).length, 10, `${window}`)
              for (const bench of [first, second]) assert.isAbove(starts(bench).length, 30)
            })
          )
        )
      })
    )
  )

  it.effect("asks for as many as wait, and has none in hand for a request that does not come", () =>
    testOf({ limit: 100, lease: 10 }, (bench, store) =>
      Effect.gen(function* () {
        for (let second = 0; second < 3; second++) {
          yield* bench.execute(`a${second}`)
          yield* advance("1 second")
        }
        assert.deepStrictEqual(store.log, ["0 1 api", "1000 1 api", "2000 1 api"])
        yield* submitAll(bench, 7)
        yield* advance(0)
        assert.strictEqual(store.log[3], "3000 7 api")
        assert.strictEqual(store.log.length, 4)
      })
    )
  )

  it.effect("asks ahead when half a lease is used and more wait: a slow store holds nothing up", () =>
    testOf(
      { limit: 1000, lease: 10 },
      (bench, store) =>
        Effect.gen(function* () {
          store.millis = 4
          for (let n = 0; n < 100; n++) bench.on(`n${n}`, Effect.as(Effect.sleep(1), ""))
          yield* submitAll(bench, 100)
          // One worker, a millisecond each: the first lease is waited for, no other.
          yield* advance(3)
          assert.deepStrictEqual(starts(bench), [])
          yield* advance(101)
          assert.deepStrictEqual(
            starts(bench),
            Array.from({ length: 100 }, (_, at) => 4 + at)
          )
          // Never is more than a lease in hand.
          let leased = 0
          for (const line of store.log) {
            const [asked, tokens] = line.split(" ").map(Number)
            leased += tokens!
            const started = starts(bench).filter((at) => at <= asked! + store.millis).length
            assert.isAtMost(leased - started, 10, line)
          }
        }),
      { minWorkers: 1 }
    )
  )

  it.effect("a load without a queue soon has leases that fit its rate", () =>
    testOf({ limit: 100, lease: 20 }, (bench, store) =>
      Effect.gen(function* () {
        // Half of the rate.
        for (let n = 0; n < 200; n++) {
          yield* bench.submit(`n${n}`)
          yield* advance(20)
        }
        assert.strictEqual(starts(bench).length, 200)
        const tokens = store.log.map((line) => Number(line.split(" ")[1]))
        assert.deepStrictEqual(tokens.slice(0, 4), [1, 2, 4, 8])
        assert.isTrue(
          tokens.slice(5).every((asked) => asked >= 9 && asked <= 11),
          tokens.join(" ")
        )
      })
    )
  )

  it.effect("what waits behind busy workers beyond what is in hand is held back", () =>
    testOf(
      { lease: 4 },
      (bench) =>
        Effect.gen(function* () {
          bench.on("n0", Effect.as(Effect.sleep(100), ""))
          yield* submitAll(bench, 10)
          yield* advance(0)
          assert.deepInclude(yield* bench.pool.snapshot, { running: 1, waiting: 9, heldBack: 6 })
        }),
      { minWorkers: 1, maxWorkers: 1 }
    )
  )

  it.effect("takes what is left where there is less than a lease", () =>
    testOf({ lease: 8 }, (bench, store) =>
      Effect.gen(function* () {
        yield* submitAll(bench, 20)
        yield* advance(0)
        assert.deepStrictEqual(store.log, [
          "0 8 api",
          "0 8 api no",
          "0 4 api no",
          "0 2 api",
          "0 8 api no",
          "0 4 api no",
          "0 2 api no",
          "0 1 api no"
        ])
        assert.strictEqual(starts(bench).length, 10)
      })
    )
  )

  it.effect("counts each key for itself, and holds up no other", () =>
    testOf(
      { per: "key", limit: 2, key: "vendor" },
      (bench, store) =>
        Effect.gen(function* () {
          for (const key of ["a", "b"]) for (let n = 0; n < 5; n++) yield* bench.submit(`${key}${n}`, { key })
          yield* advance(0)
          assert.deepStrictEqual([starts(bench, "a").length, starts(bench, "b").length], [2, 2])
          assert.isTrue(
            store.log.every((line) => / vendor:[ab]( no)?$/.test(line)),
            store.log.join("\n")
          )
          yield* advance(1000)
          assert.deepStrictEqual([starts(bench, "a").length, starts(bench, "b").length], [4, 4])
        }),
      { key: (_, payload) => (payload as { readonly id: string }).id[0] }
    )
  )

  it.effect("applies to its tags alone, and stands beside other limits", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const store = yield* makeStore
        const other = yield* sharing(store, { tags: ["run"] })
        const rate = Limit.make({ name: "rate", rate: { limit: 1, period: 100 } })
        const shared = yield* sharing(store, { name: "shared" })
        yield* withPool({ limits: [other, rate, shared] })((bench) =>
          Effect.gen(function* () {
            yield* submitAll(bench, 3)
            yield* advance(200)
            assert.deepStrictEqual(starts(bench), [0, 100, 200])
            assert.isTrue(store.log.every((line) => line.endsWith("shared")))
          })
        )
      })
    )
  )

  it.effect("a pause of it asks for nothing, and what is resumed asks", () =>
    testOf({}, (bench, store) =>
      Effect.gen(function* () {
        yield* bench.pool.pauseOnly({ limit: "api" })
        yield* submitAll(bench, 3)
        yield* advance("1 minute")
        assert.deepStrictEqual(store.log, [])
        yield* bench.pool.resumeOnly({ limit: "api" })
        yield* advance(0)
        assert.strictEqual(starts(bench).length, 3)
      })
    )
  )

  it.effect("a request within a request waits for it, and then runs in the slot of its caller", () =>
    testOf(
      { limit: 1 },
      (bench) =>
        Effect.gen(function* () {
          bench.on("outer", Effect.orDie(bench.execute("inner")))
          const outer = yield* bench.call("outer")
          yield* advance(999)
          assert.deepStrictEqual(bench.log, ["0 outer1 start"])
          yield* advance(1)
          assert.deepStrictEqual(bench.log.slice(1), [
            "1000 inner1 start",
            "1000 inner1 success",
            "1000 outer1 success"
          ])
          assert.strictEqual(state(outer), "success")
        }),
      { minWorkers: 1, maxWorkers: 1 }
    )
  )

  it.effect("a key that comes back knows when it may ask again, and what is forgotten leaves nothing behind", () =>
    testOf(
      { per: "key", limit: 1 },
      (bench, store) =>
        Effect.gen(function* () {
          yield* bench.execute("a", { key: "a" })
          yield* bench.submit("a", { key: "a", expiresIn: 100 })
          yield* advance(100)
          assert.deepStrictEqual(store.log, ["0 1 api:a", "0 1 api:a no"])
          // Others come and go, which lets the queue forget what it can.
          for (let n = 0; n < 50; n++) yield* bench.execute("b", { key: `b${n}` })
          yield* bench.submit("a", { key: "a" })
          yield* advance(899)
          assert.isFalse(
            store.log.slice(2).some((line) => line.includes("api:a")),
            store.log.join("\n")
          )
          yield* advance(1)
          assert.strictEqual(starts(bench, "a").at(-1), 1000)
          for (let n = 0; n < 500; n++) {
            yield* advance(0)
            yield* bench.execute("c", { key: `c${n}` })
          }
          assert.isBelow((yield* limitOf(bench)).gates, 10)
        }),
      { key: () => undefined }
    )
  )

  it.effect("a retry takes one more", () =>
    testOf({ limit: 2, lease: 1 }, (bench) =>
      Effect.gen(function* () {
        bench.on("n0", (attempt) => (attempt < 3 ? Effect.fail("no") : Effect.succeed("")))
        yield* bench.submit("n0", { retry: RetryPolicy.make({ times: 5, base: 0 }) })
        yield* advance(2000)
        assert.deepStrictEqual(starts(bench), [0, 1, 1000])
      })
    )
  )
})

describe("while the store is away", () => {
  it.effect("nothing starts; it is said once, and the store is asked later and later", () =>
    Effect.suspend(() => {
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message).split(",")[0]!))
      return testOf({}, (bench, store) =>
        Effect.gen(function* () {
          store.away = "fails"
          yield* submitAll(bench, 3)
          yield* advance(0)
          for (const millis of [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) yield* advance(millis)
          yield* advance(7300)
          assert.deepStrictEqual(
            store.log.map((line) => Number(line.split(" ")[0])),
            [0, 100, 300, 700, 1500, 3100, 6300, 12_700, 22_700, 32_700]
          )
          assert.deepStrictEqual(starts(bench), [])
          assert.deepInclude(yield* bench.pool.snapshot, { heldBack: 3, waiting: 3 })
          store.away = undefined
          yield* advance(2700)
          assert.deepStrictEqual(starts(bench), [42_700, 42_700, 42_700])
          assert.deepStrictEqual(said, [
            "The store of limit api is away: until it is back nothing that it limits starts",
            "The store of limit api is back"
          ])
        })
      ).pipe(Effect.provide(Logger.layer([logger])))
    })
  )

  it.effect("of those that wait at its many gates one finds out whether it is back", () =>
    testOf({ per: "key", timeout: 500 }, (bench, store) =>
      Effect.gen(function* () {
        store.away = "silent"
        yield* bench.submit("a", { key: "a" })
        yield* advance(500)
        for (const key of ["b", "c"]) yield* bench.submit(key, { key })
        yield* advance(99)
        assert.deepStrictEqual(store.log, ["0 1 api:a away"])
        yield* advance(1)
        assert.strictEqual(store.log.length, 2)
        store.away = undefined
        for (let tenth = 0; tenth < 7; tenth++) yield* advance(100)
        assert.strictEqual(starts(bench).length, 3)
      })
    )
  )

  it.effect.each(["silent", "dies", "throws", "interrupts"] as const)(
    "what is in hand is used, and one that %s is away too",
    (away) =>
      testOf({ limit: 100, lease: 10 }, (bench, store) =>
        Effect.gen(function* () {
          // Two start now, which makes the next lease one of four.
          yield* submitAll(bench, 2)
          yield* advance(0)
          yield* submitAll(bench, 1)
          yield* advance(0)
          assert.strictEqual(starts(bench).length, 3)
          store.away = away
          yield* submitAll(bench, 5)
          yield* advance(0)
          assert.strictEqual(starts(bench).length, 6)
          // A silent one has a second for its answer.
          store.away = undefined
          yield* advance(away === "silent" ? 999 : 99)
          assert.strictEqual(starts(bench).length, 6)
          yield* advance(away === "silent" ? 101 : 1)
          assert.strictEqual(starts(bench).length, 8)
        })
      )
  )

  it.effect("a process that may starts as if it were alone, and shares again once the store is back", () =>
    testOf({ whenAway: "allow" }, (bench, store) =>
      Effect.gen(function* () {
        store.away = "fails"
        yield* submitAll(bench, 100)
        yield* advance(0)
        for (let second = 0; second < 2; second++) yield* advance(1000)
        assert.deepStrictEqual(
          starts(bench),
          [0, 1000, 2000].flatMap((at) => Array.from({ length: 10 }, () => at))
        )
        store.away = undefined
        const asked = store.log.length
        yield* advance(1000)
        assert.isAbove(store.log.length, asked)
        assert.strictEqual(starts(bench).length, 40)
      })
    )
  )
})

describe("the end of a shared limit", () => {
  it.effect("a drain starts what the store allows until its deadline, and interrupts the others then", () =>
    testOf({}, (bench) =>
      Effect.gen(function* () {
        yield* submitAll(bench, 50)
        yield* advance(0)
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: "2500 millis" }), { startImmediately: true })
        for (let tenth = 0; tenth < 24; tenth++) yield* advance(100)
        yield* advance(99)
        assert.deepInclude(yield* bench.pool.snapshot, { state: "draining", succeeded: 30, waiting: 20 })
        yield* advance(1)
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", succeeded: 30, interrupted: 20, waiting: 0 })
        assert.deepInclude(yield* Fiber.join(drain), { forced: true })
      })
    )
  )

  it.effect("a drain without a silent store's answer ends at its deadline", () =>
    testOf({}, (bench, store) =>
      Effect.gen(function* () {
        store.away = "silent"
        yield* submitAll(bench, 3)
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: 500 }), { startImmediately: true })
        yield* advance(499)
        assert.strictEqual(drain.pollUnsafe(), undefined)
        yield* advance(1)
        assert.deepInclude(yield* bench.pool.snapshot, { state: "closed", interrupted: 3 })
        assert.isDefined(drain.pollUnsafe())
      })
    )
  )

  it.effect("once its scope is closed nobody asks the store, and what is in flight is interrupted", () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      const scope = yield* Scope.make()
      const limit = yield* Scope.provide(sharing(store), scope)
      yield* withPool({ limits: [limit] })((bench) =>
        Effect.gen(function* () {
          yield* bench.execute("before")
          store.millis = 50
          yield* submitAll(bench, 1, "flight")
          yield* advance(49)
          yield* Scope.close(scope, Exit.void)
          const asked = store.log.length
          yield* submitAll(bench, 3, "after")
          yield* advance("1 minute")
          assert.deepStrictEqual([starts(bench).length, store.log.length], [1, asked])
          assert.deepInclude(yield* bench.pool.snapshot, { waiting: 4, heldBack: 4 })
        })
      )
    }).pipe(Effect.scoped)
  )
})

describe("the options of a shared limit", () => {
  it.effect("are checked where a pool is given it", () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      for (const [options, field] of [
        [{ name: "" }, "limits.name"],
        [{ key: "" }, "limits.api.key"],
        [{ limit: 0 }, "limits.api.limit"],
        [{ limit: 1.5 }, "limits.api.limit"],
        [{ window: 0 }, "limits.api.window"],
        [{ window: "soon" as never }, "limits.api.window"],
        [{ lease: 0 }, "limits.api.lease"],
        [{ lease: 11 }, "limits.api.lease"],
        [{ algorithm: "sliding" as never }, "limits.api.algorithm"],
        [{ whenAway: "fail" as never }, "limits.api.whenAway"],
        [{ timeout: Infinity }, "limits.api.timeout"],
        [{ per: "group" as never }, "limits.api.per"],
        [{ tags: "Work" as never }, "limits.api.tags"]
      ] as const) {
        const limit = yield* sharing(store, options)
        const error = yield* Effect.flip(withPool({ limits: [limit] })(() => Effect.void))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field })
        if (field.endsWith("per")) assert.match(error.message, /or a function of tag and payload/)
      }
      for (const none of [null, undefined, "api"]) {
        const limit = yield* SharedLimit.make(none as never).pipe(
          Effect.provideService(RateLimiter.RateLimiter, store.service)
        )
        for (const wrong of [limit, Limit.make(none as never)]) {
          const error = yield* Effect.flip(withPool({ limits: [wrong] })(() => Effect.void))
          assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "limits", expected: "an object" })
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("are nobody's to change, and are told", () =>
    testOf({ lease: 3 }, (bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.pool.setLimit("api", { rate: "none" }))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "limit", actual: '"api"' })
        const { rate } = yield* limitOf(bench)
        assert.deepStrictEqual(rate, { limit: 10, periodMillis: 1000, burst: 10 })
      })
    )
  )
})
