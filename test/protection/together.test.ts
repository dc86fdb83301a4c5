/**
 * What protects a pool, all at once: limits of its own and one that others share, keys, priorities, breakers, a budget for retries, calls for
 * later and of the same identity, groups, batches, and one of the strategies of a full queue. Callers and attempts do what they like, and a
 * drain may come in the middle; the laws hold whatever that is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import {
  type Call,
  CircuitBreaker,
  ElasticPool,
  Handlers,
  Limit,
  NotBefore,
  PoolSnapshot,
  RequestPolicy,
  RetryBudget,
  RetryPolicy
} from "../../src/index.ts"
import * as SharedLimit from "../../src/SharedLimit.ts"
import { type Random, randomOf } from "../support/random.ts"

const payload = { n: Schema.Number }
const Ask = Rpc.make("Ask", { payload, success: Schema.Number, error: Schema.Unknown })
const Mail = Rpc.make("Mail", { payload, success: Schema.Number, error: Schema.Unknown })
const Batched = Mail.annotate(RequestPolicy.RequestPolicy, { batch: { size: 3, within: 10 } })
class Works extends RpcGroup.make(Ask, Mail) {}
class BatchedWorks extends RpcGroup.make(Ask, Batched) {}
const tags = [Ask, Mail]
const keys = ["a", "b", "c"]
const groups = ["g", "h"]
const sequences = Number(process.env["TOGETHER_SEQUENCES"] ?? 60)
const firstSeed = Number(process.env["TOGETHER_SEED"] ?? 1)
const drainDeadline = 300
const drainGrace = 100

/** What runs now, and what must hold of it. */
class Bodies {
  readonly running = { all: 0, Ask: 0, Mail: 0 }
  readonly byKey = new Map<string, number>()

  /** `attempts`: so many of their own it is; of a batch one is. */
  within<A, E, R>(tag: "Ask" | "Mail", key: string, body: Effect.Effect<A, E, R>, attempts = 1) {
    const count = (by: 1 | -1) =>
      Effect.sync(() => {
        this.running.all += by * attempts
        this.running[tag] += by
        this.byKey.set(key, (this.byKey.get(key) ?? 0) + by)
        assert.isAtMost(this.running.Ask, 2, "a limit of two is exceeded")
        if (key !== "") assert.isAtMost(this.byKey.get(key)!, 1, `${key} has two at once`)
      })
    return Effect.acquireUseRelease(
      count(1),
      () => body,
      () => count(-1)
    )
  }
}

const optionsOf = (random: Random, shared: Limit.Limit): ElasticPool.Options => ({
  minWorkers: random.of([1, 3, 8]),
  maxWorkers: 8,
  scaling: "none",
  capacity: random.of([5, 20]),
  ...random.of([
    { strategy: "suspend" },
    { strategy: "dropping" },
    { strategy: "sliding" },
    { strategy: "shedding", shedding: { target: 20, interval: 100 } }
  ] as const),
  timeout: 60,
  drainDeadline,
  drainGrace,
  retry: RetryPolicy.make({ times: 3, base: 10, cap: 50, defects: true }),
  retryBudget: random.of(["none", RetryBudget.make({ ratio: 0, minPerSecond: 1 })] as const),
  breaker: random.of([
    "none",
    ...(["wait", "fail"] as const).flatMap((whenOpen) =>
      (["tag", "key"] as const).map((per) =>
        CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(2), openDuration: 80, per, whenOpen })
      )
    )
  ] as const),
  aging: random.of(["none", 50] as const),
  order: random.of(["fifo", "lifo"] as const),
  maxScheduled: 4,
  limits: [
    Limit.make({ name: "two", concurrency: 2, tags: ["Ask"] }),
    Limit.make({ name: "rate", rate: { limit: 10, period: 100, burst: 3 }, per: "tag" }),
    Limit.serial((_, { n }: { readonly n: number }) => keys[n % 5], { name: "entity" }),
    shared
  ]
})

const callOf = (random: Random): Call.Options => ({
  ...(random.below(2) === 0 && { key: random.of(keys) }),
  ...(random.below(3) === 0 && { priority: random.below(5) - 2 }),
  ...(random.below(4) === 0 && { delay: random.of([0, 5, 40, 500]) }),
  ...(random.below(4) === 0 && { expiresIn: random.of([1, 10, 80]) }),
  ...(random.below(3) === 0 && {
    primaryKey: random.of(["one", "two"]),
    duplicate: random.of(["allow", "join", "reject", "replace", "latest"] as const)
  }),
  ...(random.below(8) === 0 && {
    primaryKey: random.of(["one", "two"]),
    duplicate: random.of(["replace", "latest"] as const),
    debounce: random.of([5, 30]),
    debounceAtMost: 50
  }),
  ...(random.below(3) === 0 && { group: random.of(groups) })
})

