/** What a thread tells beyond what is taken here is dropped there, and that is said: it never holds up what is done with the thread. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Option, Tracer } from "effect"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mostUntaken } from "../../src/threads/backlog.ts"
import * as Threads from "../../src/threads/Threads.ts"
import * as asked from "./modules/floodGroup.ts"
import { execute, isolations, poolOf } from "./support.ts"

const times = 5_000
const moment = new Int32Array(new SharedArrayBuffer(4))

/** Takes nothing of a flood, once that has begun, until all of it was told. */
const slowOf = (file: string) => {
  const lines: Array<string> = []
  const spans: Array<Tracer.NativeSpan> = []
  let begun = () => {}
  const takeLate = () => {
    while (!existsSync(file)) Atomics.wait(moment, 0, 0, 5)
    begun()
  }
  const logger = Logger.make<unknown, void>(({ message }) => {
    const text = String((message as ReadonlyArray<unknown>)[0])
    lines.push(text)
    if (text === "flood") takeLate()
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      if (span.name === "flood") takeLate()
      return span
    }
  })
  const named = (name: string) => spans.filter((span) => span.name === name)
  return {
    named,
    linesOf: (text: string) => lines.filter((line) => line === text).length,
    /** How many were dropped, as each warning says. */
    warnings: () =>
      lines.flatMap((line) => /^(\d+) logs or spans of thread \d+ of "threads" were dropped/.exec(line)?.[1] ?? []),
    begun: Effect.callback<void>((resume) => void (begun = () => resume(Effect.void))),
    layer: Layer.merge(Logger.layer([logger]), Layer.succeed(Tracer.Tracer, tracer))
  }
}

const withFlood = <E>(
  isolation: "thread" | "process",
  use: (seen: ReturnType<typeof slowOf>, file: string) => Effect.Effect<void, E, any>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "flood-"))),
    (directory) => {
      const file = join(directory, "told")
      const seen = slowOf(file)
      return use(seen, file).pipe(
        Effect.provide(poolOf(asked.group, "flooding.ts", { isolation })),
        Effect.provide(seen.layer)
      ) as Effect.Effect<void, E>
    },
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

for (const isolation of isolations) {
  describe(`a flood from a ${isolation}`, () => {
    it.live("of lines is dropped beyond what may be on its way, and one warning says how many were", () =>
      withFlood(isolation, (seen, file) =>
        Effect.gen(function* () {
          yield* execute(asked.Lines, { times, file, spin: false })
          const taken = seen.linesOf("flood")
          if (isolation === "thread") assert.strictEqual(taken, mostUntaken)
          assert.isAtMost(taken, times / 2)
          assert.deepStrictEqual(seen.warnings(), [String(times - taken)])
          // With room again all is told.
          yield* execute(asked.Lines, { times: 3, file, spin: false })
          assert.strictEqual(seen.linesOf("flood"), taken + 3)
          assert.lengthOf(seen.warnings(), 1)
        })
      )
    )

    it.live("is no more than that for who kills it, too", () =>
      withFlood(isolation, (seen, file) =>
        Effect.gen(function* () {
          const begun = yield* Effect.forkChild(seen.begun, { startImmediately: true })
          const fiber = yield* Effect.forkChild(execute(asked.Lines, { times, file, spin: true }))
          yield* Fiber.join(begun)
          yield* Fiber.interrupt(fiber)
          assert.deepInclude(yield* Threads.stats, { killed: 1 })
          const taken = seen.linesOf("flood")
          assert.isAtMost(taken, times / 2)
          // A process takes with it what it had not written.
          if (isolation === "thread") assert.deepStrictEqual(seen.warnings(), [String(times - taken)])
        })
      )
    )

    it.live("of spans leaves none open, and what was within one that was dropped is within what is around it", () =>
      withFlood(isolation, (seen, file) =>
        Effect.gen(function* () {
          yield* Effect.withSpan(execute(asked.Spans, { times, file, spin: false }), "caller")
          const [around] = seen.named("around")
          const told = seen.named("flood")
          assert.isAbove(told.length, 0)
          assert.isAtMost(told.length, times / 2)
          assert.isAtMost(seen.linesOf("within"), times / 2)
          assert.lengthOf(seen.warnings(), 1)
          for (const span of [around!, ...told]) assert.strictEqual(span.status._tag, "Ended")
          for (const span of told) assert.strictEqual(Option.getOrThrow(span.parent), around)
          yield* Effect.withSpan(execute(asked.Spans, { times: 1, file, spin: false }), "caller")
          assert.lengthOf(seen.named("flood"), told.length + 1)
        })
      )
    )
  })
}
