/** A pool under test: its handlers do what the test says, and when it closes its books are checked. */
import { assert } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import type * as Call from "../../src/Call.ts"
import * as ElasticPool from "../../src/ElasticPool.ts"
import * as Handlers from "../../src/Handlers.ts"
import * as PoolSnapshot from "../../src/PoolSnapshot.ts"
import type * as Scaler from "../../src/Scaler.ts"
import type * as WorkerPool from "../../src/WorkerPool.ts"

export const Work = Rpc.make("Work", {
  payload: { id: Schema.String },
  success: Schema.String,
  error: Schema.String
})
export class Works extends RpcGroup.make(Work) {}

/** What the handler does for one id: the same at each attempt, or by the attempt's number (from 1). */
export type Behaviour =
  | Effect.Effect<string, string, Scope.Scope>
  | ((attempt: number) => Effect.Effect<string, string, Scope.Scope>)

export class Bench {
  /** Bodies of handlers that run now, and the most that ever ran at once. */
  running = 0
  peak = 0
  /** What the bodies did and when: `"100 a1 start"`, `"250 a1 interrupted"`; ends are success, failure, defect, interrupted. */
  readonly log: Array<string> = []
  private readonly behaviours = new Map<string, Behaviour>()
  private readonly attempts = new Map<string, number>()
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly scaler: Scaler.Scaler["Service"]

  constructor(parts: Pick<Bench, "pool" | "scaler">) {
    this.pool = parts.pool
    this.scaler = parts.scaler
  }

  /** From now on requests with this id do that. Without it they succeed with their id. */
  on(id: string, behaviour: Behaviour): void {
    this.behaviours.set(id, behaviour)
  }

  readonly note = (what: string) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      this.log.push(`${now} ${what}`)
    })

  execute(id: string, options?: Call.Options) {
    return this.pool.execute(Work, { id }, options)
  }

  submit(id: string, options?: Call.Options) {
    return this.pool.submit(Work, { id }, options)
  }

  /** So many that are over at once, one after the other. */
  submitMany(count: number, options?: Call.Options) {
    return Effect.gen({ self: this }, function* () {
      for (let n = 0; n < count; n++) yield* this.submit("quick", options)
      yield* TestClock.adjust(0)
    })
  }

  /** A caller of its own for this request, which has reached the pool when this returns. */
  call(id: string, options?: Call.Options) {
    return Effect.forkChild(this.execute(id, options), { startImmediately: true })
  }

  /** The same, and notes when its caller hears, and what. */
  callAndNote(id: string, options?: Call.Options) {
    return Effect.forkChild(
      Effect.onExit(Effect.exit(this.execute(id, options)), (exit) =>
        this.note(`${id} hears ${Exit.isSuccess(exit) ? show(exit.value) : "an interruption of its own"}`)
      ),
      { startImmediately: true }
    )
  }

  body(id: string) {
    return Effect.suspend(() => {
      const attempt = (this.attempts.get(id) ?? 0) + 1
      this.attempts.set(id, attempt)
      this.peak = Math.max(this.peak, ++this.running)
      const behaviour = this.behaviours.get(id) ?? Effect.succeed(id)
      const effect = typeof behaviour === "function" ? Effect.suspend(() => behaviour(attempt)) : behaviour
      return Effect.andThen(this.note(`${id}${attempt} start`), effect).pipe(
        Effect.onExit((exit) => {
          this.running--
          return this.note(`${id}${attempt} ${show(exit)}`)
        })
      )
    })
  }
}

/** One word for an exit; a pool's error by its tag. */
export const show = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "success"
  const reason = exit.cause.reasons.find((reason) => reason._tag !== "Interrupt")
  if (reason === undefined) return "interrupted"
  if (reason._tag === "Die") return "defect"
  const { error } = reason as { readonly error: unknown }
  return typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "failure"
}

/**
 * Runs a test with a pool of its own; there is no scaling unless `options` ask for it. At the end the pool is closed (its
 * handlers may hang: the test clock goes on until it has given up on them), and every request must have had its end.
 */
export const withPool =
  (options?: ElasticPool.Options) =>
  <A, E, R>(test: (bench: Bench) => Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      let bench: Bench | undefined
      const handlers = Handlers.layer(Works).pipe(
        Layer.provide(Works.toLayer({ Work: ({ id }) => bench!.body(id) as Effect.Effect<string, string> }))
      )
      const scope = yield* Scope.make()
      bench = new Bench(
        yield* ElasticPool.make({ scaling: "none", ...options }).pipe(Effect.provide(handlers), Scope.provide(scope))
      )
      return yield* thenClose(bench.pool, scope, test(bench))
    })

/** Runs the test, and then closes the pool, whatever came of it. Every request must have had its end. */
export const thenClose = <A, E, R>(
  pool: WorkerPool.WorkerPool["Service"],
  scope: Scope.Closeable,
  test: Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(test)
    yield* Effect.forkChild(Effect.ignore(pool.drain({ deadline: 0 })), { startImmediately: true })
    yield* advanceUntilDone(Scope.close(scope, Exit.void))
    if (Exit.isSuccess(exit)) {
      const snapshot = yield* pool.snapshot
      assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
      assert.strictEqual(PoolSnapshot.pending(snapshot) + snapshot.blocked, 0, "a request is left without an end")
      assert.strictEqual(snapshot.batched, 0)
    }
    return yield* exit
  })

/** Runs an effect that needs the test clock to move, and moves it. */
export const advanceUntilDone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let left = 100; fiber.pollUnsafe() === undefined; left--) {
      if (left === 0) return yield* Effect.die(new Error("did not end within 100 seconds of test time"))
      yield* TestClock.adjust("1 second")
    }
    return yield* Fiber.join(fiber)
  })

/** What a fiber has come to by now: one word, or `"waits"`. */
export const state = (fiber: Fiber.Fiber<unknown, unknown>): string => {
  const exit = fiber.pollUnsafe()
  return exit === undefined ? "waits" : show(exit)
}

/** What a caller hears: one word. */
export const hears = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(Effect.exit(effect), show)

/** Cleaning up that takes its time, whatever interrupts it. */
export const slowly = (millis: number) => Effect.onInterrupt(() => Effect.sleep(millis))

/** A body that goes on for that long although it is interrupted. */
export const ignoring = (millis: number) => Effect.uninterruptible(Effect.as(Effect.sleep(millis), "late"))
