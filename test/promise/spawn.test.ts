/** Functions on threads, and in processes, that the user starts: as bundlers have it. */
import { execFile, fork } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { rolldown } from "rolldown"
import { describe, expect, it, onTestFinished } from "vitest"
import { createPool, RequestTimeout, type ThreadsOptions } from "../../src/promise/index.ts"
import { failure, keep } from "./support.ts"

type Module = typeof import("./modules/functions.ts")

const file = new URL("./modules/functions.thread.ts", import.meta.url)
const spawns = {
  worker: () => new Worker(file, { name: "mine" }),
  process: () => fork(fileURLToPath(file), ["mine"], { serialization: "advanced" })
}

const open = (spawn: ThreadsOptions["spawn"], more: object = {}) => {
  const threads = { spawn, max: 2, ...more } as ThreadsOptions
  const pool = createPool<Module>({ timeout: "none", log: () => {}, threads })
  keep(pool)
  return pool
}

describe.each(["worker", "process"] as const)("functions on a %s that is spawned", (what) => {
  it("give their values and errors, and know their names", async () => {
    const pool = open(spawns[what])
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
    const where = await pool.run.where()
    expect(where.startsWith(`${process.pid} `)).toBe(what === "worker")
    expect(await pool.run.told({}, { id: "mine" })).toEqual({ attempt: 1, id: "mine", aborted: false })
    expect(await failure(pool.run.fail("odd"))).toMatchObject({ name: "Odd", code: "ODD", details: { parity: 1 } })
    expect((await pool.run.fill(3)).join("")).toBe("777")
    expect("add" in pool.run && !("rotate" in pool.run)).toBe(true)
  })

  it("are killed at their timeout, and the next one is spawned", async () => {
    const pool = open(spawns[what], { max: 1, spare: 0 })
    const before = await pool.run.where()
    expect(await failure(pool.run.spin(Infinity, { timeout: 100 }))).toBeInstanceOf(RequestTimeout)
    expect(await pool.run.where()).not.toBe(before)
    expect(await failure(pool.run.exit(3))).toMatchObject({ code: "THREAD_CRASHED", reason: "exit" })
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
  })
})

it("functions in a bundle need nothing that is not in it, and it has nothing of Effect", async () => {
  const folder = await mkdtemp(join(tmpdir(), "worker-pool-spawn-"))
  onTestFinished(() => rm(folder, { recursive: true }))
  const bundle = await rolldown({ input: fileURLToPath(file), platform: "node" })
  const { output } = await bundle.write({ file: join(folder, "bundle.mjs"), format: "esm" })
  await bundle.close()
  expect(output).toHaveLength(1)
  expect(output[0].moduleIds.filter((id) => id.includes("node_modules"))).toEqual([])
  expect(output[0].imports.filter((from) => !from.startsWith("node:"))).toEqual([])
  const pool = open(() => new Worker(join(folder, "bundle.mjs")))
  expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
  // What marks it is in a copy of its own there.
  expect([(await pool.run.give(true)).length, (await failure(pool.run.fail("odd"))).code]).toEqual([16, "ODD"])
})

it("what cannot be spawned fails its calls with why", async () => {
  const thrown = () => {
    throw new RangeError("no threads today")
  }
  const silent = () => new Worker("", { eval: true })
  const nothing = () => ({}) as never
  const words = [/no threads today/, /ended with code 0/, /is not a function/]
  for (const [at, spawn] of [thrown, silent, nothing].entries()) {
    const error = await failure(open(spawn).run.add({ a: 1, b: 2 }))
    expect(error).toMatchObject({ code: "THREAD_CRASHED", tag: "add", reason: "start" })
    expect(error.detail).toMatch(words[at]!)
  }
})

it("functions run for nobody where no pool has spawned the program", async () => {
  const said = await new Promise<string>((resolve) =>
    execFile(process.execPath, [fileURLToPath(file)], (_, __, stderr) => resolve(stderr))
  )
  expect(said).toMatch(/nobody listens here/)
})

it.each([
  [{ spawn: 1 }, "threads.spawn"],
  [{ spawn: spawns.worker, module: "a.ts" }, "threads.module"],
  [{ spawn: spawns.worker, env: {} }, "threads.env"],
  [{ spawn: spawns.worker, execArgv: [] }, "threads.execArgv"],
  [{ spawn: spawns.worker, max: 0 }, "threads.max"],
  [{ max: 1 }, "threads.module"]
])("%j is refused", (threads, field) => {
  expect(() => createPool({ threads } as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION", field }))
})

it("only a worker of Node, or a process, can be spawned by its type", () => {
  const unused = (body: () => unknown): void => void body
  unused(() => {
    createPool<Module>({ threads: { spawn: spawns.worker } })
    createPool<Module>({ threads: { spawn: spawns.process, max: 2 } })
    // @ts-expect-error no thread
    createPool<Module>({ threads: { spawn: () => 1 } })
    // @ts-expect-error a worker of a browser
    createPool<Module>({ threads: { spawn: () => new globalThis.Worker("a.js") } })
    // @ts-expect-error two sources
    createPool<Module>({ threads: { spawn: spawns.worker, module: "a.js" } })
  })
})
