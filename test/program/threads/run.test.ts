/** `worker-pool run --threads` as a shell sees it. */
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { numbers, outcomes, type Program, start, temporary } from "../fixtures/program.ts"

const files = temporary()
/** Each starts several processes. */
const patience = { timeout: 90_000 }
const module = fileURLToPath(new URL("../fixtures/threads/handlers.ts", import.meta.url))
const group = JSON.stringify(fileURLToPath(new URL("../fixtures/threads/group.ts", import.meta.url)))

const startRun = (requests: string, ...args: ReadonlyArray<string>): Program =>
  start("run", requests, "--handlers", module, "--json", ...args)

const moduleOf = (text: string): string => {
  const path = files.path("module.ts")
  writeFileSync(path, text)
  return path
}

const echo = { type: "Echo", data: { message: "hello" } }

describe.concurrent.each([[["--threads", "2"]], [["--threads", "--isolate", "process"]]])(
  "run %j",
  patience,
  (threads) => {
    it("runs each line away from the program, with the services of Node", async ({ expect }) => {
      const out = files.path("outcomes.jsonl")
      const requests = files.lines([echo, { type: "Where", data: null }, { type: "Size", data: { file: module } }])
      const program = startRun(requests, ...threads, "--outcomes", out)
      expect(await program.code(), program.stderr).toBe(0)
      const [echoed, where, size] = outcomes(out)
      expect(echoed).toMatchObject({ end: "succeeded", result: "hello" })
      const { pid, thread } = where!.result as { readonly pid: number; readonly thread: number }
      expect([pid === program.child.pid, thread > 0]).toEqual(threads[1] === "2" ? [true, true] : [false, false])
      expect(size!.result).toBeGreaterThan(100)
    })

    it("ends what computes at its timeout, and what ends its thread alone; the others and the program go on", async ({
      expect
    }) => {
      const out = files.path("outcomes.jsonl")
      const requests = files.lines([
        { type: "Spin", data: { file: files.path("never") }, timeout: "1s" },
        { type: "Unrolled", data: null, timeout: "3s" },
        { type: "Exit", data: { code: 0 } },
        { type: "Stray", data: { reason: "nobody catches this" } },
        ...numbers(1, 20).map(() => echo)
      ])
      const program = startRun(requests, ...threads, "--outcomes", out)
      expect(await program.code(), program.stderr).toBe(1)
      const [spun, unrolled, exited, strayed, ...others] = outcomes(out)
      expect(spun).toMatchObject({ end: "timedOut", error: { _tag: "RequestTimeout" } })
      expect(unrolled).toMatchObject({ end: "timedOut", error: { _tag: "RequestTimeout" } })
      expect(exited).toMatchObject({
        end: "failed",
        error: { _tag: "ThreadCrashed", message: expect.stringContaining('The thread of "Exit" has crashed (exit)') }
      })
      expect(strayed).toMatchObject({ end: "failed", error: { _tag: "ThreadCrashed" } })
      expect(others.map(({ end }) => end)).toEqual(numbers(1, 20).map(() => "succeeded"))
      expect(program.summary).toMatchObject({ stopped: null, lines: 24, left: 0, failures: 4, stuckCount: 0 })
      expect(program.summary.errors).toContainEqual(
        expect.objectContaining({ line: 3, error: expect.stringMatching(/^ThreadCrashed: /) })
      )
      expect(program.stderr).not.toContain("process.exit(")
    })

    it("keeps standard output for the summary, whatever is printed there", async ({ expect }) => {
      const program = startRun(files.lines([{ type: "Print", data: { text: "from a thread" } }]), ...threads)
      expect(await program.code()).toBe(0)
      expect(program.summary.ends["succeeded"]).toBe(1)
      expect(program.stderr).toContain("from a thread")
    })
  }
)

describe.concurrent("with --threads bad usage", patience, () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

  it.for<[what: string, module: string, says: string]>([
    ["without a layer", moduleOf(`export { group } from ${group}`), "exports no `layer`"],
    ["without a group", moduleOf("export const layer = 1"), "has no `group`"],
    [
      "that cannot be imported there",
      moduleOf(`import { isMainThread } from "node:worker_threads"
       export { group } from ${group}
       if (!isMainThread) throw new Error("not here")`),
      "No thread could be started: not here"
    ],
    ["whose layer fails", fixture("threads/failing.ts"), "No thread could be started: no database"],
    ["that lacks a handler", fixture("lacking.js"), "Second"]
  ])("is a module %s", async ([, module, says], { expect }) => {
    const program = start("run", files.lines([echo]), "--handlers", module, "--threads", "--json")
    expect(await program.code()).toBe(2)
    expect(program.stderr).toContain(says)
    expect(program.stderr).not.toMatch(/^\s+at /m)
    expect(program.stdout).toBe("")
  })
})
