/** A PostgreSQL of one folder, used by several real processes that come, leave and are killed. */
import { chmodSync, mkdirSync } from "node:fs"
import { describe, it } from "vitest"
import { isRoot, opened, query, serverPid, temporary } from "./fixtures/folders.ts"

const files = temporary()

describe("several processes with one folder", () => {
  it("three that open it at once share one server, which ends with the last of them", async ({ expect }) => {
    const directory = files.path()
    const openers = await Promise.all([1, 2, 3].map(() => files.opener(directory)))
    expect(openers.map(({ startedHere }) => startedHere).sort()).toEqual([false, false, true])
    expect(new Set(openers.map(({ url }) => url)).size).toBe(1)
    const pid = serverPid(directory)
    const first = openers.find(({ startedHere }) => startedHere)!
    const others = openers.filter((opener) => opener !== first)
    expect(await first.close()).toEqual({ code: 0, signal: null })
    expect(serverPid(directory)).toBe(pid)
    expect(await query(others[0]!.url, "select 1 as one")).toEqual([{ one: 1 }])
    // At once: each of them may be the last.
    await Promise.all(others.map((opener) => opener.close()))
    expect(serverPid(directory)).toBe(undefined)
    expect(openers.map(({ complained }) => complained())).toEqual(["", "", ""])
  })

  it("the server outlives the kill -9 of who has started it; the next joins, and is the last", async ({ expect }) => {
    const directory = files.path()
    const first = await files.opener(directory)
    await query(first.url, "create table kept as select 42 as answer")
    const pid = serverPid(directory)
    first.child.kill("SIGKILL")
    await first.ended
    const next = await opened(directory)
    expect(next).toMatchObject({ startedHere: false, url: first.url })
    expect(serverPid(directory)).toBe(pid)
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    await next.close()
    expect(serverPid(directory)).toBe(undefined)
  })

  it("the server outlives a Ctrl-C, which a terminal sends to all that its program has started", async ({ expect }) => {
    const directory = files.path()
    const first = await files.opener(directory, [], { detached: true })
    const pid = serverPid(directory)
    process.kill(-first.child.pid!, "SIGINT")
    // Nothing of ours listens to signals: the program ends as ever.
    expect(await first.ended).toEqual({ code: null, signal: "SIGINT" })
    const next = await opened(directory)
    expect(next.startedHere).toBe(false)
    expect(serverPid(directory)).toBe(pid)
    await next.close()
  })

  it("an open server keeps no program alive that has nothing else to do", async ({ expect }) => {
    const directory = files.path()
    const opener = await files.opener(directory, ["hold nothing"])
    opener.child.stdin!.end()
    expect(await opener.ended).toEqual({ code: 0, signal: null })
    const next = await opened(directory)
    expect(next.startedHere).toBe(false)
    await next.close()
  })
})

describe.runIf(isRoot)("for root", () => {
  const nobody = { uid: 65_534, gid: 65_534 }

  it("an ordinary user's folder is opened as that user, and joined by root", async ({ expect }) => {
    const above = files.path("open")
    mkdirSync(above)
    chmodSync(above, 0o777)
    const directory = `${above}/jobs`
    const first = await files.opener(directory, [], nobody)
    expect(await query(first.url, "select 1 as one")).toEqual([{ one: 1 }])
    const joined = await opened(directory)
    expect(joined).toMatchObject({ startedHere: false, url: first.url })
    expect(await first.close()).toEqual({ code: 0, signal: null })
    expect(await query(joined.url, "select 1 as one")).toEqual([{ one: 1 }])
    await joined.close()
    expect(serverPid(directory)).toBe(undefined)
    // Started by root now, as the same user.
    const again = await opened(directory)
    expect(again.startedHere).toBe(true)
    await again.close()
  })
})
