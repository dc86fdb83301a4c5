/** What a line of the log looks like, and that it names its trace. */
import { Cause, Effect, Tracer } from "effect"
import { describe, it, vi } from "vitest"
import * as Logs from "../../../src/program/output/logs.ts"

/** Any tracer but Effect's own, whose spans go nowhere. */
const exporting = Tracer.make({ span: (options) => Tracer.nativeTracer.span(options) })

/** What is on standard error after a line outside of a span and one within. */
const logged = async (format: Logs.LogFormat, tracer: Tracer.Tracer = exporting) => {
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true)
  const span = await Effect.runPromise(
    Effect.andThen(
      Effect.annotateLogs(Effect.logWarning("outside"), "pool", "mine"),
      Effect.withSpan(Effect.andThen(Effect.logInfo("inside"), Effect.orDie(Effect.currentSpan)), "span")
    ).pipe(Effect.provide(Logs.layer(format)), Effect.withTracer(tracer))
  )
  const lines = stderr.mock.calls.map(([text]) => String(text))
  stderr.mockRestore()
  return { lines, span }
}

describe("the log", () => {
  it("is JSON where nobody looks, with the trace and the span of each line that has one", async ({ expect }) => {
    const { lines, span } = await logged("auto")
    const [outside, inside] = lines.map((line) => JSON.parse(line))
    expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true)
    expect(outside).toMatchObject({ message: "outside", level: "WARN", annotations: { pool: "mine" } })
    expect(outside).not.toHaveProperty("trace_id")
    expect(inside).toMatchObject({ message: "inside", trace_id: span.traceId, span_id: span.spanId })
  })

  it("says so of a cause that cannot be read", async ({ expect }) => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true)
    for (const format of ["json", "pretty"] as const) {
      await Effect.runPromise(Effect.provide(Effect.logError("died", Cause.die(proxy)), Logs.layer(format)))
      expect(String(stderr.mock.lastCall)).toContain("something that cannot be read")
    }
    stderr.mockRestore()
  })

  it("names no trace when none goes anywhere", async ({ expect }) => {
    for (const format of ["json", "pretty"] as const) {
      const { lines } = await logged(format, Tracer.nativeTracer)
      expect(lines.length).toBe(2)
      expect(lines.join()).not.toContain("trace_id")
    }
  })

  it("is a line for people when it is asked for", async ({ expect }) => {
    const { lines, span } = await logged("pretty")
    expect(lines[0]).toMatch(/level=WARN .*message=outside pool=mine\n$/)
    expect(lines[1]).toMatch(new RegExp(`message=inside trace_id=${span.traceId}\n$`))
  })
})
