/** How the program ends while threads, or processes, of its handlers do not. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { type Program, start, temporary } from "../fixtures/program.ts"

const files = temporary()
/** Each starts several processes. */
const patience = { timeout: 90_000 }
const module = fileURLToPath(new URL("../fixtures/threads/handlers.ts", import.meta.url))

const startRun = (requests: ReadonlyArray<object>, ...args: ReadonlyArray<string>): Program =>
  start("run", files.lines(requests), "--handlers", module, "--json", ...args)

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number)

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const gone = async (pid: number): Promise<void> => {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe.concurrent("the program ends with its code, and does not wait for native code on a thread,", patience, () => {
  const native = () => {
    const file = files.path("pipe")
    execFileSync("mkfifo", [file])
    return { file, request: { type: "Native", data: { file } } }
  }

  it("when its run is complete", async ({ expect }) => {
    const { request } = native()
    const program = startRun([{ ...request, timeout: "1s" }], "--threads", "1")
    expect(await program.code(), program.stderr).toBe(1)
    expect(program.summary).toMatchObject({ exitCode: 1, ends: { timedOut: 1 }, left: 0, stuckCount: 1 })
    expect(program.stderr).not.toContain("Warning")
  })

  it("at the deadline of a drain", async ({ expect }) => {
    const { file, request } = native()
    const program = startRun([request], "--threads", "1", "--timeout", "none", "--drain-deadline", "50ms")
    await program.untilExists(`${file}.started`)
    program.child.kill("SIGTERM")
    expect(await program.code(), program.stderr).toBe(143)
    expect(program.summary).toMatchObject({ exitCode: 143, stuck: [{ tag: "Native" }] })
  })

  it("at a second signal", async ({ expect }) => {
    const { file, request } = native()
    const program = startRun([request], "--threads", "1", "--timeout", "none")
    await program.untilExists(`${file}.started`)
    program.child.kill("SIGTERM")
    await program.untilSays("nothing new is started")
    await new Promise((resolve) => setTimeout(resolve, 100)) // longer than an echo of the first
    program.child.kill("SIGINT")
    expect(await program.code(), program.stderr).toBe(130)
    expect(program.stderr).toContain("forced by a second signal")
  })
})

describe.concurrent("the program leaves no process behind that computes", patience, () => {
  const spinning = async () => {
    const file = files.path("spin")
    const program = startRun([{ type: "Spin", data: { file } }], "--threads=1", "--isolate=process", "--timeout=none")
    await program.untilExists(`${file}.started`)
    return { program, pids: childrenOf(program.child.pid!) }
  }

  it("at a second signal", async ({ expect }) => {
    const { pids, program } = await spinning()
    expect(pids.length).toBeGreaterThan(0)
    program.child.kill("SIGTERM")
    await program.untilSays("nothing new is started")
    await new Promise((resolve) => setTimeout(resolve, 100)) // longer than an echo of the first
    program.child.kill("SIGINT")
    expect(await program.code(), program.stderr).toBe(130)
    for (const pid of pids) await gone(pid)
  })

  it("when it is killed", async ({ expect }) => {
    const { pids, program } = await spinning()
    expect(pids.length).toBeGreaterThan(0)
    program.child.kill("SIGKILL")
    for (const pid of pids) await gone(pid)
  })
})
