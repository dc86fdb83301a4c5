/** What a pool on threads logs, how its threads are, and files by which a test and its threads tell each other where they are. */
import { Effect, Logger } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { PoolSnapshot, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"

export { crashing, isolations, poolOf } from "./pool.ts"

/** A folder for the length of a test. */
export const folder = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "threads-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  ),
  (path) => {
    let files = 0
    return {
      path,
      file: () => join(path, `file-${++files}`),
      read: (file: string) => Effect.sync(() => readFileSync(file, "utf8")),
      remove: (file: string) => Effect.sync(() => rmSync(file)),
      write: (file: string, text = "") => Effect.sync(() => writeFileSync(file, text)),
      /** Looks in real time: it is another thread that writes it. */
      exists: (file: string) =>
        Effect.promise(async () => {
          while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5))
        })
    }
  }
)

/** What is logged, a line each. */
export const logged = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

/** When its threads are as they should be; other threads change them, so that it looks in real time. */
export const untilStats = (
  fits: (stats: Threads.Stats) => boolean
): Effect.Effect<Threads.Stats, never, Threads.Threads> =>
  Effect.flatMap(Threads.stats, (stats) =>
    fits(stats)
      ? Effect.succeed(stats)
      : Effect.andThen(
          Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5))),
          untilStats(fits)
        )
  )

export const lawHolds = Effect.gen(function* () {
  const { snapshot } = yield* WorkerPool.WorkerPool
  const counts = yield* snapshot
  assert.deepStrictEqual(PoolSnapshot.lawViolations(counts), [])
  return counts
})