const bodyOf = (random: Random): Effect.Effect<number, unknown> =>
  Effect.andThen(
    Effect.sleep(random.of([0, 1, 10, 50, 100])),
    random.of<Effect.Effect<number, unknown>>([
      Effect.succeed(1),
      Effect.succeed(2),
      Effect.succeed(3),
      Effect.fail("no"),
      Effect.die("a bug"),
      Effect.interrupt,
      Effect.fail(NotBefore.of(20, { at: random.of(["key", "tag", "pool", "two"]) }))
    ])
  )

/** The clock moves in small steps, so that the store has its time to answer in each. */
const advance = (millis: number) =>
  Effect.repeat(TestClock.adjust(Math.max(1, millis / 8)), { times: 7 }).pipe(
    Effect.andThen(Effect.repeat(TestClock.adjust(0), { times: 8 }))
  )

const store = RateLimiter.layer.pipe(Layer.provide(Layer.fresh(RateLimiter.layerStoreMemory)))

const runSequence = (seed: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const bodies = new Bodies()
    const limiter = yield* Effect.map(Layer.build(Layer.fresh(store)), (built) =>
      RateLimiter.RateLimiter.of(built.mapUnsafe.get(RateLimiter.RateLimiter.key))
    )
    let away = false
    let leased = 0
    const shared = yield* SharedLimit.make({ name: "shared", limit: 20, window: 200, lease: 5 }).pipe(
      Effect.provideService(RateLimiter.RateLimiter, {
        ...limiter,
        consume: (asked) =>
          away
            ? Effect.die("it is away")
            : Effect.tap(limiter.consume(asked), () => Effect.sync(() => void (leased += asked.tokens!)))
      })
    )
    const handle =
      (tag: "Ask" | "Mail", attempts = 1) =>
      ({ n }: { readonly n: number }) =>
        Effect.suspend(() => bodies.within(tag, keys[n % 5] ?? "", bodyOf(random), attempts)) as Effect.Effect<number>
    const Ask = handle("Ask")
    const inBatches = random.below(2) === 0
    let together = 0
    const mails = Handlers.batched(Batched, (payloads) => {
      if (payloads.length > 1) together++
      const each = Effect.forEach(
        payloads.map((payload, nth) => handle("Mail", nth === 0 ? 1 : 0)(payload)),
        Effect.exit,
        { concurrency: "unbounded" }
      )
      // Some come to nothing.
      return random.of([
        each,
        each,
        each,
        Effect.andThen(each, Effect.die("a bug")),
        Effect.map(each, (exits) => exits.slice(1))
      ])
    })
    const handlers = inBatches
      ? Handlers.layer(BatchedWorks).pipe(Layer.provide(BatchedWorks.toLayer({ Ask, Mail: mails })))
      : Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Ask, Mail: handle("Mail") })))
    const scope = yield* Scope.make()
    const options = optionsOf(random, shared)
    const { pool } = yield* ElasticPool.make(options).pipe(Effect.provide(handlers), Scope.provide(scope))
    const callers: Array<Fiber.Fiber<unknown, unknown>> = []
    const tickets: Array<{ readonly cancel: Effect.Effect<unknown>; readonly ends: () => number }> = []

    const check = (what: string) =>
      Effect.map(pool.snapshot, (snapshot) => {
        const where = `seed ${seed}, after ${what}`
        assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [], where)
        assert.isAtMost(bodies.running.all, 8, where)
        const inHand = leased - snapshot.limits["shared"]!.started
        assert.isTrue(inHand >= 0 && inHand <= 5, `${where}: ${inHand} starts of the store are in hand`)
      })

    /** Of what may start nothing is left beside a worker who has nothing to do, once those that were woken have come. */
    const overlooksNobody = (what: string) =>
      Effect.gen(function* () {
        const left = () =>
          Effect.map(pool.snapshot, ({ heldBack, idle, paused, state, waiting }) =>
            state === "open" && !paused && idle > 0 ? waiting - heldBack : 0
          )
        for (let turns = 0; (yield* left()) > 0 && turns < 50; turns++) yield* TestClock.adjust(0)
        assert.strictEqual(yield* left(), 0, `seed ${seed}, after ${what}: waits beside an idle worker`)
      })

    const submit = Effect.gen(function* () {
      const ticket = yield* pool.submit(random.of(tags), { n: random.below(5) }, callOf(random))
      let ends = 0
      ticket.onEnd(() => void ends++)
      tickets.push({ cancel: ticket.cancel, ends: () => ends })
      return yield* Effect.exit(ticket.await)
    })
    const calls = (count: number) =>
      Effect.repeat(
        Effect.map(Effect.forkChild(Effect.exit(submit), { startImmediately: true }), (caller) => callers.push(caller)),
        { times: count - 1 }
      )
    const acts: ReadonlyArray<readonly [string, () => Effect.Effect<unknown, unknown>]> = [
      ["some calls", () => calls(3)],
      ["many calls", () => calls(8)],
      ["a call", () => calls(1)],
      ["some time", () => advance(random.of([1, 8, 30, 100]))],
      ["a moment", () => advance(1)],
      ["a cancel", () => (tickets.length > 0 ? random.of(tickets).cancel : Effect.void)],
      ["a caller who gives up", () => (callers.length > 0 ? Fiber.interrupt(random.of(callers)) : Effect.void)],
      [
        "a pause",
        () => pool.pauseOnly(random.of([{ limit: "shared" }, { limit: "two" }, { key: "a" }, { tag: "Mail" }]))
      ],
      [
        "a resume",
        () => pool.resumeOnly(random.of([{ limit: "shared" }, { limit: "two" }, { key: "a" }, { tag: "Mail" }]))
      ],
      ["a store that goes or comes", () => Effect.sync(() => void (away = !away))],
      ["another limit", () => pool.setLimit("rate", { rate: { limit: 1 + random.below(20), period: 100 } })],
      ["fewer or more workers", () => pool.resize(random.of([options.minWorkers as number, 8]))],
      ["a group that is given up", () => pool.group(random.of(groups)).cancel],
      [
        "somebody who waits for a group",
        () =>
          Effect.map(Effect.forkChild(pool.group(random.of(groups)).awaitAll, { startImmediately: true }), (waits) =>
            callers.push(waits)
          )
      ],
      [
        "some cancelled",
        () => pool.cancelAll({ key: random.of(keys), phase: random.of(["waiting", "delayed"] as const) })
      ]
    ]

    const drainAt = random.below(150)
    const drain = Effect.forkChild(pool.drain(), { startImmediately: true })
    let drained: Fiber.Fiber<unknown, unknown> | undefined
    for (let step = 0; step < 100; step++) {
      if (step === drainAt) drained = yield* drain
      const [what, act] = random.of(acts)
      yield* act()
      yield* Effect.repeat(TestClock.adjust(0), { times: 4 })
      yield* check(`${what}, step ${step}`)
      yield* overlooksNobody(`${what}, step ${step}`)
    }
    away = random.below(3) === 0
    drained ??= yield* drain
    yield* TestClock.adjust(drainDeadline + drainGrace + 1)
    assert.isDefined(drained.pollUnsafe(), `seed ${seed}: the drain did not return in time`)
    yield* check("the drain")
    yield* Scope.close(scope, Exit.void)
    for (const ticket of tickets) assert.strictEqual(ticket.ends(), 1, `seed ${seed}: not exactly one end`)
    for (const caller of callers) assert.isDefined(caller.pollUnsafe(), `seed ${seed}: a caller still waits`)
    const last = yield* pool.snapshot
    assert.strictEqual(PoolSnapshot.pending(last) + last.blocked, 0, `seed ${seed}: one is left without an end`)
    for (const group of groups) {
      const { blocked, delayed, running, waiting } = yield* pool.group(group).counts
      assert.strictEqual(blocked + delayed + running + waiting, 0, `seed ${seed}: one of group ${group} is left`)
    }
    assert.deepStrictEqual(bodies.running, { all: 0, Ask: 0, Mail: 0 }, `seed ${seed}: a body still runs`)
    return { ...last, together }
  }).pipe(Effect.scoped)

describe("what protects a pool, together", () => {
  it.effect(
    "keeps the laws over random sequences, exceeds no limit, overlooks nobody, and ends",
    () =>
      Effect.gen(function* () {
        const seen = {
          retriesDenied: 0,
          joined: 0,
          refusedDuplicate: 0,
          refusedDraining: 0,
          together: 0,
          shed: 0,
          refusedOpen: 0,
          evicted: 0,
          expired: 0,
          timedOut: 0,
          interrupted: 0,
          succeeded: 0
        }
        for (let seed = firstSeed; seed < firstSeed + sequences; seed++) {
          const last = yield* runSequence(seed)
          for (const what of Object.keys(seen) as Array<keyof typeof seen>) seen[what] += last[what]
        }
        if (sequences < 60) return
        for (const [what, count] of Object.entries(seen)) assert.isAbove(count, 0, `${what} was never seen`)
      }),
    Math.max(30_000, sequences * 400)
  )
})
