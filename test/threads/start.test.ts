/** How threads and processes become ready, or cannot; and how they go. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { once } from "node:events"
import { fork, spawn as spawnProgram } from "node:child_process"
import { relative } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { PoolError, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Add, Crash, group } from "./modules/crashGroup.ts"
import { crashing, folder, isolations, lawHolds, logged, poolOf, untilStats } from "./observing.ts"

const own = new URL("./modules/crashing.thread.ts", import.meta.url)
const effect = import.meta.resolve("effect")
const rpc = import.meta.resolve("effect/rpc")

/** Modules that can never be ready, as text, and what is said of each. */
const unusable: ReadonlyArray<readonly [what: string, text: string | undefined, reason: RegExp]> = [
  ["is not there", undefined, /^Cannot find module '.*\/module\.mjs'/],
  [
    "imports what is not there",
    `import "./nowhere.mjs"`,
    /^Cannot find module '.*\/nowhere\.mjs' imported from .*\/module\.mjs/
  ],
  ["cannot be read", "export const = 3", /^SyntaxError: .* \(file:\/\/.*\/module\.mjs, or what it imports\)$/],
  ["throws", `throw new TypeError("not today")`, /^TypeError: not today$/],
  ["leaves", "process.exit(5)", /^it ended with code 5$/],
  ["exports no group", `export { layer } from "${crashing}"`, /\/module\.mjs exports no `group`$/],
  ["exports no layer", `export { group } from "${crashing}"`, /\/module\.mjs exports no `layer`$/],
  [
    "exports something else as its group",
    `export { layer } from "${crashing}"; export const group = "a text"`,
    /^what .*\/module\.mjs exports as `group` is no RpcGroup$/
  ],
  [
    "exports something else as its layer",
    `export { group } from "${crashing}"; export const layer = { Add: () => 3 }`,
    /^what .*\/module\.mjs exports as `layer` is no Layer$/
  ],
  [
    "has a layer that fails",
    `import { Effect, Layer, Schema } from "${effect}"; export { group } from "${crashing}"
     class NoDatabase extends Schema.TaggedError()("NoDatabase", { host: Schema.String }) {
       get message() { return "No database at " + this.host }
     }
     export const layer = Layer.effectDiscard(new NoDatabase({ host: "nowhere" }))`,
    /^NoDatabase: No database at nowhere$/
  ],
  [
    "has a layer with a defect",
    `import { Effect, Layer } from "${effect}"; export { group } from "${crashing}"
     export const layer = Layer.effectDiscard(Effect.die(new RangeError("out of reach")))`,
    /^RangeError: out of reach$/
  ],
  [
    "has no handler for an Rpc",
    `import { Layer } from "${effect}"; export { group } from "${crashing}"; export const layer = Layer.empty`,
    /^UnsupportedRpc: .*"Add".*no handler/
  ]
]

/** Before its module each thread writes a dot into a file: so many have been started. */
const counted = (file: string) => ({
  env: { ...process.env, STARTS: file },
  execArgv: [
    "--import",
    `data:text/javascript,${encodeURIComponent('import { appendFileSync } from "node:fs"; appendFileSync(process.env.STARTS, ".")')}`
  ]
})

const build = (options: Partial<Threads.Options & Threads.Source>) =>
  Layer.build(Threads.layer(group, options as Threads.Options & Threads.Source))

