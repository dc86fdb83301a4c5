/** What callers do while the pool tells them something runs in the pool's own stack. It must survive all of it. */
import { describe, expect, it } from "@effect/vitest"
import { Cron, Effect, Fiber, Layer, Logger, Option, Schedule, Scheduler, Schema, Tracer } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { ElasticPool, Handlers, PoolSnapshot, WorkerPool } from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"

const Add = Rpc.make("Add", { payload: { n: Schema.Number }, success: Schema.Number })
const Never = Rpc.make("Never")
const Deaf = Rpc.make("Deaf")
const Fail = Rpc.make("Fail", { error: Schema.String })
const Span = Rpc.make("Span", { success: Schema.String })
class Group extends RpcGroup.make(Add, Never, Deaf, Fail, Span) {}
const parentIn = (span: Tracer.AnySpan | undefined) =>
  span?._tag === "Span" ? Option.getOrUndefined(span.parent) : undefined
/** The parent of the request's span, which is the parent of its attempt's. */
const callerOf = Effect.map(Effect.currentSpan, (attempt) => parentIn(parentIn(attempt))?.spanId ?? "none")
const handlers = Handlers.layer(Group).pipe(
  Layer.provide(
    Group.toLayer({
      // Every other one ends in the worker's own step.
      Add: ({ n }) =>
        n % 2 === 0
          ? Effect.succeed(n)
          : Effect.map(
              Effect.sync(() => n),
              (n) => n
            ),
      Never: () => Effect.never,
      Deaf: () => Effect.uninterruptible(Effect.sleep(100)),
      Fail: () => Effect.fail("no"),
      Span: () => Effect.orDie(callerOf)
    })
  )
)
const pool = (options: ElasticPool.Options) =>
  Layer.provide(ElasticPool.layer({ drainDeadline: 0, scaling: "none", ...options }), handlers)
const silent = Effect.provideService(Logger.CurrentLoggers, new Set())

