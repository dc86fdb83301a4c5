/** Handlers that log, trace and count. */
import { Cause, Context, Effect, Layer, Metric, Option, Redacted, Tracer } from "effect"
import { group } from "./telling.ts"

export { group }

const ended = (how: "end" | "fail" | "spin") =>
  Effect.suspend(() => {
    if (how === "spin") for (;;) performance.now()
    return how === "fail" ? Effect.fail("as it was told to") : Effect.void
  })

const counter = Metric.counter("test_jobs", { description: "Jobs", attributes: { kind: "a" }, incremental: true })
const bytes = Metric.counter("test_bytes", { bigint: true })
const words = Metric.frequency("test_words", { description: "Words" })
const depth = Metric.gauge("test_depth")
const times = Metric.histogram("test_times", { boundaries: [1, 2] })

const hostile = {
  get it() {
    throw new Error("looked at")
  }
}

export const layer = group
  .toLayer({
    Logs: ({ how }) =>
      Effect.logDebug("for nobody").pipe(
        Effect.andThen(Effect.logInfo("resized", { to: 3, secret: Redacted.make("hidden") }, Option.some(1))),
        Effect.andThen(Effect.logWarning("odd", Cause.die(new RangeError("too far")))),
        Effect.annotateLogs({ file: "a.png", options: Option.none() }),
        Effect.withLogSpan("resize"),
        Effect.andThen(ended(how))
      ),
    LogsHostile: () =>
      Effect.logInfo("before", () => {}, hostile, Symbol("s")).pipe(
        Effect.annotateLogs("hostile", hostile),
        Effect.andThen(Effect.logInfo(new SharedArrayBuffer(1)))
      ),
    Spans: ({ how }) =>
      Effect.gen(function* () {
        const outer = yield* Effect.currentSpan
        outer.event("half", 5n, { at: 1 })
        outer.attribute("odd", () => {})
        yield* Effect.logInfo("within")
        yield* Effect.withSpan(ended(how), "inner", { links: [{ span: outer, attributes: { why: "test" } }] })
      }).pipe(Effect.withSpan("outer", { kind: "client", attributes: { file: "a.png" } })) as Effect.Effect<
        void,
        string
      >,
    Parent: () =>
      Effect.contextWith((context: Context.Context<never>) => {
        const span = Context.getOrUndefined(context, Tracer.ParentSpan)
        return Effect.succeed(span === undefined ? null : ([span.traceId, span.spanId] as const))
      }),
    Traced: () =>
      Effect.map(Effect.makeSpan("here"), (span) => Object.getPrototypeOf(span) !== Tracer.NativeSpan.prototype),
    Counts: ({ by }) =>
      Effect.gen(function* () {
        yield* Metric.update(counter, by)
        yield* Metric.update(bytes, BigInt(by) * 2n)
        yield* Metric.update(words, by > 1 ? "many" : "one")
        yield* Metric.update(depth, by)
        yield* Metric.update(times, by)
      }),
    CountsHostile: () =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.sync(() => {
          const get = () => {
            throw new Error("looked at")
          }
          Metric.registerUnsafe(Metric.counter("test_hostile"), context, { get, update: () => {}, modify: () => {} })
        })
      ),
    Nothing: () => Effect.void
  })
  .pipe(Layer.merge(Layer.effectDiscard(Effect.logInfo("built"))))
