/** The log of the service: on standard error, for people on a terminal, as JSON for programs, with the trace of each line. */
import { Context, Formatter, Layer, Logger, Tracer } from "effect"

export type LogFormat = "auto" | "pretty" | "json"

/** `"auto"` is pretty on a terminal and JSON otherwise. Replaces the loggers that there are. */
export const layer = (format: LogFormat): Layer.Layer<never> => {
  const isPretty = format === "pretty" || (format === "auto" && process.stderr.isTTY === true)
  return Logger.layer([isPretty ? pretty : json])
}

const write = (line: string) => {
  if (process.stderr.writable) process.stderr.write(`${line}\n`)
}

/** A line of log in a span says which: whoever reads it finds the trace. */
const spanOf = (context: Context.Context<never>) => {
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  return span === undefined ? undefined : { trace_id: span.traceId, span_id: span.spanId }
}

const pretty = Logger.make<unknown, void>((options) => {
  const span = spanOf(options.fiber.context)
  write(Logger.formatLogFmt.log(options) + (span === undefined ? "" : ` trace_id=${span.trace_id}`))
})

const json = Logger.make<unknown, void>((options) => {
  const structured = Logger.formatStructured.log(options)
  write(Formatter.formatJson({ ...structured, ...spanOf(options.fiber.context) }))
})
