/** What a pool of promises keeps its process alive for: whoever waits for it, and nothing else. And where it logs. */
import { execFile } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { describe, it } from "vitest"

const cwd = fileURLToPath(new URL("../..", import.meta.url))

/** A program that says what it says, and how it ended. Waiting at its top level for what never comes, it ends with 13. */
const start = (body: string) =>
  new Promise<{ readonly code: unknown; readonly said: string; readonly logged: string }>((resolve) => {
    const text = `import { createPool, ScalingPolicy } from "effect-worker-pool/promise"
const never = () => new Promise(() => {})
const untilAborted = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
const once = (value) => ({ attempt }) => {
  if (attempt === 1) throw new Error("first")
  return value
}
const code = (error) => error.code
const module = new URL("test/promise/modules/functions.ts", "${pathToFileURL(cwd)}/")
${body}`
    const args = ["--conditions=effect-worker-pool-source", "--input-type=module", "--eval", text]
    execFile(process.execPath, args, { cwd }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, said: stdout.trim(), logged: stderr })
    )
  })

/** Only what keeps the process alive is an active resource. */
const timers = `
await new Promise(setImmediate)
console.log(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, "timers")`

describe.concurrent("a program that has not drained ends at once", () => {
  it.for([
    ["one that has run nothing", `createPool()`],
    [
      "one that has run tasks",
      `const pool = createPool(); await Promise.all([1, 2, 3].map((n) => pool.run(async () => n)))`
    ],
    [
      "with a timeout and an expiry",
      `const pool = createPool({ timeout: "1 minute", expiresIn: "1 hour" })
await pool.run(() => new Promise(setImmediate))
for await (const _ of pool.map([1, 2, 3], async (n) => n));`
    ],
    [
      "after retries",
      `const pool = createPool({ retry: { times: 2, base: 1 } })
await pool.run(once())
await pool.run(() => Promise.reject(new Error("each time"))).catch(() => {})`
    ],
    [
      "with listeners, and while its events are iterated",
      `const pool = createPool()
pool.on("RequestEnded", () => {})
void (async () => { for await (const _ of pool.events); })()
await pool.run(() => 1)`
    ],
    [
      "whose scaler has had much to do",
      `for (const scaling of [ScalingPolicy.adaptive(), ScalingPolicy.queueLength({ threshold: 1 })]) {
  const pool = createPool({ scaling, scalingInterval: 5 })
  await Promise.all(Array.from({ length: 100 }, () => pool.run(() => new Promise(setImmediate))))
}`
    ],
    ["that is paused", `const pool = createPool(); await pool.run(() => 1); pool.pause()`],
    [
      "that is recorded",
      `import { existsSync, mkdtempSync, rmSync } from "node:fs"
const folder = mkdtempSync("${join(tmpdir(), "recorded-")}")
const path = folder + "/load.jsonl"
await createPool({ record: { path } }).run(() => 1)
while (!existsSync(path)) await new Promise(setImmediate)
process.on("exit", () => rmSync(folder, { recursive: true }))`
    ],
    ["that has a name", `await createPool({ name: "named" }).run(() => 1)`],
    ["after a timeout", `await createPool({ timeout: 1 }).run(untilAborted).catch(() => {})`],
    ["after a timeout that its task ignores", `await createPool({ timeout: 1 }).run(never).catch(() => {})`],
    [
      "after requests that were cancelled, whose tasks ignore it",
      `const pool = createPool()
const ticket = await pool.submit(never)
ticket.cancel()
const controller = new AbortController()
const run = pool.run(never, { signal: controller.signal }).catch(() => {})
controller.abort()
await run`
    ],
    [
      "after a task that ended later than its timeout",
      `const pool = createPool({ timeout: 1 })
const { promise, resolve } = Promise.withResolvers()
await pool.run(() => promise).catch(() => {})
const idle = pool.idle()
resolve()
await idle`
    ]
  ] as const)("%s", async ([, body], { expect }) => {
    expect(await start(body + timers)).toMatchObject({ code: 0, said: "0 timers" })
  })
})

