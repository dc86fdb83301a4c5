/** What is logged, traced and counted on a thread is seen where the pool is. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Layer, Logger, Metric, Option, References, Tracer } from "effect"
import type { Rpc } from "effect/rpc"
import { WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { forwarding } from "../../src/threads/runner/logs.ts"
import { Outbox } from "../../src/threads/runner/outbox.ts"
import * as asked from "./modules/telling.ts"
import { execute, isolations, poolOf } from "./support.ts"

/** What a pool's own loggers, tracer and registry have got. */
const observed = () => {
  const lines: Array<Logger.Options<unknown> & { readonly annotations: any; readonly spans: any }> = []
  const spans: Array<Tracer.NativeSpan> = []
  const metrics: Metric.MetricRegistry = new Map()
  const waiting = new Map<unknown, () => void>()
  const logger = Logger.make<unknown, void>((options) => {
    lines.push({
      ...options,
      annotations: options.fiber.getRef(References.CurrentLogAnnotations),
      spans: options.fiber.getRef(References.CurrentLogSpans)
    })
    waiting.get((options.message as ReadonlyArray<unknown>)[0])?.()
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      waiting.get(span.name)?.()
      return span
    }
  })
  return {
    lines,
    spans,
    metrics,
    /** Until a line, or a span, of that name has come. */
    until: (name: string) => Effect.callback<void>((resume) => void waiting.set(name, () => resume(Effect.void))),
    named: (name: string) => spans.find((span) => span.name === name)!,
    layer: Layer.mergeAll(
      Logger.layer([logger, Logger.tracerLogger]),
      Layer.succeed(Tracer.Tracer, tracer),
      Layer.succeed(Metric.MetricRegistry, metrics)
    )
  }
}

type Observed = ReturnType<typeof observed>

const withPool = <E>(
  isolation: "thread" | "process",
  use: (seen: Observed) => Effect.Effect<void, E, WorkerPool.WorkerPool | Threads.Threads>
) => {
  const seen = observed()
  return use(seen).pipe(
    Effect.provide(poolOf(asked.group, "tellingHandlers.ts", { isolation })),
    Effect.provide(seen.layer)
  )
}

/** Killed once what it does before is known here. */
const killed = (rpc: Rpc.Any, seen: Observed, last: string) =>
  Effect.gen(function* () {
    const told = yield* Effect.forkChild(seen.until(last), { startImmediately: true })
    const fiber = yield* Effect.forkChild(execute(rpc, { how: "spin" }))
    yield* Fiber.join(told)
    yield* Fiber.interrupt(fiber)
  })
const messages = (seen: Observed) => seen.lines.map(({ message }) => (message as ReadonlyArray<unknown>)[0])

