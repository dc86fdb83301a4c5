/** A PostgreSQL of one folder, as one process sees it: real servers in temporary folders. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, it, vi } from "vitest"
import { opened, pidFile, query, serverPid, temporary } from "./fixtures/folders.ts"

const files = temporary()

describe("the PostgreSQL of a folder", () => {
  it("is made and started by who opens it first, and ends with the last; what was stored is there again", async ({
    expect
  }) => {
    const directory = files.path()
    const first = await opened(directory)
    expect(first).toMatchObject({ directory, startedHere: true })
    await query(first.url, "create table kept as select 42 as answer")
    const pid = serverPid(directory)
    expect(pid).toBeGreaterThan(0)
    await first.close()
    expect(serverPid(directory)).toBe(undefined)
    expect(existsSync(join(directory, "data", "postmaster.pid"))).toBe(false)
    expect(readdirSync(join(directory, "socket"))).toEqual([])
    expect(readdirSync(join(directory, "holders"))).toEqual([])

    const second = await opened(directory)
    expect(second.startedHere).toBe(true)
    expect(second.url).toBe(first.url)
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }])
    // The settings are those of the first start.
    const settings = await query(
      second.url,
      `select name, setting from pg_settings where name in
       ('fsync', 'synchronous_commit', 'max_connections', 'listen_addresses', 'unix_socket_permissions') order by name`
    )
    expect(settings.map(({ name, setting }) => `${name}=${setting}`)).toEqual([
      "fsync=on",
      "listen_addresses=",
      "max_connections=200",
      "synchronous_commit=on",
      "unix_socket_permissions=0700"
    ])
    await second.close()
  })

  it("lets in nobody else: a private folder and socket, a private password that is asked for, no TCP", async ({
    expect
  }) => {
    const directory = files.path()
    const { url, close } = await opened(directory)
    const mode = (...names: ReadonlyArray<string>) => statSync(join(directory, ...names)).mode & 0o777
    expect([mode(), mode("data"), mode("socket")]).toEqual([0o700, 0o700, 0o700])
    expect([mode("data", "worker_pool.password"), mode("socket", ".s.PGSQL.5432")]).toEqual([0o600, 0o700])
    await expect(query(url.replace(/:[0-9a-f]{48}@/, ":wrong@"), "select 1")).rejects.toThrow("password authentication")
    // Line 6 is the host that it listens on by TCP.
    expect(readFileSync(pidFile(directory), "utf8").split("\n")[5]).toBe("")
    await close()
  })

  it("may be opened twice by one process: the first to leave leaves it to the other", async ({ expect }) => {
    const directory = files.path()
    const [a, b] = await Promise.all([opened(directory), opened(directory)])
    expect([a.startedHere, b.startedHere].sort()).toEqual([false, true])
    await a.close()
    expect(await query(b.url, "select 1 as one")).toEqual([{ one: 1 }])
    await b.close()
    expect(serverPid(directory)).toBe(undefined)
  })

  it("keeps the errors of statements, and what they hold, out of its log", async ({ expect }) => {
    const directory = files.path()
    const { url, close } = await opened(directory)
    await query(url, "create table unique_things (name text primary key)")
    await query(url, "insert into unique_things values ('a secret')")
    await expect(query(url, "insert into unique_things values ('a secret')")).rejects.toThrow("duplicate key")
    await close()
    const log = readFileSync(join(directory, "log", "server.log"), "utf8")
    expect(log).toContain("ready to accept connections")
    expect(log).not.toMatch(/secret|duplicate key/)
  })
})

describe("where the socket cannot be", () => {
  afterEach(() => vi.unstubAllEnvs())

  it("in a folder with a long path, it is in a private one of the system's temporary folder", async ({ expect }) => {
    const directory = files.path("x".repeat(120))
    const { url, close } = await opened(directory)
    const socket = new URL(url).searchParams.get("host")!
    expect(socket).toMatch(/\/worker-pool-[0-9a-f]{16}$/)
    expect(statSync(socket).mode & 0o777).toBe(0o700)
    expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }])
    const joined = await opened(directory)
    expect(joined).toMatchObject({ url, startedHere: false })
    await Promise.all([joined.close(), close()])
    expect(existsSync(socket)).toBe(false)
  })

  it("nor there, the server listens on 127.0.0.1, on one port for ever, and asks for the password", async ({
    expect
  }) => {
    vi.stubEnv("TMPDIR", join(files.folder, "y".repeat(120)))
    const directory = files.path("x".repeat(120))
    const { url, close } = await opened(directory)
    expect(new URL(url).hostname).toBe("127.0.0.1")
    expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }])
    await expect(query(url.replace(/:[0-9a-f]{48}@/, ":wrong@"), "select 1")).rejects.toThrow("password authentication")
    const joined = await opened(directory)
    expect(joined).toMatchObject({ url, startedHere: false })
    await Promise.all([joined.close(), close()])
    const again = await opened(directory)
    expect(again.url).toBe(url)
    await again.close()
  })
})
