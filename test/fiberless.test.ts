/** Callers that have no fiber: a callback or a promise hears of the end, as `execute` would tell it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Option, Schema, Tracer } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { AsyncLocalStorage } from "node:async_hooks"
import { ElasticPool, Handlers, PoolError, RetryPolicy, WorkerPool } from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"
import { type Bench, show, slowly, withPool, Work } from "./support/bench.ts"

const retry = RetryPolicy.make({ times: 2, base: 0, jitter: "none" })

/** What a call has come to by now. */
class Heard {
  readonly all: Array<string> = []
  readonly cancel: () => void

  constructor({ pool }: Bench, id: string, options?: Parameters<Bench["execute"]>[1]) {
    this.cancel = pool.executeCallback(Work, { id }, (exit) => this.all.push(show(exit)), options)
  }
}

/** The same of a promise: the tag of its error, or the error. */
const promised = (promise: Promise<unknown>) => {
  const heard: Array<unknown> = []
  promise.then(
    () => heard.push("success"),
    (error) => heard.push(error?._tag ?? error)
  )
  return heard
}
/** Until what was called back by a promise has run. */
const settled = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

describe("a callback", () => {
  it.effect("hears once, in the step that ends its request, what `execute` would give", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        bench.on("b", Effect.fail("no"))
        bench.on("c", Effect.die("bug"))
        const a = new Heard(bench, "a")
        const b = new Heard(bench, "b")
        const c = new Heard(bench, "c")
        yield* TestClock.adjust(9)
        assert.deepStrictEqual(a.all, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([a.all, b.all, c.all], [["success"], ["failure"], ["defect"]])
      })
    )
  )

  it.effect("hears of timeouts and of expiry at their instants, and of retries only the end", () =>
    withPool({ maxWorkers: 3, minWorkers: 3, timeout: 100, retry })((bench) =>
      Effect.gen(function* () {
        bench.on("late", Effect.never)
        bench.on("old", Effect.never)
        bench.on("flaky", (attempt) => (attempt < 3 ? Effect.fail("not yet") : Effect.succeed("at last")))
        const late = new Heard(bench, "late", { retry: "none" })
        const old = new Heard(bench, "old", { expiresIn: 50 })
        const flaky = new Heard(bench, "flaky")
        yield* TestClock.adjust(49)
        assert.deepStrictEqual([late.all, old.all, flaky.all], [[], [], ["success"]])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([late.all, old.all], [[], ["RequestExpired"]])
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(late.all, ["RequestTimeout"])
      })
    )
  )

  it.effect("cancels what waits, what runs, and what is blocked at the door; after the end it does nothing", () =>
    withPool({ maxWorkers: 1, capacity: 1, interruptGrace: 1000 })((bench) =>
      Effect.gen(function* () {
        bench.on("runs", slowly(50)(Effect.never))
        const runs = new Heard(bench, "runs")
        yield* TestClock.adjust(0)
        const waits = new Heard(bench, "waits")
        const blocked = new Heard(bench, "blocked")
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, waiting: 1, blocked: 1 })
        blocked.cancel()
        waits.cancel()
        runs.cancel()
        assert.deepStrictEqual(
          [runs.all, waits.all, blocked.all],
          [["RequestCancelled"], ["RequestCancelled"], ["RequestCancelled"]]
        )
        assert.deepInclude(yield* bench.pool.snapshot, { ending: 1, cancelled: 2, abandoned: 1 })
        runs.cancel()
        yield* TestClock.adjust(50)
        assert.deepInclude(yield* bench.pool.snapshot, { ending: 0, cancelled: 2 })
        assert.deepStrictEqual(bench.log, ["0 runs1 start", "50 runs1 interrupted"])
      })
    )
  )

  it.effect("waits for a place in a full queue, and is told when there is none to have", () =>
    Effect.gen(function* () {
      yield* withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.as(Effect.sleep(10), "a"))
          const heard = ["a", "b", "c"].map((id) => new Heard(bench, id))
          assert.deepInclude(yield* bench.pool.snapshot, { blocked: 1 })
          yield* TestClock.adjust(10)
          assert.deepStrictEqual(
            heard.map(({ all }) => all),
            [["success"], ["success"], ["success"]]
          )
        })
      )
      yield* withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.never)
          const heard = ["a", "b", "c"].map((id) => new Heard(bench, id))
          assert.deepStrictEqual(heard[2]!.all, ["QueueFull"])
          heard[2]!.cancel()
          const wrong = new Heard(bench, "d", { timeout: -1 })
          assert.deepStrictEqual(wrong.all, ["InvalidRequestOption"])
          yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
          assert.deepStrictEqual(new Heard(bench, "e").all, ["PoolDraining"])
        })
      )
    })
  )

  for (const inline of [false, true]) {
    it.live(`may ask again each time that it hears, without end: ${inline ? "in its own turn" : "on workers"}`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.WorkerPool
        const heard = yield* Effect.callback<number>((resume) => {
          let left = 20_000
          const again = (): void => {
            if (--left === 0) return resume(Effect.succeed(left))
            pool.executeCallback(Now, undefined, again)
          }
          again()
        })
        assert.strictEqual(heard, 0)
      }).pipe(Effect.provide(inline ? Layer.provide(TestPool.layerInline(), handlers) : poolOf({ minWorkers: 4 })))
    )
  }

  it.live("may ask again each time that it is refused, until there is a place", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* pool.execute(Slow, undefined)
      yield* pool.pause
      yield* pool.submit(Slow, undefined)
      let refusals = 0
      const exit = yield* Effect.callback<Exit.Exit<void, unknown>>((resume) => {
        const again = (exit: Exit.Exit<void, unknown>): void => {
          if (Exit.isSuccess(exit)) return resume(Effect.succeed(exit))
          if (++refusals === 20_000) Effect.runFork(pool.resume)
          pool.executeCallback(Slow, undefined, again)
        }
        pool.executeCallback(Slow, undefined, again)
      })
      assert.isTrue(Exit.isSuccess(exit))
    }).pipe(Effect.provide(poolOf({ maxWorkers: 1, capacity: 1, strategy: "dropping" })))
  )

  it.live("is nobody's fiber: what it asks for has nothing of the attempt that has ended", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const inside = yield* Effect.callback<unknown>((resume) => {
        const listen = () => {
          const fiber = Fiber.getCurrent()
          pool.executeCallback(Who, undefined, (exit) => resume(Effect.succeed([fiber, exit])))
        }
        queueMicrotask(() => storage.run("the caller", () => pool.executeCallback(Who, undefined, listen)))
      })
      assert.deepStrictEqual(inside, [undefined, Exit.succeed("the caller")])
      const ticket = yield* pool.submit(Slow, undefined)
      const listening = yield* Effect.callback<unknown>((resume) => {
        ticket.onEnd(() => resume(Effect.succeed(Fiber.getCurrent())))
      })
      assert.isUndefined(listening, "nor is who listens to a ticket")
    }).pipe(Effect.provide(poolOf({ maxWorkers: 1 })))
  )

  it.live("may throw: that is logged, and the worker lives", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* Effect.callback<void>((resume) => {
        pool.executeCallback(Slow, undefined, () => {
          throw new Error("mine")
        })
        pool.executeCallback(Slow, undefined, () => resume(Effect.void))
      })
      yield* settled
      assert.include(lines.join(), "an observer of a caller threw")
      lines.length = 0
      pool.executeCallback(
        Slow,
        undefined,
        () => {
          throw new Error("mine")
        },
        { timeout: -1 }
      )
      yield* settled
      assert.include(lines.join(), "an observer of a caller threw", "of a refusal as well")
      assert.deepInclude(yield* pool.snapshot, { succeeded: 2, workers: 1 })
    }).pipe(Effect.provide(Layer.provide(poolOf({ maxWorkers: 1 }), Logger.layer([logger]))))
  })
})

