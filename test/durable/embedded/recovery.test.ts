/** A PostgreSQL of one folder after what nobody planned: its server killed, a pid file that lies, an interrupted beginning. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it, vi } from "vitest"
import { isLiving, isRoot, killServer, opened, pidFile, query, serverPid, temporary } from "./fixtures/folders.ts"

const files = temporary()

/** A folder whose server was killed while it had one row, and this process had it open. */
const lost = async () => {
  const directory = files.path()
  const server = await opened(directory)
  await query(server.url, "create table kept as select 42 as answer")
  await killServer(directory)
  return server
}

/** The pid file of a lost server, but with the number of another process. */
const rename = (directory: string, pid: number) => {
  const [, ...rest] = readFileSync(pidFile(directory), "utf8").split("\n")
  writeFileSync(pidFile(directory), [pid, ...rest].join("\n"))
}

/** A process of the server's user, whom PostgreSQL believes to be another server. */
const spawnAs = (directory: string, command: string, ...args: ReadonlyArray<string>) => {
  const { uid, gid } = statSync(join(directory, "data"))
  return spawn(command, args, isRoot ? { uid, gid } : {})
}

const zombieOf = (parent: number): number | undefined => {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim()
  return children === "" || isLiving(Number(children)) ? undefined : Number(children)
}

describe("a server that was killed", () => {
  it("with the only process that used it, is started again by the next, with all that was committed", async ({
    expect
  }) => {
    const directory = files.path()
    const opener = await files.opener(directory)
    await query(opener.url, "create table kept as select 42 as answer")
    opener.child.kill("SIGKILL")
    await killServer(directory)
    await opener.ended
    expect(existsSync(pidFile(directory))).toBe(true)
    const next = await opened(directory)
    expect(next.startedHere).toBe(true)
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    await next.close()
    expect(readdirSync(join(directory, "holders"))).toEqual([])
  })

  it("and whose number another program of the same user has got since: that one is left alone", async ({ expect }) => {
    const before = await lost()
    const { directory } = before
    // Also a PostgreSQL, but of other data.
    const others = await opened(files.path())
    rename(directory, serverPid(others.directory)!)
    const next = await opened(directory)
    expect(next.startedHere).toBe(true)
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    expect(await query(others.url, "select 1 as one")).toEqual([{ one: 1 }])
    await Promise.all([before.close(), others.close()])

    await killServer(directory)
    const other = spawnAs(directory, "sleep", "60")
    rename(directory, other.pid!)
    await Effect.runPromise(next.ensureRunning)
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    expect(isLiving(other.pid!)).toBe(true)
    await next.close()
    other.kill()
  })

  it("and whose number a zombie keeps", async ({ expect }) => {
    const before = await lost()
    const { directory } = before
    // With the name of a server, as the one that was killed.
    const named = join(files.path("programs"), "postgres")
    cpSync("/bin/true", named)
    const parent = spawnAs(directory, "sh", "-c", `${named} & exec sleep 60`)
    const zombie = await vi.waitUntil(() => zombieOf(parent.pid!), { timeout: 5000, interval: 5 })
    rename(directory, zombie!)
    const next = await opened(directory)
    expect(next.startedHere).toBe(true)
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    await Promise.all([before.close(), next.close()])
    expect(serverPid(directory)).toBe(undefined)
    parent.kill()
  })

  it("is not started again beside a child of it that still works on the data", async ({ expect }) => {
    const directory = files.path()
    const before = await opened(directory)
    await query(before.url, "create table kept as select 42 as answer")
    // It looks at nothing but its own work.
    const working = query(before.url, "select count(*) from generate_series(1, 12000000)").catch(() => undefined)
    const child = await vi.waitUntil(
      async () =>
        (
          await query(
            before.url,
            "select pid from pg_stat_activity where query like '%generate_series(1%' and pid <> pg_backend_pid()"
          )
        )[0]?.["pid"],
      { timeout: 5000, interval: 20 }
    )
    await killServer(directory)
    expect(isLiving(child)).toBe(true)
    const other = spawnAs(directory, "sleep", "60")
    rename(directory, other.pid!)
    const next = await opened(directory)
    expect(isLiving(child)).toBe(false)
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    await Promise.all([before.close(), next.close()])
    await working
    other.kill()
  })

  it("is started again for who asks while the folder is open, where it was", async ({ expect }) => {
    const directory = files.path()
    const { url, ensureRunning, close } = await opened(directory)
    await query(url, "create table kept as select 42 as answer")
    await Effect.runPromise(ensureRunning)
    await killServer(directory)
    await expect(query(url, "select 1")).rejects.toThrow()
    await Promise.all([Effect.runPromise(ensureRunning), Effect.runPromise(ensureRunning)])
    expect(await query(url, "select answer from kept")).toEqual([{ answer: 42 }])
    await close()
    expect(serverPid(directory)).toBe(undefined)
  })
})

describe("a beginning that was interrupted", () => {
  it("leaves nothing that the next takes for data", async ({ expect }) => {
    const directory = files.path()
    mkdirSync(join(directory, "data.new-1234", "base"), { recursive: true })
    writeFileSync(join(directory, "data.new-1234", "PG_VERSION"), "18\n")
    writeFileSync(join(directory, "data.new-1234.password"), "half")
    const next = await opened(directory)
    expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }])
    await next.close()
    expect(readdirSync(directory).filter((name) => name.startsWith("data"))).toEqual(["data"])
  })

  it("by kill -9 in the midst of initdb holds up nobody", async ({ expect }) => {
    const directory = files.path()
    const opening = files.opener(directory)
    const begun = () => existsSync(directory) && readdirSync(directory).some((name) => name.startsWith("data.new-"))
    await vi.waitUntil(begun, { timeout: 10_000, interval: 1 })
    const holder = readdirSync(join(directory, "holders"))[0]!
    process.kill(Number(holder.split("-")[0]), "SIGKILL")
    await expect(opening).rejects.toThrow("did not open")
    const next = await opened(directory)
    expect(next.startedHere).toBe(true)
    expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }])
    await next.close()
  })
})
