/** What threads tell besides how their attempts end, put where the pool's thread has the same: logs, metrics, spans. */
import { Cause, Context, Effect, Exit, LogLevel, Logger, Metric, Option, References, Schema, Tracer } from "effect"
import { causes } from "./codec.ts"
import { type Change, From, type Log, type Report, type SpanContext, type SpanStart } from "./messages.ts"
import type { Ended } from "./host.ts"
import type { Thread } from "./thread.ts"

/** A span of a thread, and the one that was made for it here. */
interface Open {
  readonly span: Tracer.Span
  readonly context: Context.Context<never>
}

/**
 * What is told during an attempt is of that attempt: its loggers, annotations, tracer and span. All else is of the layer. Nothing
 * that a thread tells, or a logger or tracer throws, reaches anybody else.
 */
export class Reports {
  private readonly name: string
  private readonly context: Context.Context<never>
  private readonly metricContext: Context.Context<never>
  private readonly open = new Map<object, Map<number, Open>>()

  /** `name`: of the threads. `context`: of their layer. */
  constructor(name: string, context: Context.Context<never>) {
    this.name = name
    this.context = context
    // What is attributed to their metrics here is not theirs.
    this.metricContext = Context.add(context, Metric.CurrentMetricAttributes, {})
  }

  on(thread: Thread, report: Report): void {
    try {
      this.take(thread, report)
    } catch (defect) {
      this.log(Effect.logError(`what thread ${thread.id} of "${this.name}" has told cannot be taken`, defect))
    }
  }

  /** Its spans that are open end with it. */
  onGone(thread: object, { detail }: Ended, now: bigint): void {
    const open = this.open.get(thread)
    this.open.delete(thread)
    const exit = Exit.die(new Error(`its thread is gone: ${detail}`))
    for (const { span } of open?.values() ?? []) {
      try {
        span.end(now, exit)
      } catch (defect) {
        this.log(Effect.logError("a tracer threw", defect))
      }
    }
  }

  /** So many of its logs and spans, for it told more than could be taken here. */
  onDropped(thread: Thread, count: number): void {
    if (count === 0) return
    const what = `${count} logs or spans of thread ${thread.id} of "${this.name}" were dropped`
    this.log(Effect.logWarning(`${what}: it tells of more than is taken here`))
  }

  private take(thread: Thread, [kind, told]: Report): void {
    switch (kind) {
      case From.log:
        return this.onLog(thread, told)
      case From.metrics:
        return told.forEach((change) => this.onChange(change))
      case From.spanStart:
        return this.onSpan(thread, told)
      case From.spanMore: {
        const span = this.spanOf(thread, told.id)
        for (const [key, value] of Object.entries(told.attributes ?? {})) span?.attribute(key, value)
        if (told.event !== undefined) span?.event(told.event[0], told.event[1], told.event[2])
        if (told.links !== undefined) span?.addLinks(this.linksOf(thread, told.links))
        return
      }
      case From.spanEnd: {
        const span = this.spanOf(thread, told.id)
        const open = this.open.get(thread)
        open?.delete(told.id)
        if (open?.size === 0) this.open.delete(thread)
        return span?.end(told.endTime, told.cause === undefined ? Exit.void : Exit.failCause(causeOf(told.cause)))
      }
      case From.dropped:
        return this.onDropped(thread, told)
    }
  }

  private onLog(thread: Thread, told: Log): void {
    const open = told.span === undefined ? undefined : this.open.get(thread)?.get(told.span)
    const context = open?.context ?? thread.task?.context ?? this.context
    if (LogLevel.isGreaterThan(Context.get(context, References.MinimumLogLevel), told.level)) return
    const annotated = context.pipe(
      Context.add(References.CurrentLogAnnotations, {
        ...Context.get(context, References.CurrentLogAnnotations),
        ...told.annotations,
        threads: this.name,
        thread: thread.id
      }),
      Context.add(References.CurrentLogSpans, told.spans as ReadonlyArray<[string, number]>)
    )
    const { date, level: logLevel, message } = told
    const cause = told.cause === undefined ? Cause.empty : causeOf(told.cause)
    const log = Effect.withFiber<void>((fiber) => {
      for (const logger of Context.get(fiber.context, Logger.CurrentLoggers)) {
        logger.log({ cause, date, fiber, logLevel, message })
      }
      return Effect.void
    })
    Effect.runForkWith(open === undefined ? annotated : Context.add(annotated, Tracer.ParentSpan, open.span))(log)
  }

  private onChange(change: Change): void {
    const { description, id } = change
    const options = { description, attributes: change.attributes }
    switch (change.type) {
      case "Counter": {
        const { by, incremental } = change
        return typeof by === "bigint"
          ? update(Metric.counter(id, { ...options, bigint: true, incremental }), by, this.metricContext)
          : update(Metric.counter(id, { ...options, incremental }), by, this.metricContext)
      }
      case "Gauge": {
        const { value } = change
        return typeof value === "bigint"
          ? update(Metric.gauge(id, { ...options, bigint: true }), value, this.metricContext)
          : update(Metric.gauge(id, options), value, this.metricContext)
      }
      case "Frequency": {
        const frequency = Metric.frequency(id, options)
        for (const [word, times] of change.by) {
          for (let time = 0; time < times; time++) update(frequency, word, this.metricContext)
        }
      }
    }
  }

  private onSpan(thread: Thread, told: SpanStart): void {
    const { id, isRoot: root, kind, links, name, startTime } = told
    const parentContext = typeof told.parent === "number" ? this.open.get(thread)?.get(told.parent)?.context : undefined
    const context = parentContext ?? thread.task?.context ?? this.context
    const parent = told.parent === undefined ? undefined : this.anySpanOf(thread, told.parent)
    const span = Context.get(context, Tracer.Tracer).span({
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links: this.linksOf(thread, links),
      startTime,
      kind,
      root,
      sampled: true
    })
    const open = this.open.get(thread) ?? new Map<number, Open>()
    this.open.set(thread, open.set(id, { span, context }))
  }

  private spanOf(thread: Thread, id: number): Tracer.Span | undefined {
    return this.open.get(thread)?.get(id)?.span
  }

  /** `undefined`: it has ended before. */
  private anySpanOf(thread: Thread, span: number | SpanContext): Tracer.AnySpan | undefined {
    if (typeof span === "number") return this.spanOf(thread, span)
    const [traceId, spanId, sampled] = span
    const context = thread.task?.context ?? this.context
    const ofAttempt = Context.getOrUndefined(context, Tracer.ParentSpan)
    return ofAttempt?.spanId === spanId ? ofAttempt : Tracer.externalSpan({ traceId, spanId, sampled })
  }

  private linksOf(thread: Thread, links: SpanStart["links"]): Array<Tracer.SpanLink> {
    return links.flatMap(([told, attributes]) => {
      const span = this.anySpanOf(thread, told)
      return span === undefined ? [] : [{ span, attributes }]
    })
  }

  private log(effect: Effect.Effect<void>): void {
    Effect.runForkWith(this.context)(effect)
  }
}

const update = <Input>(metric: Metric.Metric<Input, unknown>, by: Input, context: Context.Context<never>): void => {
  Effect.runSyncWith(context)(Metric.update(metric, by))
}

const decodeCause = Schema.decodeUnknownSync(causes)

const causeOf = (told: unknown): Cause.Cause<never> => decodeCause(told) as Cause.Cause<never>
