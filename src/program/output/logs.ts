/** The log of the service: on standard error, for people on a terminal, as JSON for programs, with the trace of each line. */
import { Cause, Context, Formatter, Layer, Logger, Tracer } from "effect"
import { Defect } from "../../index.ts"

export type LogFormat = "auto" | "pretty" | "json"

/** `"auto"` is pretty on a terminal and JSON otherwise. Replaces the loggers that there are. */
export const layer = (format: LogFormat): Layer.Layer<never> => {
  const isPretty = format === "pretty" || (format === "auto" && process.stderr.isTTY === true)
  return Logger.layer([isPretty ? pretty : json])
}

const write = (line: string) => {
  if (process.stderr.writable) process.stderr.write(`${line}\n`)
}

/** A line of log in a span says which: whoever reads it finds the trace. Effect's own tracer sends none anywhere. */
const spanOf = (context: Context.Context<never>) => {
  if (Context.get(context, Tracer.Tracer) === Tracer.nativeTracer) return undefined
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  return span === undefined ? undefined : { trace_id: span.traceId, span_id: span.spanId }
}

/** A line whose cause can be formatted: there are values that throw at whoever looks at them. */
export const readable = (line: Logger.Options<unknown>): Logger.Options<unknown> => {
  if (line.cause.reasons.length === 0) return line
  try {
    Cause.pretty(line.cause)
    return line
  } catch {
    return { ...line, cause: Cause.die(Defect.pretty(line.cause)) }
  }
}

const pretty = Logger.make<unknown, void>((options) => {
  const span = spanOf(options.fiber.context)
  write(Logger.formatLogFmt.log(readable(options)) + (span === undefined ? "" : ` trace_id=${span.trace_id}`))
})

const json = Logger.make<unknown, void>((options) => {
  const structured = Logger.formatStructured.log(readable(options))
  write(Formatter.formatJson({ ...structured, ...spanOf(options.fiber.context) }))
})