for (const isolation of isolations) {
  describe(`what a ${isolation} tells`, () => {
    const seen = observed()
    /** With nothing in it from those before. */
    const fresh = <A, E, R>(use: (seen: Observed) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        seen.lines.length = seen.spans.length = 0
        return use(seen)
      })

    it.layer(poolOf(asked.group, "tellingHandlers.ts", { isolation }).pipe(Layer.provideMerge(seen.layer)), {
      excludeTestServices: true
    })((it) => {
      it.effect("what is logged there is logged here, but for what is below the level here", () =>
        fresh((seen) =>
          Effect.gen(function* () {
            yield* Effect.annotateLogs(execute(asked.Logs, { how: "end" }), { caller: "me" })
            assert.deepStrictEqual(messages(seen), ["resized", "odd"])
            const [resized, odd] = seen.lines
            assert.strictEqual(resized!.logLevel, "Info")
            assert.deepInclude(resized!.annotations, { threads: "threads", thread: 1, file: "a.png" })
            assert.deepInclude((resized!.message as Array<any>)[1], { to: 3 })
            assert.notInclude(JSON.stringify(resized!.message), "hidden")
            assert.deepInclude((resized!.message as Array<any>)[2], { _tag: "Some", value: 1 })
            assert.deepInclude(resized!.annotations.options, { _tag: "None" })
            assert.deepStrictEqual(
              resized!.spans.map(([label]: [string]) => label),
              ["resize"]
            )
            assert.instanceOf(resized!.date, Date)
            assert.strictEqual(odd!.logLevel, "Warn")
            const defect = Cause.squash(odd!.cause) as Error
            assert.deepInclude(defect, { name: "RangeError", message: "too far" })
            assert.include(defect.stack, "tellingHandlers")
          })
        )
      )

      it.effect("a message that cannot be sent hurts nobody, and is told as far as it can be", () =>
        fresh((seen) =>
          Effect.gen(function* () {
            yield* execute(asked.LogsHostile, undefined)
            assert.lengthOf(seen.lines, 2)
            const [before, ...others] = seen.lines[0]!.message as Array<unknown>
            assert.strictEqual(before, "before")
            assert.lengthOf(others, 3)
            for (const other of others) assert.isString(other)
            assert.deepInclude(yield* Threads.stats, { started: 1, crashed: 0 })
          })
        )
      )

      it.effect("spans that are made there are spans of the attempt here", () =>
        fresh((seen) =>
          Effect.gen(function* () {
            yield* Effect.withSpan(execute(asked.Spans, { how: "end" }), "caller")
            const [caller, outer, inner] = ["caller", "outer", "inner"].map(seen.named)
            assert.strictEqual(outer!.traceId, caller!.traceId)
            const parent = Option.getOrThrow(outer!.parent) as Tracer.Span
            assert.include(seen.spans, parent)
            assert.strictEqual(Option.getOrThrow(inner!.parent), outer)
            assert.strictEqual(inner!.links[0]?.span, outer)
            assert.deepStrictEqual(inner!.links[0]?.attributes, { why: "test" })
            assert.strictEqual(outer!.kind, "client")
            assert.strictEqual(outer!.attributes.get("file"), "a.png")
            assert.isString(outer!.attributes.get("odd"))
            assert.deepStrictEqual(outer!.events[0], ["half", 5n, { at: 1 }])
            // What is logged in it is an event of it, as it would be here.
            assert.strictEqual(outer!.events[1]?.[0], "within")
            assert.isTrue(outer!.status._tag === "Ended" && outer!.status.exit._tag === "Success")
            assert.isTrue(inner!.startTime >= outer!.startTime)
          })
        )
      )

      it.effect("with how they have ended", () =>
        fresh((seen) =>
          Effect.gen(function* () {
            yield* Effect.exit(Effect.withSpan(execute(asked.Spans, { how: "fail" }), "caller"))
            const { status } = seen.named("inner")
            assert.isTrue(status._tag === "Ended" && status.exit._tag === "Failure")
          })
        )
      )

      it.effect("the span of the attempt is the parent there, and an unsampled one is told of nothing", () =>
        fresh((seen) =>
          Effect.gen(function* () {
            const [traceId, spanId] = yield* Effect.withSpan(execute(asked.Parent, undefined), "caller")
            assert.strictEqual(traceId, seen.named("caller").traceId)
            assert.isTrue(seen.spans.some((span) => span.spanId === spanId))
            assert.isTrue(yield* Effect.withSpan(execute(asked.Traced, undefined), "caller"))
            assert.isFalse(yield* Effect.withSpan(execute(asked.Traced, undefined), "unsampled", { sampled: false }))
          })
        )
      )

      it.effect("a metric that throws when it is looked at is not told, and hurts nobody", () =>
        fresh(() =>
          Effect.gen(function* () {
            yield* execute(asked.CountsHostile, undefined)
            yield* execute(asked.Nothing, undefined)
            assert.deepInclude(yield* Threads.stats, { started: 1, crashed: 0 })
          })
        )
      )

      it.effect("counters, frequencies and gauges of the thread are part of those here", () =>
        fresh((seen) =>
          Effect.gen(function* () {
            const jobs = Metric.counter("test_jobs", {
              description: "Jobs",
              attributes: { kind: "a" },
              incremental: true
            })
            yield* Metric.update(jobs, 10)
            yield* execute(asked.Counts, { by: 1 })
            yield* execute(asked.Nothing, undefined)
            yield* execute(asked.Counts, { by: 3 })
            assert.deepStrictEqual(yield* Metric.value(jobs), { count: 14, incremental: true })
            const bytes = yield* Metric.value(Metric.counter("test_bytes", { bigint: true }))
            assert.strictEqual(bytes.count, 8n)
            const words = yield* Metric.value(Metric.frequency("test_words", { description: "Words" }))
            assert.deepStrictEqual(Object.fromEntries(words.occurrences), { one: 1, many: 1 })
            assert.strictEqual((yield* Metric.value(Metric.gauge("test_depth"))).value, 3)
            const ids = [...seen.metrics.values()].map(({ id }) => id).filter((id) => id.startsWith("test_"))
            assert.deepStrictEqual(ids.toSorted(), ["test_bytes", "test_depth", "test_jobs", "test_words"])
          })
        )
      )
    })

    it.live("down to the level that is set here, and what its layer logs when it is built", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* execute(asked.Logs, { how: "end" })
          assert.deepStrictEqual(messages(seen), ["built", "for nobody", "resized", "odd"])
          assert.deepInclude(seen.lines[0]!.annotations, { threads: "threads", thread: 1 })
        })
      ).pipe(Effect.provideService(References.MinimumLogLevel, "Debug"))
    )

    it.live("what was logged before a kill arrives", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* killed(asked.Logs, seen, "odd")
          assert.deepStrictEqual(messages(seen).slice(0, 3), ["built", "resized", "odd"])
          assert.deepInclude(yield* Threads.stats, { killed: 1 })
        })
      )
    )

    it.live("those that are open when their thread is killed end with it", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* Effect.withSpan(killed(asked.Spans, seen, "inner"), "caller")
          for (const name of ["outer", "inner"]) {
            const { status } = seen.named(name)
            assert.isTrue(status._tag === "Ended" && status.exit._tag === "Failure", name)
          }
          assert.strictEqual(seen.named("outer").attributes.get("file"), "a.png")
        })
      )
    )

    it.live("a module that brings loggers and a tracer of its own tells nothing of them", () => {
      const own = observed()
      return Effect.gen(function* () {
        yield* Effect.withSpan(execute(asked.Logs, { how: "end" }), "caller")
        assert.isFalse(yield* Effect.withSpan(execute(asked.Traced, undefined), "caller"))
        assert.deepStrictEqual(messages(own), [])
      }).pipe(Effect.provide(poolOf(asked.group, "tellingAlone.ts", { isolation })), Effect.provide(own.layer))
    })

    it.live("where there is no tracer its parent crosses, and nothing is told", () =>
      Effect.gen(function* () {
        assert.isNull(yield* execute(asked.Parent, undefined))
        const caller = yield* Effect.makeSpan("caller")
        const [traceId] = yield* Effect.withParentSpan(execute(asked.Parent, undefined), caller)
        assert.strictEqual(traceId, caller.traceId)
        assert.isFalse(yield* Effect.withParentSpan(execute(asked.Traced, undefined), caller))
      }).pipe(
        Effect.provide(poolOf(asked.group, "tellingHandlers.ts", { isolation })),
        Effect.provide(Logger.layer([]))
      )
    )
  })
}

describe("the loggers of a thread", () => {
  it("send nothing below the level that they were told", () => {
    const sent: Array<unknown> = []
    const outbox = new Outbox(
      { post: (message) => void sent.push(message), isFull: () => false, listen: () => {}, leave: () => {} },
      {}
    )
    const log = Effect.andThen(Effect.logInfo("below"), Effect.logWarning("above"))
    Effect.runSyncWith(forwarding(outbox, { logLevel: "Warn", cloned: [undefined] }))(log)
    assert.lengthOf(sent, 1)
  })
})
