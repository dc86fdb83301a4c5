/** What is logged, traced and counted on a thread is seen where the pool is. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, Metric, Option, References, Tracer } from "effect"
import { WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import * as asked from "./modules/telling.ts"
import { execute, isolations, poolOf } from "./support.ts"

/** What a pool's own loggers, tracer and registry have got. */
const observed = () => {
  const lines: Array<Logger.Options<unknown> & { readonly annotations: any; readonly spans: any }> = []
  const spans: Array<Tracer.NativeSpan> = []
  const metrics: Metric.MetricRegistry = new Map()
  const logger = Logger.make<unknown, void>((options) => {
    lines.push({
      ...options,
      annotations: options.fiber.getRef(References.CurrentLogAnnotations),
      spans: options.fiber.getRef(References.CurrentLogSpans)
    })
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return {
    lines,
    spans,
    metrics,
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

const spinning = (rpc: any) => Effect.timeoutOption(execute(rpc, { how: "spin" }), 300)
const messages = (seen: Observed) => seen.lines.map(({ message }) => (message as ReadonlyArray<unknown>)[0])

for (const isolation of isolations) {
  describe(`what a ${isolation} tells`, () => {
    it.live("what is logged there is logged here, and what nobody would see is not sent", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* Effect.annotateLogs(execute(asked.Logs, { how: "end" }), { caller: "me" })
          assert.deepStrictEqual(messages(seen), ["built", "resized", "odd"])
          const [built, resized, odd] = seen.lines
          assert.deepInclude(built!.annotations, { threads: "threads", thread: 1 })
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

    it.live("down to the level that is set here", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* execute(asked.Logs, { how: "end" })
          assert.include(messages(seen), "for nobody")
        })
      ).pipe(Effect.provideService(References.MinimumLogLevel, "Debug"))
    )

    it.live("what was logged before a kill arrives", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* spinning(asked.Logs)
          assert.deepStrictEqual(messages(seen).slice(0, 3), ["built", "resized", "odd"])
          assert.deepInclude(yield* Threads.stats, { killed: 1 })
        })
      )
    )

    it.live("a message that cannot be sent hurts nobody, and is told as far as it can be", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* execute(asked.LogsHostile, undefined)
          assert.lengthOf(seen.lines, 3)
          const [before, ...others] = seen.lines[1]!.message as Array<unknown>
          assert.strictEqual(before, "before")
          assert.lengthOf(others, 3)
          for (const other of others) assert.isString(other)
          assert.deepInclude(yield* Threads.stats, { started: 1, crashed: 0 })
        })
      )
    )

    it.live("spans that are made there are spans of the attempt here", () =>
      withPool(isolation, (seen) =>
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

    it.live("with how they have ended", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* Effect.exit(Effect.withSpan(execute(asked.Spans, { how: "fail" }), "caller"))
          const { status } = seen.named("inner")
          assert.isTrue(status._tag === "Ended" && status.exit._tag === "Failure")
        })
      )
    )

    it.live("those that are open when their thread is killed end with it", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          yield* Effect.withSpan(spinning(asked.Spans), "caller")
          for (const name of ["outer", "inner"]) {
            const { status } = seen.named(name)
            assert.isTrue(status._tag === "Ended" && status.exit._tag === "Failure", name)
          }
          assert.strictEqual(seen.named("outer").attributes.get("file"), "a.png")
        })
      )
    )

    it.live("the span of the attempt is the parent there, and an unsampled one is told of nothing", () =>
      withPool(isolation, (seen) =>
        Effect.gen(function* () {
          const [traceId, spanId] = yield* Effect.withSpan(execute(asked.Parent, undefined), "caller")
          assert.strictEqual(traceId, seen.named("caller").traceId)
          assert.isTrue(seen.spans.some((span) => span.spanId === spanId))
          assert.isTrue(yield* Effect.withSpan(execute(asked.Traced, undefined), "caller"))
          assert.isFalse(yield* Effect.withSpan(execute(asked.Traced, undefined), "unsampled", { sampled: false }))
        })
      )
    )

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

    it.live("counters, frequencies and gauges of the thread are part of those here", () =>
      withPool(isolation, (seen) =>
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
}