describe("a promise", () => {
  it.effect("resolves to the value, and is rejected with the errors themselves", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("no", Effect.fail("no"))
        const call = (id: string) => bench.pool.executePromise(Work, { id })
        const exits = yield* Effect.promise(() => Promise.allSettled([call("yes"), call("no")]))
        assert.deepStrictEqual(exits, [
          { status: "fulfilled", value: "yes" },
          { status: "rejected", reason: "no" }
        ])
        const wrong = yield* Effect.flip(Effect.tryPromise({ try: () => call(1 as never), catch: (error) => error }))
        assert.instanceOf(wrong, PoolError.InvalidPayload)
      })
    )
  )

  it.effect("is rejected with the reason of its signal, which gives the request up, wherever that is", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("runs", slowly(50)(Effect.never))
        const gone = new AbortController()
        const { signal } = gone
        const call = (id: string) => promised(bench.pool.executePromise(Work, { id }, { signal }))
        const heard = ["runs", "waits", "blocked"].map(call)
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, waiting: 1, blocked: 1 })
        gone.abort("gone")
        yield* settled
        assert.deepStrictEqual(heard, [["gone"], ["gone"], ["gone"]])
        assert.deepInclude(yield* bench.pool.snapshot, { ending: 1, cancelled: 2, abandoned: 1 })
        const offered = (yield* bench.pool.snapshot).offered
        const after = call("after")
        yield* settled
        assert.deepStrictEqual(after, ["gone"])
        assert.strictEqual((yield* bench.pool.snapshot).offered, offered)
      })
    )
  )

  it.effect("is rejected when its signal is aborted while its request is made: that is not let in", () => {
    const gone = new AbortController()
    const key = () => {
      gone.abort("gone")
      return "somebody"
    }
    return withPool({ maxWorkers: 1, key })((bench) =>
      Effect.gen(function* () {
        const heard = promised(bench.pool.executePromise(Work, { id: "a" }, { signal: gone.signal }))
        yield* TestClock.adjust(1)
        yield* settled
        assert.deepStrictEqual(heard, ["gone"])
        assert.deepInclude(yield* bench.pool.snapshot, { offered: 0, succeeded: 0 })
      })
    )
  })

  it.effect("keeps its end when its signal is aborted later, and no listener", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("no", Effect.fail("no"))
        yield* bench.pool.pause
        const gone = new AbortController()
        const listeners = new Set<unknown>()
        const { signal } = gone
        signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener)
        signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener)
        const call = (id: string) => promised(bench.pool.executePromise(Work, { id }, { signal }))
        const heard = ["yes", "no", "yes"].map(call)
        assert.strictEqual(listeners.size, 1)
        yield* bench.pool.resume
        yield* TestClock.adjust(0)
        gone.abort("gone")
        yield* settled
        assert.deepStrictEqual(heard, [["success"], ["no"], ["success"]])
        assert.strictEqual(listeners.size, 0)
      })
    )
  )

  it.effect("takes the options of a call beside a signal, and says what is wrong with them", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        const { signal } = new AbortController()
        bench.on("late", Effect.never)
        const late = promised(bench.pool.executePromise(Work, { id: "late" }, { signal, timeout: 10 }))
        const wrong = promised(bench.pool.executePromise(Work, { id: "a" }, { signal: {} as AbortSignal }))
        yield* TestClock.adjust(10)
        yield* settled
        assert.deepStrictEqual([late, wrong], [["RequestTimeout"], ["InvalidRequestOption"]])
        assert.deepInclude(yield* bench.pool.snapshot, { invalid: 1 })
      })
    )
  )
})

