// Proves that the package works for somebody who installs it: packs it, installs it in an empty folder, type-checks a
// program against it, runs that, and runs the installed `worker-pool`: on two lines, to simulate and draw, and to serve.
// Then the same for programs without Effect, and for those with a store, each in a folder of their own.
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"
import { checkDurable } from "./package/durable.mjs"
import { checkPromise } from "./package/promise.mjs"
import { sourceFiles } from "./source-files.mjs"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "worker-pool-package-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

const run = (cwd, command, ...args) =>
  execFileSync(command, args, { cwd, encoding: "utf8", timeout: 240_000, stdio: ["ignore", "pipe", "inherit"] })
const expect = (holds, what) => {
  if (holds) return
  console.error(`FAILED ${what}`)
  process.exit(1)
}
const step = (what) => console.log(`ok     ${what}`)

run(root, "npm", "pack", "--silent", "--pack-destination", folder)
const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))
const listed = new Set(run(folder, "tar", "-tzf", tarball).trim().split("\n"))
const has = (path) => listed.has(`package/${path}`)
for (const path of ["package.json", "README.md", "CHANGELOG.md", "LICENSE", "docs/reference.md", "examples/embed.ts"]) {
  expect(has(path), `the package has ${path}`)
}
// What a bundle exports for a module has its source map there.
const ofBundle = (built) =>
  /^export \{.*\} from "(.*bundle)\.js";\n$/.exec(readFileSync(join(root, `${built}.js`), "utf8"))
for (const { path } of sourceFiles) {
  const built = `dist/${path.slice(0, -3)}`
  const bundle = ofBundle(built)
  const mapped = bundle === null ? built : normalize(join(dirname(built), bundle[1]))
  for (const file of [`src/${path}`, `${built}.js`, `${mapped}.js.map`, `${built}.d.ts`, `${built}.d.ts.map`])
    expect(has(file), `the package has ${file}`)
  const { sources } = JSON.parse(readFileSync(join(root, `${mapped}.js.map`), "utf8"))
  for (const source of sources) {
    expect(has(normalize(join(dirname(mapped), source))), `the package has the source ${source} of ${mapped}.js`)
  }
}
const page = ["index.html", "assets/app.css", "assets/app.js", "assets/app.LICENSE.txt"].map(
  (file) => `dist/dashboard/${file}`
)
const alone = ["dist/promise/alone.js", "dist/promise/alone.LICENSE.txt"]
const bundles = ["dist/program/simulate/echarts.mjs", "dist/program/simulate/echarts.LICENSE.txt", ...alone, ...page]
for (const file of ["src/program/simulate/echarts.mts", "src/dashboard/page/main.tsx", ...bundles]) {
  expect(has(file), `the package has ${file}`)
}
const folders = /^package\/((dist|src|docs|examples)\/|(package\.json|README\.md|CHANGELOG\.md|LICENSE)$)/
for (const path of listed) expect(folders.test(path), `the package has no ${path}`)
step(`packed: ${listed.size} files`)

const project = join(folder, "project")
mkdirSync(project)
const write = (name, text) => writeFileSync(join(project, name), text)
const installed = (name) => {
  const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"))
  return `${name}@${version}`
}
write("package.json", JSON.stringify({ name: "project", private: true, type: "module" }))
const dependencies = ["effect", "typescript", "@types/node"].map(installed)
run(project, "npm", "install", "--silent", "--no-audit", "--no-fund", join(folder, tarball), ...dependencies)
const copies = readdirSync(join(project, "node_modules"), { recursive: true }).filter((path) =>
  /(^|node_modules\/)effect\/package\.json$/.test(path)
)
expect(copies.length === 1, `one copy of effect, found ${copies.join(", ")}`)
step("installed, with one copy of effect")

