/** The spans of requests, of their waits and of their attempts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Tracer } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { hears, show, withPool } from "./support/bench.ts"

/** Runs it with a tracer that remembers its spans, in the order of their starts. */
const traced = <A, E, R>(test: (spans: ReadonlyArray<Tracer.NativeSpan>) => Effect.Effect<A, E, R>) => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return Effect.provideService(test(spans), Tracer.Tracer, tracer)
}

/** `"waiting < request Work 0-20 success"`: a span, its parent, when it was, and how it ended. */
const line = ({ name, parent, status }: Tracer.NativeSpan) => {
  const from = Number(status.startTime / 1_000_000n)
  const above = Option.match(parent, { onNone: () => "", onSome: (span) => ` < ${(span as Tracer.Span).name}` })
  if (status._tag === "Started") return `${name}${above} ${from}-`
  return `${name}${above} ${from}-${status.endTime / 1_000_000n} ${show(status.exit)}`
}

const ofPool = (spans: ReadonlyArray<Tracer.NativeSpan>) => spans.filter(({ name }) => name !== "caller").map(line)

describe("spans", () => {
  it.effect("a request's has its waits and its attempts within it, and is within its caller's", () =>
    traced((spans) =>
      withPool({ maxWorkers: 1, retry: RetryPolicy.make({ times: 1, base: 10, jitter: "none" }) })((bench) =>
        Effect.gen(function* () {
          bench.on("first", Effect.as(Effect.sleep(20), "first"))
          bench.on("a", (attempt) =>
            Effect.andThen(Effect.sleep(5), attempt === 1 ? Effect.fail("once") : Effect.succeed("a"))
          )
          yield* Effect.withTracerEnabled(bench.call("first"), false)
          yield* Effect.forkChild(Effect.withSpan(bench.execute("a", { id: "mine" }), "caller"), {
            startImmediately: true
          })
          yield* TestClock.adjust(40)
          const caller = spans.find(({ name }) => name === "caller")!
          const trace = spans.filter(({ traceId }) => traceId === caller.traceId)
          assert.deepStrictEqual(ofPool(trace), [
            "request Work < caller 0-40 success",
            "waiting < request Work 0-20 success",
            "Work < request Work 20-25 failure",
            "waiting < request Work 25-35 success",
            "Work < request Work 35-40 success"
          ])
          const request = trace[1]
          assert.deepStrictEqual(Object.fromEntries(request!.attributes), {
            "request.id": "mine",
            "request.type": "Work",
            "request.end": "succeeded",
            "request.attempts": 2
          })
        })
      )
    )
  )

  it.effect(
    "a handler's own spans are within its attempt's; a caller without a span has its request in a trace of its own",
    () =>
      traced((spans) =>
        withPool()((bench) =>
          Effect.gen(function* () {
            bench.on("a", Effect.withSpan(Effect.succeed("a"), "inside"))
            yield* bench.execute("a")
            yield* bench.execute("b")
            assert.deepStrictEqual(ofPool(spans), [
              "request Work 0-0 success",
              "waiting < request Work 0-0 success",
              "Work < request Work 0-0 success",
              "inside < Work 0-0 success",
              "request Work 0-0 success",
              "waiting < request Work 0-0 success",
              "Work < request Work 0-0 success"
            ])
            assert.strictEqual(new Set(spans.map(({ traceId }) => traceId)).size, 2)
          })
        )
      )
  )

  it.effect(
    "effects that are run, calls that are processed and tickets have them too, beyond the end of who asked",
    () =>
      traced((spans) =>
        withPool({ maxWorkers: 1 })((bench) =>
          Effect.gen(function* () {
            bench.on("a", Effect.as(Effect.sleep(10), "a"))
            yield* Effect.withSpan(bench.submit("a"), "caller")
            yield* Effect.forkChild(bench.pool.run(Effect.withSpan(Effect.void, "inside")), { startImmediately: true })
            yield* TestClock.adjust(10)
            assert.deepStrictEqual(spans.map(line), [
              "caller 0-0 success",
              "request Work < caller 0-10 success",
              "waiting < request Work 0-0 success",
              "Work < request Work 0-10 success",
              "request run 0-10 success",
              "waiting < request run 0-10 success",
              "run < request run 10-10 success",
              "inside < run 10-10 success"
            ])
          })
        )
      )
  )

  it.effect("end with a request that is cancelled while it waits, or evicted", () =>
    traced((spans) =>
      withPool({ maxWorkers: 1, capacity: 1, strategy: "sliding" })((bench) =>
        Effect.gen(function* () {
          bench.on("hangs", Effect.never)
          yield* Effect.withTracerEnabled(bench.submit("hangs"), false)
          yield* bench.submit("evicted")
          const ticket = yield* bench.submit("gone")
          yield* TestClock.adjust(5)
          yield* ticket.cancel
          assert.deepStrictEqual(
            ofPool(spans).filter((line) => !line.startsWith("Work")),
            [
              "request Work 0-0 RequestEvicted",
              "waiting < request Work 0-0 success",
              "request Work 0-5 RequestCancelled",
              "waiting < request Work 0-5 success"
            ]
          )
        })
      )
    )
  )

  it.effect("end with the request when its attempt is still being interrupted", () =>
    traced((spans) =>
      withPool({ maxWorkers: 1, timeout: 10 })((bench) =>
        Effect.gen(function* () {
          bench.on(
            "a",
            Effect.onInterrupt(Effect.never, () => Effect.sleep(20))
          )
          yield* bench.submit("a")
          yield* TestClock.adjust(30)
          assert.deepStrictEqual(ofPool(spans), [
            "request Work 0-10 RequestTimeout",
            "waiting < request Work 0-0 success",
            "Work < request Work 0-30 interrupted"
          ])
        })
      )
    )
  )

  it.effect("begin with the acceptance: one that is refused has none", () =>
    traced((spans) =>
      withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
        Effect.gen(function* () {
          bench.on("hangs", Effect.never)
          yield* Effect.withTracerEnabled(bench.submit("hangs"), false)
          yield* Effect.withTracerEnabled(bench.submit("waits"), false)
          assert.strictEqual(yield* hears(bench.execute("refused")), "QueueFull")
          assert.deepStrictEqual(
            ofPool(spans).filter((line) => !line.startsWith("Work")),
            []
          )
        })
      )
    )
  )

  it.effect("begin when a blocked caller is let in; one that leaves before has none", () =>
    traced((spans) =>
      withPool({ maxWorkers: 1, capacity: 1, strategy: "suspend" })((bench) =>
        Effect.gen(function* () {
          bench.on("first", Effect.as(Effect.sleep(7), "first"))
          yield* Effect.withTracerEnabled(bench.submit("first"), false)
          yield* Effect.withTracerEnabled(bench.submit("second"), false)
          const leaves = yield* bench.call("leaves")
          const stays = yield* bench.call("stays")
          yield* Fiber.interrupt(leaves)
          yield* TestClock.adjust(7)
          assert.isTrue(Exit.isSuccess(yield* Fiber.await(stays)))
          const requests = ofPool(spans).filter((line) => line.startsWith("request"))
          assert.deepStrictEqual(requests, ["request Work 7-7 success"])
        })
      )
    )
  )

  it.effect("of a resubmitted request say which one it repeats, and are within who asks for it", () =>
    traced((spans) =>
      withPool()((bench) =>
        Effect.gen(function* () {
          bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("a")))
          yield* hears(Effect.withTracerEnabled(bench.execute("a", { id: "mine" }), false))
          yield* Effect.withSpan(bench.pool.deadLetters.resubmit("mine"), "caller")
          const request = spans.find(({ name }) => name === "request Work")!
          assert.strictEqual(line(request), "request Work < caller 0-0 success")
          assert.strictEqual(request.attributes.get("request.resubmitted_from"), "mine")
        })
      )
    )
  )

  it.effect("without a tracer there are none, but the caller's is still the parent", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.map(Effect.currentParentSpan, (span) => (span as Tracer.Span).name).pipe(Effect.orDie))
        assert.strictEqual(yield* bench.execute("a").pipe(Effect.withSpan("caller")), "caller")
      })
    )
  )
})
