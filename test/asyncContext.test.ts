/** Whose request it is, as Node knows it: each attempt runs in the `AsyncLocalStorage` of its own call. */
import { afterEach, assert, describe, it } from "vitest"
import { Effect, Exit, Fiber, Layer, ManagedRuntime, Schedule, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { AsyncLocalStorage } from "node:async_hooks"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { ElasticPool, Handlers, RetryPolicy, ScalingPolicy, WorkerPool } from "../src/index.ts"
import * as Simulation from "../src/Simulation.ts"

const storage = new AsyncLocalStorage<number>()
const user = Effect.sync(() => storage.getStore())
const calls = Array.from({ length: 20 }, (_, at) => at + 1)

const How = Schema.Literals(["at once", "after a sleep", "after a promise", "fails twice", "hangs once", "finalizer"])
const Ask = Rpc.make("Ask", {
  payload: { how: How },
  success: Schema.Array(Schema.UndefinedOr(Schema.Number)),
  error: Schema.Literal("no")
})
class Asks extends RpcGroup.make(Ask) {}

/** Who runs, as seen by each step of each attempt. */
const makeHandler = () => {
  const attempts = new Map<number | undefined, number>()
  const seen: Array<number | undefined> = []
  const handler = (how: typeof How.Type, asker = storage.getStore()) => {
    const first = storage.getStore()
    const attempt = (attempts.get(first) ?? 0) + 1
    attempts.set(first, attempt)
    seen.push(first)
    switch (how) {
      case "at once":
        return Exit.succeed([first])
      case "after a sleep":
        return Effect.sleep(1).pipe(
          Effect.andThen(user),
          Effect.map((then) => [first, then])
        )
      case "after a promise":
        return Effect.promise(() => new Promise((done) => setTimeout(done, 1))).pipe(
          Effect.andThen(user),
          Effect.map((then) => [first, then])
        )
      case "fails twice":
        return Effect.andThen(
          Effect.sleep(1),
          Effect.suspend(() => (attempt < 3 ? Effect.fail("no" as const) : Effect.map(user, (then) => [first, then])))
        )
      case "hangs once":
        return attempt === 1
          ? Effect.onInterrupt(Effect.never, () =>
              Effect.andThen(
                Effect.sleep(1),
                Effect.map(user, (last) => void seen.push(last))
              )
            )
          : Effect.map(user, (then) => [first, then])
      case "finalizer":
        return Effect.sleep(1).pipe(
          Effect.as([asker]),
          Effect.ensuring(Effect.map(user, (last) => void seen.push(last)))
        )
    }
  }
  return { handler, seen }
}

/** Only of what hangs, lest on a busy machine something else be over it. */
const hanging: ElasticPool.Options = { timeout: "20 millis" }

const build = (options: ElasticPool.Options = {}) => {
  const { handler, seen } = makeHandler()
  const handlers = Handlers.layer(Asks).pipe(Layer.provide(Asks.toLayer({ Ask: ({ how }) => handler(how) })))
  const retry = RetryPolicy.make({ times: 3, base: 2 })
  const runtime = ManagedRuntime.make(
    ElasticPool.layer({ maxWorkers: 4, timeout: "20 seconds", retry, ...options }).pipe(Layer.provide(handlers))
  )
  running.push(runtime)
  return { runtime, seen }
}
const running: Array<ManagedRuntime.ManagedRuntime<any, any>> = []
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.dispose()
})

type Pool = WorkerPool.WorkerPool["Service"]
const ways = {
  execute: (pool: Pool, how: typeof How.Type) => pool.execute(Ask, { how }),
  executeCallback: (pool: Pool, how: typeof How.Type) =>
    Effect.callback<ReadonlyArray<number | undefined>, unknown>((resume) => {
      pool.executeCallback(Ask, { how }, (exit) =>
        resume(Exit.isSuccess(exit) ? Exit.succeed([...exit.value, storage.getStore()]) : exit)
      )
    }),
  executePromise: (pool: Pool, how: typeof How.Type) => Effect.promise(() => pool.executePromise(Ask, { how })),
  submit: (pool: Pool, how: typeof How.Type) => Effect.flatMap(pool.submit(Ask, { how }), (ticket) => ticket.await),
  submitUnknown: (pool: Pool, how: typeof How.Type) =>
    Effect.flatMap(pool.submitUnknown("Ask", { how }), (ticket) => ticket.await as Effect.Effect<Array<number>>),
  process: (pool: Pool, how: typeof How.Type) =>
    Effect.flatMap(
      Stream.runCollect(pool.process(Stream.make(WorkerPool.call(Ask, { how })))),
      ([outcome]) => (outcome as any).exit as Exit.Exit<ReadonlyArray<number>>
    )
}

