/** How threads and processes go: with their pool, with the process that has started them, and at no signal. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Add, CrashIdle, group, Native, Spin } from "./modules/crashGroup.ts"
import { crashing, folder, isolations, logged, poolOf } from "./observing.ts"

const effect = import.meta.resolve("effect")
/** Its drain gives up at once, so that the threads are closed under what runs. */
const impatient = { drainDeadline: 1, drainGrace: 1, interruptGrace: 1 }

describe.each(isolations)("closing the layer of a %s", (isolation) => {
  it.effect("runs the finalizers of the layers of those that are idle", () =>
    Effect.gen(function* () {
      const { file, path, read, write } = yield* folder
      const gone = file()
      const module = `${path}/module.mjs`
      yield* write(
        module,
        `import { Effect, Layer } from "${effect}"; import { appendFileSync } from "node:fs"
         import { group, layer as handlers } from "${crashing}"; export { group }
         export const layer = Layer.merge(handlers, Layer.effectDiscard(
           Effect.addFinalizer(() => Effect.promise(async () => appendFileSync("${gone}", "gone ")))))`
      )
      yield* Effect.scoped(
        Layer.build(Threads.layer(group, { module, isolation, min: 2, max: 2, killAfter: "1 minute" }))
      )
      assert.strictEqual(yield* read(gone), "gone gone ")
    }).pipe(Effect.scoped)
  )

  it.live("ends one that computes for ever", () => {
    const { layer: logger, lines } = logged()
    return Effect.gen(function* () {
      const { exists, file, read } = yield* folder
      const started = file()
      yield* Effect.gen(function* () {
        const { submit } = yield* WorkerPool.WorkerPool
        yield* submit(Spin, { started })
        yield* exists(started)
      }).pipe(Effect.provide(poolOf({ isolation, answerWithin: 10, killAfter: "30 seconds" }, impatient)))
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("thread")),
        []
      )
      if (isolation === "process") assert.isFalse(isRunning(Number(yield* read(started))))
    }).pipe(Effect.provide(logger), Effect.scoped)
  })
})

describe("closing the layer under native code", () => {
  const close = (isolation: "thread" | "process", killAfter: number) => {
    const { layer: logger, lines } = logged()
    return Effect.gen(function* () {
      const { exists, file } = yield* folder
      const started = file()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(poolOf({ isolation, killAfter }, impatient), scope)
      yield* Effect.gen(function* () {
        const { submit } = yield* WorkerPool.WorkerPool
        yield* submit(Native, { iterations: 6_000_000, started })
        yield* exists(started)
      }).pipe(Effect.provideContext(context))
      yield* Scope.close(scope, Exit.void)
      return lines.filter((line) => line.includes("left behind"))
    }).pipe(Effect.provide(logger), Effect.scoped)
  }

  it.live("leaves a thread behind that cannot be ended, and says which", () =>
    Effect.gen(function* () {
      const left = yield* close("thread", 200)
      assert.strictEqual(left.length, 1)
      assert.match(left[0]!, /^thread \d of "threads" ignores that it was killed, and is left behind with "Native"$/)
    })
  )

  it.live("ends a process", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* close("process", 20_000), [])
    })
  )
})

describe("a process", () => {
  it.effect("ends at no signal that its parent has too", () =>
    Effect.gen(function* () {
      const { file } = yield* folder
      const { execute } = yield* WorkerPool.WorkerPool
      const never = file()
      const pid = yield* execute(CrashIdle, { file: never })
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal)
      assert.strictEqual(yield* execute(CrashIdle, { file: never }), pid)
      assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
      assert.deepInclude(yield* Threads.stats, { started: 1, crashed: 0 })
    }).pipe(Effect.provide(poolOf({ isolation: "process", min: 1, max: 1, spare: 0 })), Effect.scoped)
  )

  it.live("ends when its parent is killed, whether it is idle or computes", () =>
    Effect.gen(function* () {
      const { exists, file, read } = yield* folder
      const started = file()
      const { program, said } = yield* start(fileURLToPath(crashing), "process", started)
      yield* exists(started)
      const idle = Number(yield* said(/idle (\d+)\n/))
      const busy = Number(yield* read(started))
      assert.notStrictEqual(idle, busy)
      assert.isTrue(isRunning(idle) && isRunning(busy))
      program.kill("SIGKILL")
      yield* until(() => !isRunning(idle) && !isRunning(busy))
    }).pipe(Effect.scoped)
  )
})

describe.each(isolations)("a %s", (isolation) => {
  it.live("prints where its parent prints", () =>
    Effect.gen(function* () {
      const { file, path, write } = yield* folder
      const module = `${path}/module.mjs`
      yield* write(module, `console.log("to stdout"); console.error("to stderr"); export * from "${crashing}"`)
      const { said, complained } = yield* start(module, isolation, file())
      yield* said(/(to stdout)\n/)
      yield* complained(/(to stderr)\n/)
    }).pipe(Effect.scoped)
  )
})

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // It is gone, and whoever has inherited it has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" && process.platform !== "linux"
  }
}

/** Looks in real time: it is another process that changes it. */
const until = (happened: () => boolean) =>
  Effect.promise(async () => {
    while (!happened()) await new Promise((resolve) => setTimeout(resolve, 5))
  })

/** A program whose handlers are on threads; what it prints is waited for. */
const start = Effect.fnUntraced(function* (module: string, isolation: string, started: string) {
  const path = fileURLToPath(new URL("./modules/parentProgram.ts", import.meta.url))
  const program: ChildProcess = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [path, module, isolation, started], { stdio: ["ignore", "pipe", "pipe"] })
    ),
    (program) => Effect.sync(() => program.kill("SIGKILL"))
  )
  const hearing = (stream: NodeJS.ReadableStream) => {
    let text = ""
    stream.setEncoding("utf8").on("data", (more: string) => void (text += more))
    return (pattern: RegExp) =>
      Effect.map(
        until(() => pattern.test(text)),
        () => pattern.exec(text)![1]!
      )
  }
  return { program, said: hearing(program.stdout!), complained: hearing(program.stderr!) }
})