describe.each(isolations)("the start of a %s", (isolation) => {
  it.effect.each(unusable)("fails with what its module says, and is tried once: it %s", ([, text, reason]) => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const { file, path, read, write } = yield* folder
      const starts = file()
      const module = `${path}/module.mjs`
      if (text !== undefined) yield* write(module, text)
      const error = yield* Effect.flip(Effect.scoped(build({ module, isolation, min: 1, max: 4, ...counted(starts) })))
      assert.instanceOf(error, Threads.ThreadsFailed)
      assert.match(error.reason, reason)
      assert.strictEqual(yield* read(starts), ".")
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("crashed")),
        [`thread 1 of "threads" has crashed (start): ${error.reason}`]
      )
    }).pipe(Effect.provide(layer), Effect.scoped)
  })

  it.effect("fails where its module is of another group", () =>
    Effect.gen(function* () {
      const { path, write } = yield* folder
      const module = `${path}/module.mjs`
      yield* write(
        module,
        `import { Effect } from "${effect}"; import { Rpc, RpcGroup } from "${rpc}"
         export const group = RpcGroup.make(Rpc.make("Add"), Rpc.make("Spin"))
         export const layer = group.toLayer({ Add: () => Effect.void, Spin: () => Effect.void })`
      )
      const error = yield* Effect.flip(Effect.scoped(build({ module, isolation })))
      assert.deepInclude(error, {
        _tag: "ThreadsFailed",
        reason: 'its group has no "Await", "Crash", "CrashIdle", "Native"'
      })
    }).pipe(Effect.scoped)
  )

  it.effect("fails where one of the first cannot be ready, and leaves no other behind", () =>
    Effect.gen(function* () {
      const { file, path, read, write } = yield* folder
      const [starts, gone] = [file(), file()]
      const module = `${path}/module.mjs`
      // The second one cannot have what the first one has, as with a port.
      yield* write(
        module,
        `import { Effect, Layer } from "${effect}"; import { writeFileSync } from "node:fs"
         import { group, layer as handlers } from "${crashing}"; export { group }
         writeFileSync("${path}/taken", "", { flag: "wx" })
         export const layer = Layer.merge(handlers, Layer.effectDiscard(
           Effect.addFinalizer(() => Effect.sync(() => writeFileSync("${gone}", "gone")))))`
      )
      const error = yield* Effect.flip(Effect.scoped(build({ module, isolation, min: 2, max: 4, ...counted(starts) })))
      assert.instanceOf(error, Threads.ThreadsFailed)
      assert.match(error.reason, /^EEXIST: /)
      assert.strictEqual(yield* read(starts), "..")
      assert.strictEqual(yield* read(gone), "gone")
    }).pipe(Effect.provide(Logger.layer([])), Effect.scoped)
  )

  it.effect.each([
    ["URL", crashing],
    ["text of a URL", crashing.href],
    ["path", fileURLToPath(crashing)],
    ["path from where the program is", relative(process.cwd(), fileURLToPath(crashing))]
  ] as const)("is of a module by its %s", ([, module]) =>
    Effect.gen(function* () {
      const { execute } = yield* WorkerPool.WorkerPool
      assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
    }).pipe(Effect.provide(poolOf({ module, isolation, min: 1 })))
  )

  it.effect("is tried again when somebody asks, and only then", () =>
    Effect.gen(function* () {
      const { file, path, read, write, remove } = yield* folder
      const starts = file()
      const module = `${path}/module.mjs`
      yield* write(module, `export * from "${crashing}"`)
      yield* Effect.gen(function* () {
        const { execute, submit } = yield* WorkerPool.WorkerPool
        assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
        yield* remove(module)
        assert.deepInclude(yield* Effect.flip(execute(Crash, { how: "exit" })), { reason: "exit" })
        yield* untilStats(({ starting }) => starting === 0)
        // Two by now, and nobody has asked.
        const before = (yield* read(starts)).length
        assert.strictEqual(before, 2)
        const tickets = yield* Effect.forEach([1, 2, 3], (a) => submit(Add, { a, b: 0 }))
        for (const { await: end } of tickets) {
          const error = yield* Effect.flip(end)
          assert.instanceOf(error, PoolError.ThreadCrashed)
          assert.strictEqual(error.reason, "start")
          assert.match(error.detail, /^Cannot find module/)
        }
        assert.isAtMost((yield* read(starts)).length, before + tickets.length)
        yield* write(module, `export * from "${crashing}"`)
        assert.strictEqual(yield* execute(Add, { a: 3, b: 4 }), 7)
        const counts = yield* lawHolds
        assert.deepInclude(counts, { succeeded: 2, failed: 4, running: 0, waiting: 0 })
      }).pipe(Effect.provide(poolOf({ module, isolation, min: 1, max: 1, spare: 0, ...counted(starts) })))
    }).pipe(Effect.provide(Logger.layer([])), Effect.scoped)
  )

  it.effect("does not go on for ever where each one ends by itself when it is ready", () =>
    Effect.gen(function* () {
      const { file, path, read, write } = yield* folder
      const starts = file()
      const module = `${path}/module.mjs`
      yield* write(
        module,
        `import { existsSync } from "node:fs"
         export * from "${crashing}"
         setInterval(() => existsSync("${path}/end") && process.exit(6), 5)`
      )
      yield* Effect.gen(function* () {
        const { execute } = yield* WorkerPool.WorkerPool
        assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
        yield* write(`${path}/end`)
        // The first has run an attempt, the second has not.
        yield* untilStats(({ crashed, starting }) => crashed === 2 && starting === 0)
        assert.strictEqual(yield* read(starts), "..")
      }).pipe(Effect.provide(poolOf({ module, isolation, min: 1, max: 1, spare: 0, ...counted(starts) })))
    }).pipe(Effect.provide(Logger.layer([])), Effect.scoped)
  )
})

