/** Threads, and processes, that end under an attempt by themselves: it alone is hurt. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { EventEmitter } from "node:events"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { PoolError, RetryPolicy, WorkerPool } from "../../src/index.ts"
import { From } from "../../src/threads/messages.ts"
import { processHost } from "../../src/threads/processHost.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Add, Await, Crash, CrashIdle } from "./modules/crashGroup.ts"
import { folder, isolations, lawHolds, logged, poolOf, untilStats } from "./observing.ts"

const own = new URL("./modules/crashing.thread.ts", import.meta.url)

/** A crash beside a neighbour that runs meanwhile, and what its caller sees. */
const crash = (how: (typeof Crash)["payloadSchema"]["Type"]["how"], options: object = {}) => {
  const { layer: logger, lines } = logged()
  return Effect.gen(function* () {
    const { exists, file, write } = yield* folder
    const { execute, submit } = yield* WorkerPool.WorkerPool
    const gate = file()
    const neighbour = yield* submit(Await, { file: gate })
    const error = yield* Effect.flip(execute(Crash, { how }))
    assert.instanceOf(error, PoolError.ThreadCrashed)
    assert.strictEqual(error.tag, "Crash")
    assert.strictEqual(yield* neighbour.status, "running")
    assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
    yield* write(gate)
    yield* exists(gate)
    assert.strictEqual(yield* neighbour.await, gate)
    const counts = yield* lawHolds
    assert.deepInclude(counts, { succeeded: 2, failed: 1, attempts: 3, running: 0, stuck: 0 })
    assert.deepInclude(yield* Threads.stats, { crashed: 1, killed: 0, busy: 0, stuck: 0 })
    assert.strictEqual(
      lines.filter((line) => line.includes(`has crashed (${error.reason}): ${error.detail}`)).length,
      1
    )
    return error
  }).pipe(Effect.provide(Layer.provideMerge(poolOf(options), logger)), Effect.scoped)
}

describe.each(isolations)("a %s that ends by itself", (isolation) => {
  it.effect("says with which code it was left", () =>
    Effect.gen(function* () {
      const { detail, reason } = yield* crash("exit", { isolation })
      assert.deepStrictEqual({ detail, reason }, { detail: "it ended with code 3", reason: "exit" })
    })
  )

  it.effect.each([
    ["throwLater", "TypeError: thrown in a timer"],
    ["reject", "rejected to nobody"]
  ] as const)("says what nobody has caught (%s)", ([how, words]) =>
    Effect.gen(function* () {
      const { detail, reason } = yield* crash(how, { isolation })
      assert.deepStrictEqual({ detail, reason }, { detail: words, reason: "uncaught" })
    })
  )

  it.effect("says what nobody has caught where that is no error", () =>
    Effect.gen(function* () {
      const { detail, reason } = yield* crash("rejectText", { isolation })
      assert.strictEqual(reason, "uncaught")
      assert.include(detail, "a text")
    })
  )

  it.effect("was left, where somebody of its own catches what nobody else does", () =>
    Effect.gen(function* () {
      const { detail, reason } = yield* crash("ownListener", { isolation })
      assert.deepStrictEqual({ detail, reason }, { detail: "it ended with code 9", reason: "exit" })
    })
  )

  it.effect("is replaced when it was idle, with a warning, and nobody is hurt", () => {
    const { layer: logger, lines } = logged()
    return Effect.gen(function* () {
      const { file, write } = yield* folder
      const { execute } = yield* WorkerPool.WorkerPool
      const gate = file()
      yield* execute(CrashIdle, { file: gate })
      yield* write(gate)
      yield* untilStats(({ crashed, idle }) => crashed === 1 && idle === 1)
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("crashed")),
        ['thread 1 of "threads" has crashed (exit): it ended with code 4']
      )
      assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
      assert.deepInclude(yield* lawHolds, { succeeded: 2, failed: 0 })
      assert.deepInclude(yield* Threads.stats, { crashed: 1, killed: 0 })
    }).pipe(Effect.provide(Layer.provideMerge(poolOf({ isolation, min: 1, max: 1, spare: 0 }), logger)), Effect.scoped)
  })

  it.live("is a failure for a retry", () =>
    Effect.gen(function* () {
      const { file } = yield* folder
      const { execute } = yield* WorkerPool.WorkerPool
      const retry = RetryPolicy.make({ times: 1, base: 1 })
      yield* execute(Crash, { how: "exit", once: file() }, { retry })
      const counts = yield* lawHolds
      assert.deepInclude(counts, { succeeded: 1, failed: 0, attempts: 2 })
      const error = yield* Effect.flip(execute(Crash, { how: "exit" }, { retry }))
      assert.strictEqual(error._tag, "ThreadCrashed")
      assert.deepInclude(yield* lawHolds, { succeeded: 1, failed: 1, attempts: 4 })
    }).pipe(Effect.provide(poolOf({ isolation })), Effect.scoped)
  )
})

describe("a thread that ends by itself", () => {
  it.effect("says that its heap is full, where strings fill it above a limit of its own", () =>
    Effect.gen(function* () {
      const spawn = () => new Worker(own, { resourceLimits: { maxOldGenerationSizeMb: 40 } })
      const { detail, reason } = yield* crash("strings", { module: undefined, spawn })
      assert.strictEqual(reason, "outOfMemory")
      assert.include(detail, "memory limit")
    })
  )
})

describe("a process that ends by itself", () => {
  it("is heard to its last message, which may come after its exit", () => {
    const child = Object.assign(new EventEmitter(), { pid: 1, connected: true })
    const heard: Array<unknown> = []
    processHost(child as unknown as ChildProcess, {
      onMessage: (message) => void heard.push(message),
      onExit: (ended) => void heard.push(ended)
    })
    child.emit("exit", 3, null)
    child.emit("message", [From.value, 1])
    child.connected = false
    child.emit("disconnect")
    assert.deepStrictEqual(heard, [[From.value, 1], { reason: "exit", detail: "it ended with code 3" }])
  })

  it.effect.each([
    ["abort", /^it was ended by SIGABRT: /],
    ["segv", /^it was ended by SIGSEGV$/]
  ] as const)("says which signal that was (%s)", ([how, words]) =>
    Effect.gen(function* () {
      const { detail, reason } = yield* crash(how, { isolation: "process" })
      assert.strictEqual(reason, "signal")
      assert.match(detail, words)
    })
  )

  it.effect("is an abort where V8's own limit is reached, and takes nobody with it", () =>
    Effect.gen(function* () {
      const { detail, reason } = yield* crash("objects", {
        isolation: "process",
        execArgv: ["--max-old-space-size=64"]
      })
      assert.strictEqual(reason, "signal")
      assert.include(detail, "V8 where its heap is full")
    })
  )

  it.effect("tells its stderr of what nobody has caught, as Node does", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const spawn = () => {
        const child = fork(fileURLToPath(own), { serialization: "advanced", silent: true })
        child.stderr!.setEncoding("utf8").on("data", (text: string) => void told.push(text))
        return child
      }
      const { detail, reason } = yield* crash("throwLater", { module: undefined, spawn })
      assert.deepStrictEqual({ detail, reason }, { detail: "TypeError: thrown in a timer", reason: "uncaught" })
      while (!told.join("").includes("Node.js v")) {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
      }
      assert.match(told.join(""), /crashing\.ts:\d+\n[^]*TypeError: thrown in a timer\n {4}at /)
    })
  )
})