write(
  "handlers.ts",
  `import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const Double = Rpc.make("Double", { payload: { n: Schema.Int }, success: Schema.Int, error: Schema.String })
export class group extends RpcGroup.make(Double) {}
export const layer = group.toLayer({
  Double: ({ n }) => (n < 0 ? Effect.fail("negative") : Effect.succeed(2 * n))
})
`
)
write(
  "consumer.ts",
  `import { Effect, Layer, Stream } from "effect"
import { RateLimiter } from "effect/persistence"
import { ElasticPool, Handlers, type PoolError, PoolSnapshot, RetryPolicy, ScalingPolicy, WorkerPool } from "effect-worker-pool"
import * as RemotePool from "effect-worker-pool/RemotePool"
import * as SharedLimit from "effect-worker-pool/SharedLimit"
import * as Simulation from "effect-worker-pool/Simulation"
import * as TestPool from "effect-worker-pool/TestPool"
import * as Tuning from "effect-worker-pool/Tuning"
import { Double, group, layer } from "./handlers.ts"

const handlers = Handlers.layer(group).pipe(Layer.provideMerge(layer))

const program = Effect.gen(function* () {
  const client = yield* WorkerPool.client(group)
  const pool = yield* WorkerPool.WorkerPool
  const six: number = yield* client.Double({ n: 3 })
  const error: string | PoolError.PoolError = yield* Effect.flip(client.Double({ n: -1 }))
  const ends = yield* Stream.range(1, 100).pipe(
    Stream.map((n) => WorkerPool.call(Double, { n })),
    pool.process,
    Stream.runCount
  )
  const snapshot = yield* pool.snapshot
  return [six, error, ends, snapshot.succeeded, PoolSnapshot.lawViolations(snapshot)]
})

const elastic = ElasticPool.layer({
  maxWorkers: 4,
  retry: RetryPolicy.make({ times: 1, base: "1 millis" }),
  scaling: ScalingPolicy.queueLength({ threshold: 4 })
})
for (const pool of [elastic, TestPool.layerInline()]) {
  const result = await Effect.runPromise(Effect.provide(program, pool.pipe(Layer.provideMerge(handlers))))
  console.log(JSON.stringify(result))
}
const stepped = Effect.gen(function* () {
  const pool = yield* WorkerPool.WorkerPool
  const { runAll } = yield* TestPool.Steps
  for (const n of [1, 2]) yield* pool.submit(Double, { n })
  return yield* runAll
})
const manual = TestPool.layerManual().pipe(Layer.provideMerge(handlers))
console.log(await Effect.runPromise(Effect.provide(stepped, manual)))
const figures = await Effect.runPromise(
  Simulation.run({
    policy: ScalingPolicy.fixed(2),
    arrivals: Simulation.Arrivals.constant(10),
    service: Simulation.ServiceTimes.constant(100),
    duration: "10 seconds"
  })
)
if (Tuning.parseTarget("p99(wait) <= 200ms")._tag !== "Success") throw new Error("not a target")
console.log(figures.completed)
console.log([...RemotePool.group(group).requests.keys()].join())
const store = RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))
const limited = Layer.unwrap(
  Effect.map(SharedLimit.make({ name: "vendor", limit: 10, window: "1 second" }), (limit) =>
    ElasticPool.layer({ limits: [limit] })
  )
).pipe(Layer.provide(store), Layer.provideMerge(handlers))
const started = Effect.gen(function* () {
  const pool = yield* WorkerPool.WorkerPool
  yield* pool.execute(Double, { n: 3 })
  return (yield* pool.snapshot).limits["vendor"]?.started
})
console.log(await Effect.runPromise(Effect.provide(started, limited)))
`
)
const options = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--allowImportingTsExtensions"]
const modules = ["--module", "nodenext", "--target", "es2024", "--lib", "es2024,dom,dom.iterable", "--types", "node"]
const tsc = join(project, "node_modules/.bin/tsc")
run(project, tsc, ...options, ...modules, "--skipLibCheck", "false", "consumer.ts")
step("type-checked, with the declarations of every package")

const printed = run(project, process.execPath, "consumer.ts")
const lines = printed.split("\n").filter((line) => line !== "" && !/^\[[\d:.]+\] INFO /.test(line))
const expected = ['[6,"negative",100,101,[]]', '[6,"negative",100,101,[]]', "2", "100", "Double", "1"]
expect(JSON.stringify(lines) === JSON.stringify(expected), `the consumer prints ${expected.join(" ")}, got ${printed}`)
step("ran")