describe.concurrent("a program does not end before", () => {
  it.for([
    [
      "the next attempt of a request that it waits for",
      `console.log(await createPool({ retry: { times: 1, base: 200, jitter: "none" } }).run(once("second")))`,
      "second"
    ],
    [
      "the next attempt of a request that was accepted",
      `const pool = createPool({ retry: { times: 1, base: 200, jitter: "none" } })
await pool.submit(({ attempt }) => { console.log(attempt); once()({ attempt }) })`,
      "1\n2"
    ],
    [
      "a timeout, though the task waits for nothing that would come",
      `console.log(await createPool({ timeout: 20 }).run(never).catch(code))`,
      "REQUEST_TIMEOUT"
    ],
    [
      "a timeout of an attempt that another one follows",
      `const pool = createPool({ timeout: 20, retry: { times: 1, base: 200, jitter: "none" } })
console.log(await pool.run((each) => (each.attempt === 1 ? untilAborted(each) : "second")))`,
      "second"
    ],
    [
      "an expiry, of a request that waits in a pool which is paused",
      `const pool = createPool()
pool.pause()
console.log(await pool.run(() => 1, { expiresIn: 20 }).catch(code))`,
      "REQUEST_EXPIRED"
    ],
    [
      "an expiry, of a caller who waits for a place",
      `const pool = createPool({ maxWorkers: 1, capacity: 1, timeout: "none" })
const held = [pool.submit(never), pool.submit(never)]
console.log(await pool.run(() => 1, { expiresIn: 20 }).catch(code))
process.exit()`,
      "REQUEST_EXPIRED"
    ],
    [
      "a pool is idle, whose attempts are given up on after the grace",
      `const pool = createPool({ timeout: 1, interruptGrace: 200 })
await pool.run(never).catch(() => {})
await new Promise(setImmediate)
await pool.idle()
console.log("idle", pool.snapshot().stuck)`,
      "idle 1"
    ],
    [
      "the deadline of a drain, and its grace",
      `for (const timeout of ["none", 1]) {
  const pool = createPool({ timeout, drainGrace: 200, interruptGrace: 1000 })
  const run = pool.run(never).catch(() => {})
  if (timeout === 1) await run
  await new Promise(setImmediate)
  const { forced, stuckCount } = await pool.drain({ deadline: 200 })
  console.log(forced, stuckCount)
}`,
      "true 1\ntrue 1"
    ],
    [
      "the end of the block that a pool is used in",
      `{
  await using pool = createPool({ retry: { times: 1, base: 200, jitter: "none" } })
  void pool.run(once("second")).then(console.log)
}
console.log("drained")`,
      "second\ndrained"
    ]
  ] as const)("%s", async ([, body, said], { expect }) => {
    expect(await start(body)).toMatchObject({ code: 0, said })
  })
})

describe.each(["thread", "process"])("a program whose pool has functions, each on a %s,", (isolation) => {
  it.for([
    ["that it does not use ends at once", ``, ""],
    [
      "ends once it has used them, its idle threads there",
      `console.log(await pool.run.add({ a: 1, b: 2 }), pool.snapshot().limits.threads.concurrency)`,
      "3 1"
    ],
    [
      "ends after a timeout, when the thread that spins is killed",
      `console.log(await pool.run.spin(Infinity, { timeout: 50 }).catch(code))`,
      "REQUEST_TIMEOUT"
    ],
    [
      "does not end before a function that it waits for, nor before its first thread is ready",
      `const ticket = await pool.submit.spin(100)
console.log(ticket.status)
void ticket.result.then(console.log)`,
      "waiting\n100"
    ],
    [
      "does not end before the drain, and then at once",
      `await pool.run.add({ a: 1, b: 2 })
const run = pool.run.spin(Infinity).catch(code)
const { forced } = await pool.drain({ deadline: 50 })
console.log(forced, await run)`,
      "true REQUEST_INTERRUPTED"
    ]
  ] as const)("%s", async ([, body, said], { expect }) => {
    const pool = `const pool = createPool({ threads: { module, isolation: "${isolation}", max: 1 } })\n`
    expect(await start(pool + body)).toMatchObject({ code: 0, said })
  })
})

describe.concurrent("standard output is the program's own: on standard error", () => {
  it.for([
    [
      "a worker is stuck",
      `const pool = createPool({ timeout: 1, interruptGrace: 1 })
await pool.run(never).catch(() => {})
await pool.idle()`
    ],
    [
      "a task waits in its own slot",
      `const pool = createPool({ maxWorkers: 1 }); await pool.run(() => pool.run(() => 1))`
    ],
    [
      "a listener threw",
      `const pool = createPool()
pool.on("Paused", () => never.of.this)
pool.pause()
await new Promise(setImmediate)`
    ]
  ] as const)("%s", async ([, body], { expect }) => {
    const { logged, said } = await start(body)
    expect(said).toBe("")
    expect(logged).toMatch(/WARN|ERROR/)
  })
})