describe("a call that no fiber makes", () => {
  const spans: Array<string> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const parent = Option.getOrUndefined(options.parent)
      spans.push(`${parent?._tag === "Span" ? `${parent.name} > ` : ""}${options.name}`)
      return span
    }
  })

  it.live("is traced as the pool is, or as whoever asked for the client", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const client = yield* Effect.withSpan(WorkerPool.clientPromise(Group), "program")
      spans.length = 0
      yield* Effect.promise(async () => {
        await undefined
        await pool.executePromise(Now, undefined)
        await client.Slow()
      })
      assert.deepStrictEqual(
        spans.filter((span) => !span.includes("waiting")),
        ["request Now", "request Now > Now", "program > request Slow", "request Slow > Slow"]
      )
    }).pipe(
      Effect.provide(Layer.provide(poolOf({}), Layer.succeed(Tracer.Tracer, tracer))),
      Effect.provideService(Tracer.Tracer, tracer)
    )
  )

  it.live("in an attempt that is refused its wait is not let in", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const error = yield* Effect.flip(pool.execute(Deep, undefined))
      assert.instanceOf(error, PoolError.NestedWaitRefused)
      const { accepted, refusedDraining } = yield* pool.snapshot
      assert.deepStrictEqual([accepted, refusedDraining], [100, 0])
    }).pipe(Effect.provide(poolOf({ maxWorkers: 1 })))
  )
})

const storage = new AsyncLocalStorage<string>()
const Now = Rpc.make("Now")
const Slow = Rpc.make("Slow")
const Who = Rpc.make("Who", { success: Schema.UndefinedOr(Schema.String) })
const Deep = Rpc.make("Deep", { error: PoolError.PoolError })
class Group extends RpcGroup.make(Now, Slow, Who, Deep) {}

let deep: WorkerPool.WorkerPool["Service"]
const handlers = Handlers.layer(Group).pipe(
  Layer.provideMerge(
    Group.toLayer({
      Now: () => Effect.void,
      Slow: () => Effect.yieldNow,
      Who: () =>
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => storage.getStore())
        ),
      Deep: () =>
        Effect.tryPromise({
          try: () => deep.executePromise(Deep, undefined),
          catch: (error) => error as PoolError.PoolError
        })
    })
  )
)
const poolOf = (options: ElasticPool.Options) =>
  ElasticPool.layer({ scaling: "none", ...options }).pipe(
    Layer.provideMerge(handlers),
    Layer.tap((context) => Effect.sync(() => (deep = context.mapUnsafe.get(WorkerPool.WorkerPool.key))))
  )
