/** What a handler gives is never touched where that could lose its request: whatever it is, the request has its one end. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, Option, Schema, Tracer } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, PoolSnapshot, RetryPolicy, WorkerPool } from "../src/index.ts"
import { hostile } from "./support/hostileValues.ts"

const how = ["success", "failure", "defect"] as const
const when = ["at once", "later", "thrown"] as const
const Give = Rpc.make("Give", {
  payload: { value: Schema.Any, how: Schema.Literals(how), when: Schema.Literals(when) },
  success: Schema.Any,
  error: Schema.Any
})
class Gives extends RpcGroup.make(Give) {}

const ending = (value: unknown, kind: (typeof how)[number]) =>
  kind === "success" ? Exit.succeed(value) : kind === "failure" ? Exit.fail(value) : Exit.die(value)

const handlers = Handlers.layer(Gives).pipe(
  Layer.provide(
    Gives.toLayer({
      Give: ({ how, value, when }) => {
        if (when === "thrown") throw value
        const exit = ending(value, how)
        return when === "at once" ? exit : Effect.andThen(Effect.yieldNow, exit)
      }
    })
  )
)
const retry = RetryPolicy.make({
  times: 1,
  base: 0,
  defects: true,
  failures: (error) => (error as any)._tag === "never"
})
const pool = (options?: ElasticPool.Options) =>
  ElasticPool.layer({ maxWorkers: 2, retry, ...options }).pipe(Layer.provide(handlers))

const quiet = Logger.layer([])

/** A tracer that looks at each exit of the pool's own spans, and throws where that throws. */
const nosy = Layer.succeed(
  Tracer.Tracer,
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      if (/^(request|waiting)/.test(options.name)) {
        span.end = (at, exit) => {
          end(at, exit)
          if (exit._tag === "Success") JSON.stringify(exit.value)
          else exit.cause.reasons.forEach((reason) => JSON.stringify(reason))
          if (options.name === "waiting") throw new Error("a broken exporter")
        }
      }
      return span
    }
  })
)

const endsOnce = (make: () => unknown, kind: (typeof how)[number], time: (typeof when)[number]) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    const value = make()
    const give = { value, how: kind, when: time }
    const ended: Array<string> = []
    const ticket = yield* pool.submit(Give, give)
    ticket.onEnd(({ end }) => ended.push(end))
    const { end, exit } = yield* ticket.outcome
    const outcomes = [
      end,
      yield* Effect.exit(pool.execute(Give, give)),
      yield* Effect.exit(pool.run(ending(value, kind)))
    ]
    const snapshot = yield* pool.snapshot
    assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
    assert.strictEqual(PoolSnapshot.pending(snapshot), 0)
    assert.strictEqual(outcomes.length, 3)
    assert.strictEqual(ended.length, 1)
    if (kind === "failure" && time !== "thrown" && Exit.isFailure(exit)) {
      const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
      assert.isTrue(error === value, "its own error comes as it is")
    }
    // The pool goes on.
    assert.strictEqual(yield* pool.execute(Give, { value: 1, how: "success", when: "later" }), 1)
    const report = yield* pool.drain({ deadline: "5 seconds" })
    assert.isFalse(report.forced)
  })

for (const [name, make] of Object.entries(hostile)) {
  describe(name, () => {
    for (const kind of how) {
      for (const time of when) {
        it.live(`as a ${kind}, ${time}, is one end`, () =>
          endsOnce(make, kind, time).pipe(Effect.provide(pool()), Effect.provide(quiet))
        )
      }
    }
    it.live("is one end under a tracer that looks at it", () =>
      endsOnce(make, "success", "at once").pipe(Effect.provide(pool()), Effect.provide(quiet), Effect.provide(nosy))
    )
  })
}

it.live("an effect that is none is a defect of its request", () =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    for (const make of Object.values(hostile)) {
      const exit = yield* Effect.exit(pool.run(make() as Effect.Effect<never>))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }
    const snapshot = yield* pool.snapshot
    assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
    assert.deepInclude(snapshot, { running: 0, failed: Object.keys(hostile).length })
    assert.deepInclude(yield* pool.drain(), { forced: false })
  }).pipe(Effect.provide(pool({ retry: "none", maxWorkers: 1 })), Effect.provide(quiet))
)