/** Of V8, and of a whole process: a thread that is told them refuses them. */
const ofProcess = ["--max-old-space-size=512", "--expose-gc", "--title=mine", "--report-on-fatalerror"]

it.live.each(isolations)("a %s starts in a program with options that a thread cannot be told", (isolation) =>
  Effect.gen(function* () {
    const { path, write } = yield* folder
    const program = `${path}/program.mjs`
    yield* write(
      program,
      `import { Effect, Layer } from "${effect}"
       import * as Threads from "${import.meta.resolve("../../src/threads/Threads.ts")}"
       import { group } from "${import.meta.resolve("./modules/crashGroup.ts")}"
       const layer = Threads.layer(group, { module: new URL("${crashing}"), isolation: "${isolation}" })
       console.log(await Effect.runPromise(Layer.build(layer).pipe(Effect.as("ready"), Effect.scoped)))`
    )
    const child = spawnProgram(process.execPath, [...ofProcess, program], { stdio: ["ignore", "pipe", "inherit"] })
    const said = yield* Effect.promise(() => text(child.stdout!))
    assert.strictEqual(said, "ready\n")
  }).pipe(Effect.scoped)
)

describe("what a user spawns", () => {
  it.effect("is refused where it is a process without a channel", () =>
    Effect.gen(function* () {
      const spawn = () => spawnProgram(process.execPath, ["-e", "setInterval(() => {}, 1000)"])
      const error = yield* Effect.flip(Effect.scoped(build({ spawn })))
      assert.deepInclude(error, { _tag: "ThreadsFailed", reason: "it has no channel: start it with `fork`" })
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("is refused where it is gone already, or runs attempts already", () =>
    Effect.gen(function* () {
      const thread = new Worker("", { eval: true })
      const child = spawnProgram(process.execPath, ["-e", ""])
      yield* Effect.promise(() => Promise.all([once(thread, "exit"), once(child, "exit")]))
      for (const gone of [thread, child]) {
        const error = yield* Effect.flip(Effect.scoped(build({ spawn: () => gone })))
        assert.deepInclude(error, { _tag: "ThreadsFailed", reason: "what was spawned is gone already" })
      }
      const same = new Worker(own)
      const error = yield* Effect.flip(Effect.scoped(build({ spawn: () => same, min: 2, max: 2 })))
      assert.match((error as Threads.ThreadsFailed).reason, /each call of `spawn` must start another one/)
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.live("is refused where it is a process that talks in JSON", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(build({ spawn: () => fork(own) })))
      assert.deepInclude(error, {
        _tag: "ThreadsFailed",
        reason: 'it talks in JSON: fork it with `serialization: "advanced"`'
      })
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("is refused where spawning throws", () =>
    Effect.gen(function* () {
      const spawn = () => new Worker(own, { execArgv: ["--no-such-option"] })
      const error = yield* Effect.flip(Effect.scoped(build({ spawn })))
      assert.strictEqual(error._tag, "ThreadsFailed")
      assert.include((error as Threads.ThreadsFailed).reason, "--no-such-option")
    }).pipe(Effect.provide(Logger.layer([])))
  )
})