describe("re-entrancy", () => {
  it.effect("a request that comes while its only worker is about to park is not forgotten, at any op budget", () =>
    Effect.gen(function* () {
      for (let budget = 3; budget <= 64; budget++) {
        yield* Effect.gen(function* () {
          const { execute } = yield* WorkerPool.WorkerPool
          for (let n = 0; n < 40; n++) expect(yield* execute(Add, { n })).toBe(n)
        }).pipe(
          Effect.provideService(Scheduler.MaxOpsBeforeYield, 2048),
          Effect.provide(pool({ maxWorkers: 1 })),
          Effect.provideService(Scheduler.MaxOpsBeforeYield, budget)
        )
      }
    }).pipe(silent)
  )

  it.effect("callers that ask again as soon as they are evicted do not exhaust the stack", () =>
    Effect.gen(function* () {
      const { execute, pause, resume, snapshot } = yield* WorkerPool.WorkerPool
      yield* pause
      const again = execute(Add, { n: 1 }).pipe(Effect.catchTag("RequestEvicted", () => execute(Add, { n: 1 })))
      const callers = yield* Effect.forEach(Array.from({ length: 5000 }), () =>
        Effect.forkChild(Effect.exit(again), { startImmediately: true })
      )
      yield* Effect.forkChild(Effect.exit(execute(Add, { n: 2 })), { startImmediately: true })
      yield* resume
      yield* Fiber.joinAll(callers)
      expect(PoolSnapshot.lawViolations(yield* snapshot)).toEqual([])
    }).pipe(Effect.provide(pool({ capacity: 5000, strategy: "sliding" })), silent)
  )

  it.effect("callers that give up as soon as they are let in do not exhaust the stack", () =>
    Effect.gen(function* () {
      const { pause, snapshot, submit } = yield* WorkerPool.WorkerPool
      yield* pause
      const first = yield* submit(Add, { n: 0 })
      const callers = yield* Effect.forEach(Array.from({ length: 10_000 }), () =>
        Effect.forkChild(
          Effect.flatMap(submit(Add, { n: 1 }), (ticket) => ticket.cancel),
          { startImmediately: true }
        )
      )
      yield* first.cancel
      yield* Fiber.joinAll(callers)
      const after = yield* snapshot
      expect(after).toMatchObject({ cancelled: 10_001, waiting: 0, blocked: 0 })
      expect(PoolSnapshot.lawViolations(after)).toEqual([])
    }).pipe(Effect.provide(pool({ capacity: 1 })), silent)
  )

  it.effect("an observer that throws stops neither the other listeners nor the pool's timers", () =>
    Effect.gen(function* () {
      const { execute, submit } = yield* WorkerPool.WorkerPool
      const caller = yield* Effect.forkDetach(Effect.exit(execute(Never, undefined)), { startImmediately: true })
      caller.addObserver(() => {
        JSON.parse("not JSON")
      })
      yield* TestClock.adjust(10)
      const ticket = yield* submit(Never, undefined)
      yield* TestClock.adjust(10)
      expect(yield* Effect.flip(ticket.await)).toMatchObject({ _tag: "RequestTimeout" })
    }).pipe(Effect.provide(pool({ timeout: 10 })), silent)
  )

  it.effect("nor does one that throws when its caller need not wait for a stuck attempt any longer", () =>
    Effect.gen(function* () {
      const { execute, submit } = yield* WorkerPool.WorkerPool
      const caller = yield* Effect.forkDetach(execute(Deaf, undefined), { startImmediately: true })
      caller.addObserver(() => {
        JSON.parse("not JSON")
      })
      caller.interruptUnsafe()
      yield* TestClock.adjust(20)
      expect(caller.pollUnsafe()).toBeDefined()
      const ticket = yield* submit(Never, undefined)
      yield* TestClock.adjust(10)
      expect(yield* Effect.flip(ticket.await)).toMatchObject({ _tag: "RequestTimeout" })
      yield* TestClock.adjust("1 minute")
    }).pipe(Effect.provide(pool({ timeout: 10, interruptGrace: 20, minWorkers: 2 })), silent)
  )

  it.effect("a caller that comes just as a place is free does not overtake one that is blocked", () =>
    Effect.gen(function* () {
      const { execute, pause, resume, submit } = yield* WorkerPool.WorkerPool
      const order: Array<string> = []
      yield* pause
      const first = yield* submit(Add, { n: 0 })
      const call = (name: string) =>
        Effect.forkChild(
          Effect.tap(execute(Add, { n: 1 }), () => Effect.sync(() => order.push(name))),
          {
            startImmediately: true
          }
        )
      // Hears of the free place before anybody else, and asks for it.
      const newcomer = yield* Effect.forkChild(
        Effect.andThen(Effect.exit(first.await), Effect.flatMap(call("newcomer"), Fiber.join)),
        { startImmediately: true }
      )
      const blocked = yield* call("blocked")
      yield* first.cancel
      yield* resume
      yield* Fiber.joinAll([newcomer, blocked])
      expect(order).toEqual(["blocked", "newcomer"])
    }).pipe(Effect.provide(pool({ capacity: 1, maxWorkers: 1 })), silent)
  )

  it.effect("a dead letter is not lost when its resubmission is interrupted, at any op budget", () =>
    Effect.gen(function* () {
      const { deadLetters, execute, pause } = yield* WorkerPool.WorkerPool
      yield* Effect.exit(execute(Fail, undefined, { id: "a" }))
      yield* pause
      yield* execute(Add, { n: 1 }).pipe(Effect.forkChild({ startImmediately: true }))
      for (let budget = 3; budget <= 64; budget++) {
        const fiber = yield* deadLetters
          .resubmit("a")
          .pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, budget),
            Effect.forkChild({ startImmediately: true })
          )
        yield* Fiber.interrupt(fiber)
        expect(yield* deadLetters.list, `op budget ${budget}`).toHaveLength(1)
      }
    }).pipe(Effect.provide(pool({ capacity: 1 })), silent)
  )

  it.effect("a Schedule that goes by the calendar sees the clock, not the pool's age", () =>
    Effect.gen(function* () {
      const hourly = Schedule.cron(Cron.parseUnsafe("0 * * * *", "UTC")).pipe(Schedule.upTo({ times: 1 }))
      const ticket = yield* Effect.flatMap(WorkerPool.WorkerPool, ({ submit }) =>
        submit(Fail, undefined, { retry: hourly })
      )
      yield* TestClock.adjust("10 minutes")
      expect(yield* ticket.outcome).toMatchObject({ attempts: 2, waitedMillis: 600_000 })
    }).pipe(
      Effect.provide(pool({})),
      // Set before there is a pool, or its scaler would tick through half a century.
      (test) => Effect.andThen(TestClock.setTime(Date.UTC(2026, 0, 1, 10, 50)), test),
      silent
    )
  )

  it.effect("an inline pool runs what came in while it was paused", () =>
    Effect.gen(function* () {
      const { pause, resume, submit } = yield* WorkerPool.WorkerPool
      yield* pause
      const ticket = yield* submit(Add, { n: 3 })
      yield* resume
      expect(yield* ticket.await).toBe(3)
    }).pipe(Effect.provide(Layer.provide(TestPool.layerInline(), handlers)))
  )

  it.effect("the law holds when the bounds shrink below what runs", () =>
    Effect.gen(function* () {
      const { setBounds, snapshot, submit } = yield* WorkerPool.WorkerPool
      for (let n = 0; n < 8; n++) yield* submit(Never, undefined)
      yield* setBounds({ minWorkers: 1, maxWorkers: 2 })
      const after = yield* snapshot
      expect(after).toMatchObject({ running: 8, target: 2, retiring: 6 })
      expect(PoolSnapshot.lawViolations(after)).toEqual([])
    }).pipe(Effect.provide(pool({ minWorkers: 8 })), silent)
  )

  it.effect("an attempt's span belongs to its caller, never to where the pool was built", () =>
    Effect.gen(function* () {
      const { execute, run } = yield* WorkerPool.WorkerPool
      expect(yield* execute(Span, undefined)).toBe("none")
      const both = Effect.all([
        Effect.map(Effect.currentSpan, ({ spanId }) => spanId),
        execute(Span, undefined),
        run(callerOf)
      ])
      const [own, ofHandler, ofRun] = yield* Effect.withSpan(both, "caller")
      expect([ofHandler, ofRun]).toEqual([own, own])
    }).pipe(
      Effect.provide(Layer.fresh(pool({})).pipe(Layer.withSpan("boot"))),
      Effect.provideService(Tracer.Tracer, Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })),
      silent
    )
  )
})
