/** A pool of promises that writes down its load: from its start on, and without holding anybody up. */
import { Effect, FileSystem } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createPool, InvalidOption, type LogLine } from "../../src/promise/index.ts"
import { begin } from "../../src/recording/begin.ts"
import type * as OnDisk from "../../src/recording/onDisk.ts"
import { MemoryFiles } from "../support/memoryFiles.ts"
import { eventually, failure, gate, open, openHeld, turn } from "./support.ts"

const path = "load.jsonl"

describe("a recording in files", () => {
  const folder = mkdtempSync(join(tmpdir(), "promise-recording-"))
  afterAll(() => rmSync(folder, { recursive: true }))

  it("has all that was asked of the pool once that has drained, and nothing of what was asked", async () => {
    const path = join(folder, "load.jsonl")
    const pool = open({ record: { path }, minWorkers: 2, maxWorkers: 2 })
    const first = pool.run(() => "secret", { key: "acme" })
    await Promise.all([first, failure(pool.run(() => Promise.reject(new Error("secret"))))])
    await pool.drain()
    expect(await failure(pool.run(() => "late"))).toMatchObject({ code: "POOL_DRAINING" })
    const [header, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n")
    expect(JSON.parse(header!)).toMatchObject({ part: 1, keys: "hashed", pool: { maxWorkers: 2, policy: "fixed:2" } })
    const rows = lines.filter((line) => line.startsWith("[")).map((line) => JSON.parse(line).slice(1, 3))
    expect(rows.toSorted()).toEqual([
      ["run", "failed"],
      ["run", "succeeded"]
    ])
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ pending: 0, lost: 0, closed: true })
    expect(lines.join()).not.toMatch(/secret|acme/)
  })

  it("that cannot be written is logged, and the pool does its work", async () => {
    const logged: Array<LogLine> = []
    const pool = open({ record: { path: join(folder, "nowhere/load.jsonl") }, log: (line) => logged.push(line) })
    expect(await pool.run(() => 1)).toBe(1)
    await pool.drain()
    expect(logged.map(({ level, message }) => `${level}: ${message}`)).toEqual(["error: nothing is recorded"])
    expect(String(logged[0]!.error)).toMatch(/Cannot record to .*nowhere/)
  })
})

describe("a recording", () => {
  /** It is loaded when this says so. */
  let load = gate()
  let isLoaded = false
  let files = new MemoryFiles()
  beforeEach(() => {
    load = gate()
    isLoaded = false
    files = new MemoryFiles()
    vi.doMock("../../src/recording/onDisk.ts", async (): Promise<typeof OnDisk> => {
      isLoaded = true
      await load.promise
      return {
        beginOnDisk: (recorded, options) =>
          Effect.asVoid(Effect.provideService(begin(recorded, options), FileSystem.FileSystem, files.service))
      }
    })
  })
  afterEach(() => {
    load.resolve()
    vi.doUnmock("../../src/recording/onDisk.ts")
  })
  const rows = () =>
    files
      .lines(path)
      .filter((line) => line.startsWith("["))
      .map((line) => JSON.parse(line))
  const lastMark = () => JSON.parse(files.lines(path).at(-1)!)
  /** The module has come, and what waited for it has been told. */
  const loaded = async () => {
    load.resolve()
    await eventually(() => expect(files.lines(path).length).toBeGreaterThan(0))
  }

  it("is loaded for whoever asks for it, and for nobody else", async () => {
    open()
    await turn()
    expect(isLoaded).toBe(false)
    open({ record: { path } })
    await eventually(() => expect(isLoaded).toBe(true))
  })

  it("has what was before it was loaded, at the times at which it was", async () => {
    const { advance, pool } = openHeld({ record: { path }, retry: { times: 1, base: 20, jitter: "none" } })
    const work = async ({ attempt }: { readonly attempt: number }) => {
      if (attempt === 1) throw new Error("first")
    }
    const call = pool.run(work, { delay: 5 })
    await advance(40)
    await call
    await loaded()
    await pool.run(() => 1)
    await advance(1000, 500)
    expect(rows()).toEqual([
      [5000, "run", "succeeded", [0, 0, 20_000, 0], "", 0, "f"],
      [40_000, "run", "succeeded", [0, 0]]
    ])
    expect(lastMark()).toMatchObject({ at: 1_040_000, worked: 1_040_000 })
  })

  it("counts what was too much to be kept until it was loaded", async () => {
    const { advance, pool } = openHeld({ record: { path, maxUnwritten: 2048 } })
    for (let n = 0; n < 2050; n++) void pool.run(() => n)
    await pool.idle()
    await loaded()
    const drained = pool.drain()
    await advance(2)
    await drained
    const { lost } = lastMark()
    expect(rows().length + lost).toBe(2050)
    expect(lost).toBeGreaterThan(1)
  })

  it("that is not loaded by then does not hold up a drain", async () => {
    const { advance, now, pool } = openHeld({ record: { path }, drainGrace: 10 })
    const drained = pool.drain({ deadline: 20 })
    let isDrained = false
    void drained.then(() => (isDrained = true))
    await advance(29)
    expect(isDrained).toBe(false)
    await advance(2)
    await drained
    expect(now()).toBe(31)
  })

  it("whose disk does not answer holds up a drain by a second at most", async () => {
    const { advance, pool } = openHeld({ record: { path } })
    await loaded()
    await pool.run(() => 1)
    files.disk = "hangs"
    const drained = pool.drain({ deadline: "1 minute" })
    let isDrained = false
    void drained.then(() => (isDrained = true))
    await advance(990, 10)
    expect(isDrained).toBe(false)
    await advance(20, 10)
    await drained
  })

  it("which the host cannot load is logged, and the pool does its work", async () => {
    const logged: Array<LogLine> = []
    load.reject(new Error("no files here"))
    const pool = open({ record: { path }, log: (line) => logged.push(line) })
    expect(await pool.run(() => 1)).toBe(1)
    await pool.drain()
    expect(logged).toMatchObject([{ level: "error", message: "nothing is recorded" }])
  })

  it.for([
    ["record", "an object", "load.jsonl", '"load.jsonl"'],
    ["record.path", "a path", {}, "undefined"],
    ["record.maxBytes", "a whole number, at least 65536", { path, maxBytes: 1 }, "1"],
    ["record.maxUnwritten", "a whole number, at least 2048", { path, maxUnwritten: 0.5 }, "0.5"],
    ["record.plainKeys", "true or false", { path, plainKeys: "yes" }, '"yes"'],
    ["record.policy", "a text that is not empty", { path, policy: "" }, '""'],
    [
      "record.file",
      "an option of a recording (path, maxBytes, plainKeys, policy, maxUnwritten)",
      { path, file: "a" },
      "a name that is not known"
    ]
  ] as const)("refuses a wrong %s", ([field, expected, given, actual]) => {
    const error = (() => {
      try {
        return createPool({ record: given as never })
      } catch (error) {
        return error
      }
    })()
    expect(error).toBeInstanceOf(InvalidOption)
    expect(error).toMatchObject({ field, expected, actual })
    expect(isLoaded).toBe(false)
  })
})