/** All users at once, each in its own storage; what each one's handler and each one itself saw. */
const askAll = (
  runtime: ManagedRuntime.ManagedRuntime<any, any>,
  ask: (pool: Pool) => Effect.Effect<any, any>
): Promise<ReadonlyArray<readonly [user: number, answer: ReadonlyArray<number>, then: number | undefined]>> =>
  Promise.all(
    calls.map((call) =>
      storage.run(call, async () => {
        const [answer, after] = await runtime.runPromise(
          Effect.gen(function* () {
            const pool = yield* WorkerPool.WorkerPool
            return [yield* ask(pool), yield* user] as const
          })
        )
        assert.strictEqual(after, call, "the caller's fiber goes on in its own")
        return [call, answer, storage.getStore()] as const
      })
    )
  )

for (const built of ["before", "within the first call"]) {
  describe(`a pool that was built ${built}`, () => {
    for (const [way, ask] of Object.entries(ways)) {
      for (const how of How.literals) {
        it(`${way}: a handler that answers "${how}" runs in the storage of its own call, in all of its attempts`, async () => {
          const { runtime, seen } = build(how === "hangs once" ? hanging : {})
          if (built === "before") await runtime.runPromise(WorkerPool.WorkerPool)
          for (const [call, answer, then] of await askAll(runtime, (pool) => ask(pool, how))) {
            assert.deepStrictEqual(
              answer,
              answer.map(() => call)
            )
            assert.strictEqual(then, call)
          }
          const times = { "fails twice": 3, "hangs once": 3, finalizer: 2 } as Record<string, number>
          for (const call of calls) {
            assert.strictEqual(seen.filter((one) => one === call).length, times[how] ?? 1, `of user ${call}`)
          }
        })
      }
    }
  })
}

describe("run", () => {
  for (const maxWorkers of [1, 4]) {
    it(`200 effects run in the storages of their callers, on at most ${maxWorkers} workers`, async () => {
      const { runtime } = build({ maxWorkers })
      const foreign = await Promise.all(
        Array.from({ length: 200 }, (_, at) =>
          storage
            .run(at, () =>
              runtime.runPromise(
                Effect.flatMap(WorkerPool.WorkerPool, (pool) =>
                  pool.run(Effect.zipWith(user, Effect.andThen(Effect.sleep(1), user), (a, b) => [a, b]))
                )
              )
            )
            .then((seen) => seen.filter((one) => one !== at))
        )
      )
      assert.deepStrictEqual(foreign.flat(), [])
    })
  }

  it("a request within a request runs in the storage of its handler, though it begins before that has suspended", async () => {
    const { runtime } = build({ maxWorkers: 1 })
    const nested = Effect.flatMap(WorkerPool.WorkerPool, (pool) =>
      pool.run(
        Effect.all([
          Effect.flatMap(pool.execute(Ask, { how: "at once" }), ([at]) => Effect.succeed(at)),
          pool.run(Effect.andThen(Effect.yieldNow, user))
        ])
      )
    )
    const seen = await Promise.all(calls.map((call) => storage.run(call, () => runtime.runPromise(nested))))
    assert.deepStrictEqual(
      seen,
      calls.map((call) => [call, call])
    )
  })

  it("a request of nobody's runs in nobody's storage, on a worker that somebody's call has started", async () => {
    const { runtime } = build({ maxWorkers: 1 })
    const who = Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.run(Effect.andThen(Effect.yieldNow, user)))
    assert.strictEqual(await storage.run(7, () => runtime.runPromise(who)), 7)
    assert.strictEqual(await storage.exit(() => runtime.runPromise(who)), undefined)
    assert.strictEqual(await storage.run(8, () => runtime.runPromise(who)), 8)
  })

  it("a handler that enters another storage takes nobody with it", async () => {
    const { runtime } = build({ maxWorkers: 1 })
    const enter = Effect.sync(() => storage.enterWith(99))
    const run = (effect: Effect.Effect<unknown>) =>
      runtime.runPromise(Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.run(effect)))
    const [first, second, third] = await Promise.all([
      storage.run(1, () => run(enter).then(() => storage.getStore())),
      storage.run(2, () => run(user)),
      storage.run(3, () => run(Effect.andThen(Effect.yieldNow, user)))
    ])
    assert.deepStrictEqual([first, second, third], [1, 2, 3])
  })

  it("an attempt that is cancelled on its way into its storage does not run", async () => {
    const { runtime } = build({ maxWorkers: 1 })
    const ran: Array<unknown> = []
    await runtime.runPromise(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.WorkerPool
        yield* pool.run(Effect.sleep(1))
        const caller = yield* Effect.sync(() =>
          storage.run(5, () => Effect.runFork(pool.run(Effect.sync(() => ran.push(storage.getStore())))))
        )
        yield* Fiber.interrupt(caller)
        yield* Effect.sleep(5)
        const { cancelled, succeeded } = yield* pool.snapshot
        assert.deepStrictEqual({ cancelled, succeeded, ran }, { cancelled: 1, succeeded: 1, ran: [] })
      })
    )
  })
})

