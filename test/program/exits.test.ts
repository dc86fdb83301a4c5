/** However a run is brought to its end, it is never one as if all were well. */
import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import {
  echo,
  handlers,
  main,
  numbers,
  outcomes,
  Program,
  sizeOf,
  start,
  startRun,
  temporary
} from "./fixtures/program.ts"
import { post, serve } from "./fixtures/service.ts"

const files = temporary()

describe.concurrent("process.exit", () => {
  it.for([0, 1, 3])("by a handler, with %i, ends a run with 70, its file whole", async (code, { expect }) => {
    const out = files.path("outcomes.jsonl")
    const exit = { type: "Exit", data: { file: files.path("exited"), code } }
    const requests = files.lines([...numbers(1, 51).map(() => echo()), exit, echo(), echo()])
    const args = ["--outcomes", out, "--max-workers", "1"]
    const program = startRun(requests, ...args)
    expect(await program.code()).toBe(70)
    expect(program.stderr).toContain(`process.exit(${code}) was called by a handler`)
    expect(program.stderr).toContain("3 lines are left, go on with --resume")
    expect(program.stdout).toBe("")
    // Each end that there was before.
    expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 51))
    expect(await startRun(requests, ...args, "--resume").code()).toBe(0)
    expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 54))
  })

  it("by a handler ends a service with 70, and its log says so", async ({ expect }) => {
    const { program, url } = await serve()
    await expect(post(url, "Exit", { file: files.path("exited"), code: 0 })).rejects.toThrow()
    expect(await program.code()).toBe(70)
    expect(program.stderr).toContain("process.exit(0) was called by a handler")
    expect(program.stderr).toContain("1 requests had not ended")
  })

  it.for([0, 1])(
    "by a handler, with %i, in the drain after a signal is 70, its file whole",
    async (code, { expect }) => {
      const held = files.path("held")
      const exiting = files.path("exiting")
      const out = files.path("outcomes.jsonl")
      const program = startRun("-", "--min-workers", "2", "--outcomes", out)
      const lines = [
        { type: "Hold", data: { file: held } },
        { type: "HoldThenExit", data: { file: exiting, code } }
      ]
      program.child.stdin!.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
      await program.untilExists(`${held}.started`)
      await program.untilExists(`${exiting}.started`)
      program.child.kill("SIGTERM")
      await program.untilSays("nothing new is started")
      writeFileSync(exiting, "")
      expect(await program.code()).toBe(70)
      expect(program.stderr).toContain(`process.exit(${code}) was called by a handler`)
    }
  )

  it("by a handler in the drain after a signal is no end with 0 either", async ({ expect }) => {
    const held = files.path("held")
    const exit = { type: "Exit", data: { file: files.path("exited"), code: 0 } }
    const program = startRun("-", "--min-workers", "2")
    program.child.stdin!.write(`${JSON.stringify({ type: "Hold", data: { file: held } })}\n`)
    await program.untilExists(`${held}.started`)
    program.child.stdin!.write(`${JSON.stringify(exit)}\n`)
    expect(await program.code()).toBe(70)
    expect(program.stderr).toContain("2 or more lines are left")
  })

  const moduleOf = (text: string) => {
    const path = files.path("module.ts")
    writeFileSync(path, text)
    return path
  }

  it("by the module ends a run with 70, nothing run", async ({ expect }) => {
    const program = start("run", files.lines([echo()]), "--handlers", moduleOf("process.exit(0)"))
    expect(await program.code()).toBe(70)
    expect(program.stderr).toContain("nothing was run")
  })

  it("by a finalizer, once the run has ended, does not change its code", async ({ expect }) => {
    const module = fileURLToPath(new URL("fixtures/exitingFinalizer.ts", import.meta.url))
    const program = start("run", files.lines(["malformed"]), "--handlers", module, "--json")
    expect(await program.code()).toBe(1)
    expect(program.summary).toMatchObject({ exitCode: 1, failures: 1 })
  })
})

const changes: ReadonlyArray<readonly [string, (out: string) => void]> = [
  ["it was removed", (out) => rmSync(out)],
  ["it was removed", (out) => renameSync(out, `${out}.1`)],
  [
    "it was replaced",
    (out) => {
      copyFileSync(out, `${out}.copy`)
      renameSync(`${out}.copy`, out)
    }
  ],
  ["something else has changed it", (out) => truncateSync(out, 10)],
  ["something else has changed it", (out) => appendFileSync(out, "x")]
]

describe.concurrent("an outcomes file that others change", () => {
  it.for(changes)("ends the run with 1: %s", async ([says, change], { expect }) => {
    const held = files.path("held")
    const out = files.path("outcomes.jsonl")
    const requests = files.lines([echo(), { type: "Hold", data: { file: held } }])
    const program = startRun(requests, "--outcomes", out, "--min-workers", "2")
    await program.untilExists(`${held}.started`)
    await program.until("an outcome", () => outcomes(out).length === 1)
    change(out)
    writeFileSync(held, "")
    expect(await program.code()).toBe(1)
    expect(program.summary.stopped).toContain(`cannot write the outcomes to ${out}: ${says}`)
  })

  it("ends a run that goes on and on", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    const program = startRun("-", "--outcomes", out)
    const feed = async () => {
      while (program.child.exitCode === null) {
        program.child.stdin!.write(`${JSON.stringify(echo())}\n`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    const fed = feed()
    await program.until("an outcome", () => sizeOf(out) > 0)
    rmSync(out)
    expect(await program.code()).toBe(1)
    expect(program.summary).toMatchObject({ leftUnread: true })
    expect(program.summary.stopped).toContain("it was removed")
    await fed
  })

  it("is not mistaken for one when a handler changes the working directory", async ({ expect }) => {
    const module = files.path("module.ts")
    writeFileSync(
      module,
      `process.chdir("/")
       export { group, layer } from ${JSON.stringify(handlers)}`
    )
    const run = [main, "run", files.lines([echo()]), "--handlers", module, "--outcomes", "relative.jsonl"]
    const program = new Program("sh", ["-c", 'cd "$0" && exec "$@"', files.folder, process.execPath, ...run])
    expect(await program.code()).toBe(0)
    expect(outcomes(`${files.folder}/relative.jsonl`)).toHaveLength(1)
  })
})

describe.concurrent("a full standard output", () => {
  it.for([["run", files.lines([echo()]), "--handlers", handlers], ["config"], ["--help"], ["--version"]])(
    "is an error of %j",
    async (args, { expect }) => {
      const program = new Program("sh", ["-c", 'exec "$@" > /dev/full', "sh", process.execPath, main, ...args])
      expect(await program.code()).toBe(1)
      expect(program.stderr).toContain("cannot write to standard output: ENOSPC")
    }
  )
})