write(
  "placed.ts",
  `import { Effect } from "effect"
import { threadId } from "node:worker_threads"
import { group } from "./placedGroup.ts"

export { group }
export const layer = group.toLayer({ Where: () => Effect.sync(() => ({ thread: threadId, process: process.pid })) })
`
)
write(
  "placedGroup.ts",
  `import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

const Place = Schema.Struct({ thread: Schema.Int, process: Schema.Int })
export class group extends RpcGroup.make(Rpc.make("Where", { success: Place })) {}
`
)
write(
  "spawned.ts",
  `import * as ThreadRunner from "effect-worker-pool/ThreadRunner"
import { group, layer } from "./placed.ts"

ThreadRunner.run(group, layer)
`
)
write(
  "threads.ts",
  `import { Effect, Layer } from "effect"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import * as Threads from "effect-worker-pool/Threads"
import { threadId, Worker } from "node:worker_threads"
import { group } from "./placedGroup.ts"

const at = (name: string): URL => new URL(name, import.meta.url)
const sources: ReadonlyArray<Threads.Source & Threads.Options> = [
  { module: at("./placed.ts") },
  { module: at("./placed.ts"), isolation: "process" },
  { spawn: () => new Worker(at("./spawned.ts")) }
]
for (const source of sources) {
  const pool = ElasticPool.layer({ maxWorkers: 1 }).pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provideMerge(Threads.layer(group, { ...source, max: 1, spare: 0 }))
  )
  const where = Effect.flatMap(WorkerPool.client(group), (client) => client.Where())
  const place = await Effect.runPromise(Effect.provide(where, pool))
  console.log(place.process !== process.pid ? "process" : place.thread !== threadId ? "thread" : "here")
}
`
)
run(project, tsc, ...options, ...modules, "--skipLibCheck", "false", "threads.ts", "spawned.ts")
const places = run(project, process.execPath, "threads.ts")
expect(places === "thread\nprocess\nthread\n", `handlers run on a thread, in a process, and spawned, got ${places}`)
step("ran handlers on a thread, in a process, and on a thread that the program spawned")

write("requests.jsonl", '{"type": "Double", "data": {"n": 1}}\n{"type": "Double", "data": {"n": 2}}\n')
const program = join(project, "node_modules/.bin/worker-pool")
const args = ["run", "requests.jsonl", "--handlers", "handlers.ts", "--outcomes", "outcomes.jsonl", "--json"]
const summary = JSON.parse(run(project, program, ...args))
expect(
  summary.exitCode === 0 && summary.ends.succeeded === 2,
  `worker-pool ran 2 lines, got ${JSON.stringify(summary)}`
)
const results = readFileSync(join(project, "outcomes.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line).result)
expect(JSON.stringify(results.sort()) === "[2,4]", `the outcomes are 2 and 4, got ${JSON.stringify(results)}`)
step("ran the installed worker-pool on two lines")

const load = ["--policy", "fixed:2", "--arrivals", "poisson:10", "--service", "constant:100ms", "--duration", "10s"]
const { policies } = JSON.parse(run(project, program, "simulate", ...load, "--html", "x.html", "--json"))
const [simulated] = policies
expect(
  policies.length === 1 && simulated.policy === "fixed:2" && simulated.completed === simulated.arrived,
  `worker-pool simulated one policy, got ${JSON.stringify(policies)}`
)
expect(!existsSync(join(project, "node_modules/echarts")), "ECharts is not installed")
const drawn = readFileSync(join(project, "x.html"), "utf8")
expect(drawn.match(/<figure>/g)?.length === 4, "the page has four pictures")
step("simulated with the installed worker-pool, and drew it without ECharts installed")

const small = ["--arrivals", "poisson:10", "--service", "constant:100ms", "--duration", "20s", "--budget", "2000"]
const told = run(project, program, "tune", ...small, "--target", "p99(wait) <= 500ms", "--threads=2", "--json")
const { chosen } = JSON.parse(told)
expect(chosen?.keeps === true, `worker-pool found settings on threads, got ${told}`)
step("tuned with the installed worker-pool, on threads")

const serving = spawn(program, ["serve", "--handlers", "handlers.ts", "--port", "0"], {
  cwd: project,
  stdio: ["ignore", "pipe", "inherit"]
})
process.on("exit", () => serving.kill("SIGKILL"))
const url = await new Promise((resolve) => {
  serving.stdout.on("data", (data) => resolve(/http:\S+/.exec(String(data))?.[0]))
  serving.once("exit", () => resolve(undefined))
})
expect(url !== undefined, "the installed worker-pool serves")
const dashboard = await fetch(url)
expect(dashboard.status === 200 && (await dashboard.text()).includes("assets/app.js"), "the service has its page")
const answer = await fetch(`${url}/requests/Double`, {
  method: "POST",
  headers: { "content-type": "application/json", prefer: "wait=10" },
  body: '{"n": 21}'
})
expect(answer.status === 200 && (await answer.json()).result === 42, "the service doubles 21")
serving.kill("SIGTERM")
const code = await new Promise((resolve) => serving.once("exit", resolve))
expect(code === 143, `the service ends with 143, got ${code}`)
step("served with the installed worker-pool: its page, one request, and its end")

const install = ["typescript", "@types/node"].map(installed)
await checkPromise({ expect, folder, install, run, step, tarball: join(folder, tarball) })
checkDurable({
  expect,
  folder,
  install: [...install, installed("effect")],
  run,
  step,
  tarball: join(folder, tarball),
  versions: installed
})