describe("whatever decides about a request", () => {
  it("retries of requests that fail at once are decided in their own storages, though one worker runs them all", async () => {
    const { runtime } = build({ maxWorkers: 1 })
    const decided: Array<readonly [number, number | undefined]> = []
    const pool = await runtime.runPromise(WorkerPool.WorkerPool)
    const first = storage.run(0, () => runtime.runPromise(pool.run(Effect.sleep(2))))
    await Promise.all(
      calls.map((call) =>
        storage.run(call, () => {
          const note = () => {
            decided.push([call, storage.getStore()])
            return true
          }
          const retry = RetryPolicy.make({ times: 1, base: 1, failures: note, delay: () => void note() })
          return runtime.runPromise(Effect.exit(pool.run(Effect.fail("no"), { retry })))
        })
      )
    )
    await first
    assert.isAtLeast(decided.length, 2 * calls.length)
    assert.deepStrictEqual(
      decided.filter(([call, store]) => call !== store),
      []
    )
  })

  it("a request that evicts another one keeps its storage, whatever the other's caller does then", async () => {
    const { runtime } = build({ maxWorkers: 2, capacity: 1, strategy: "sliding", scaling: "none" })
    const pool = await runtime.runPromise(WorkerPool.WorkerPool)
    const user = Effect.sync(() => storage.getStore())
    const run = (call: number, effect: Effect.Effect<unknown, any>) =>
      storage.run(call, () => runtime.runPromise(effect))
    const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow = run(1, pool.run(Effect.promise(() => (begun.resolve(), over.promise))))
    await begun.promise
    const evicted = run(2, Effect.andThen(Effect.exit(pool.run(user)), pool.resize(2)))
    assert.strictEqual(await run(3, pool.run(user)), 3)
    over.resolve()
    await Promise.all([slow, evicted])
  })

  it("a policy decides in nobody's storage, though the pool was built in somebody's", async () => {
    const seen: Array<unknown> = []
    const scaling = ScalingPolicy.make("nosy", ({ target }) => {
      seen.push(storage.getStore())
      return target
    })
    const { runtime } = build({ scaling, scalingInterval: 5, timeout: "none" })
    await storage.run(1, () =>
      runtime.runPromise(Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.run(Effect.sleep(50))))
    )
    assert.isAbove(seen.length, 0)
    assert.deepStrictEqual([...new Set(seen)], [undefined])
  })

  it("hosts that keep stores without frames do so as well", async () => {
    const program = fileURLToPath(new URL("support/asyncContextProgram.ts", import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, ["--no-async-context-frame", program])
    assert.deepStrictEqual(JSON.parse(stdout), { answers: [null, null, null, null], after: "caller" })
  })
})

describe("a simulation", () => {
  it("comes to the same within a storage as without one", async () => {
    const run = () =>
      Effect.runPromise(
        Simulation.run({
          pool: { maxWorkers: 100 },
          arrivals: Simulation.Arrivals.step(100, 500, 10_000),
          service: Simulation.ServiceTimes.exponential(100),
          duration: "20 seconds"
        })
      )
    const within = await storage.run(1, run)
    assert.deepStrictEqual(within, await run())
    assert.isAbove(within.completed, 100)
  })
})

describe("tickets", () => {
  it("a listener of a ticket hears in the storage in which it was added", async () => {
    const { runtime } = build()
    const heard = await Promise.all(
      calls.map((call) =>
        runtime.runPromise(
          Effect.gen(function* () {
            const pool = yield* WorkerPool.WorkerPool
            const ticket = yield* pool.submit(Ask, { how: "after a sleep" })
            return yield* Effect.promise(
              () =>
                new Promise((resume) => storage.run(call, () => ticket.onEnd(() => resume([call, storage.getStore()]))))
            )
          })
        )
      )
    )
    assert.deepStrictEqual(
      heard,
      calls.map((call) => [call, call])
    )
  })

  it("a request that is sent again runs in the storage of whoever sends it", async () => {
    const { runtime, seen } = build({ retry: "none" })
    const pool = await runtime.runPromise(WorkerPool.WorkerPool)
    const failed = await storage.run(1, () =>
      runtime.runPromise(
        Effect.flatMap(pool.submit(Ask, { how: "fails twice" }), (ticket) =>
          Effect.as(Effect.exit(ticket.await), ticket.id)
        )
      )
    )
    await storage.run(2, () =>
      runtime.runPromise(Effect.flatMap(pool.deadLetters.resubmit(failed), (ticket) => ticket.outcome))
    )
    assert.deepStrictEqual(seen, [1, 2])
  })

  it("a retry is decided in the storage of its request", async () => {
    const decided: Array<unknown> = []
    const retry = RetryPolicy.make({
      times: 2,
      base: 1,
      failures: () => {
        decided.push(storage.getStore())
        return true
      }
    })
    const { runtime } = build({ retry })
    await askAll(runtime, (pool) => pool.execute(Ask, { how: "fails twice" }))
    for (const call of calls) assert.strictEqual(decided.filter((one) => one === call).length, 2)
    const asked: Array<unknown> = []
    const schedule = Schedule.recurs(1).pipe(
      Schedule.while(() => Effect.sync(() => asked.push(storage.getStore()) > 0))
    )
    await askAll(build(hanging).runtime, (pool) => pool.execute(Ask, { how: "hangs once" }, { retry: schedule }))
    for (const call of calls) assert.strictEqual(asked.filter((one) => one === call).length, 1)
  })
})
