/** The command line as a shell sees it: exit codes, and what goes to which output. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { echo, handlers, main, numbers, outcomes, Program, start, startRun, temporary } from "./fixtures/program.ts"

const files = temporary()
const one = files.lines([echo()])
const logged = { type: "Log", data: { text: "logged by a handler" } }
const bad = files.lines([...numbers(1, 98).map(() => echo()), "no json", { type: "Fail", data: { reason: "full" } }])

describe.concurrent("exit codes", () => {
  it("is 0 when every line ended well", async ({ expect }) => {
    expect(await startRun(one).code()).toBe(0)
  })

  it.for([
    ["1", 1],
    ["2%", 0]
  ] as const)("with 2 of 100 bad lines and --max-failures %s it is %i", async ([most, code], { expect }) => {
    const program = startRun(bad, "--max-failures", most)
    expect(await program.code()).toBe(code)
    expect(program.summary).toMatchObject({ exitCode: code, lines: 100, failures: 2, left: 0 })
  })

  it("is 0 for help and version, which go to standard output", async ({ expect }) => {
    for (const args of [["--help"], ["--version"], ["run", "--help"]]) {
      const program = start(...args)
      expect(await program.code()).toBe(0)
      expect(program.stderr).toBe("")
      expect(program.stdout).not.toBe("")
    }
  })

  it("documents its exit codes in the help", async ({ expect }) => {
    const program = start("run", "--help")
    await program.code()
    for (const code of ["0 ", "1 ", "2 ", "130", "143"]) expect(program.stdout).toMatch(new RegExp(`^  ${code}`, "m"))
  })

  const broken = files.path("broken.ts")
  writeFileSync(broken, "export const group = 1")
  const missing = files.path("missing.ts")
  const lacking = fileURLToPath(new URL("fixtures/lacking.js", import.meta.url))
  it.for<[ReadonlyArray<string>, string]>([
    [["run", one, "--handlers", lacking], 'no handler for "Second", "Third"'],
    [["run", one, "--handlers", lacking.replace("lacking", "proxied")], "`group` that is not an RpcGroup"],
    [[], "SUBCOMMANDS"],
    [["run"], "requests"],
    [["run", one], "--handlers"],
    [["run", one, "--handlers", handlers, "--bogus"], "--bogus"],
    [["run", missing, "--handlers", handlers], "ENOENT"],
    [["run", files.folder, "--handlers", handlers], "directory"],
    [["run", one, "--handlers", missing], "missing.ts"],
    [["run", one, "--handlers", broken], "`group` that is not an RpcGroup"],
    [["run", one, "--handlers", handlers, "--resume"], "--outcomes"],
    [["run", one, "--handlers", handlers, "--outcomes", `${missing}/o`], "ENOENT"],
    [["run", one, "--handlers", handlers, "--min-workers", "x"], "--min-workers"],
    [["run", one, "--handlers", handlers, "--strategy", "hope"], "--strategy"],
    [["run", one, "--handlers", handlers, "--max-workers", "0"], "--max-workers"],
    [["run", one, "--handlers", handlers, "--policy", "hope"], "--policy"]
  ])("is 2 for the arguments %j, and says %s on standard error alone", async ([args, says], { expect }) => {
    const program = start(...args)
    expect(await program.code()).toBe(2)
    expect(program.stderr).toContain(says)
    expect(program.stdout).toBe("")
    expect(program.stderr).not.toMatch(/^\s+at /m)
  })
})

it.for([["run", one, "--handlers", handlers], ["serve", "--handlers", handlers, "--port", "0"], ["config"]])(
  "an unknown variable of the environment is bad usage: %j",
  async (args) => {
    const program = new Program("env", ["WORKER_POOL_MAXWORKERS=3", "WORKER_POOL_X=", process.execPath, main, ...args])
    expect(await program.code()).toBe(2)
    expect(program.stderr).toContain(
      "got WORKER_POOL_MAXWORKERS (WORKER_POOL_MAX_WORKERS is meant?), WORKER_POOL_X; known are"
    )
  }
)

describe.concurrent("what a run says", () => {
  it("prints nothing but the summary on standard output, whatever handlers print", async ({ expect }) => {
    const program = startRun(files.lines([{ type: "Print", data: { text: "from a handler" } }]))
    expect(await program.code()).toBe(0)
    expect(program.summary.ends["succeeded"]).toBe(1)
    expect(program.stderr).toContain("from a handler")
  })

  it("prints a table without --json", async ({ expect }) => {
    const program = start("run", bad, "--handlers", handlers)
    expect(await program.code()).toBe(1)
    expect(program.stdout).toMatch(/^lines +100$/m)
    expect(program.stdout).toMatch(/^malformed +1$/m)
    expect(program.stdout).toMatch(/^ {2}line 100 Fail failed: "full"$/m)
  })

  it("says why the number of workers changes only with --log-level, and always what handlers log", async ({
    expect
  }) => {
    const requests = files.lines([...numbers(1, 100).map(() => ({ type: "Sleep", data: { millis: 10 } })), logged])
    for (const [args, says] of [
      [[], false],
      [["--log-level", "info"], true]
    ] as const) {
      const program = startRun(requests, "--scaling-interval", "20ms", ...args)
      expect(await program.code()).toBe(0)
      expect(program.summary.workers.peak).toBeGreaterThan(1)
      expect(program.stderr.includes("adaptive wants")).toBe(says)
      expect(program.stderr.includes('pool "run" drained')).toBe(says)
      // What the program says is a sentence; what handlers log is a line of their log.
      const own = program.stderr.split("\n").filter((line) => line !== "" && !line.includes("logged by a handler"))
      expect(own.filter((line) => !line.startsWith("worker-pool: "))).toEqual([])
      expect(program.stderr).toContain("logged by a handler")
    }
  })

  it("tells each kind of defect once, with its stack and its cause, and the summary says where", async ({ expect }) => {
    const requests = files.lines([
      ...numbers(1, 30).map((n) => ({ type: "DieOf", data: { reason: `inner ${n}` } })),
      ...numbers(1, 30).map((n) => ({ type: "Die", data: { reason: `reason ${n}` } }))
    ])
    const program = start("run", requests, "--handlers", handlers, "--max-workers", "1")
    expect(await program.code()).toBe(1)
    expect(program.stderr.match(/^worker-pool: the handler of "\w+" died.*$/gm)).toEqual([
      'worker-pool: the handler of "DieOf" died (request 1): Error: outer',
      'worker-pool: the handler of "Die" died (request 31): Error: reason 1'
    ])
    expect(program.stderr).toMatch(/Error: outer\n\s+at .*fixtures\/handlers\.ts[^]*\[cause\]: Error: inner 1\n\s+at /)
    expect(program.stdout).toMatch(/^defects +60, standard error has a stack for each kind$/m)
  })

  it("never refuses or evicts a line, whatever the strategy and the capacity", async ({ expect }) => {
    const requests = files.lines(numbers(1, 100).map(() => ({ type: "Sleep", data: { millis: 1 } })))
    for (const strategy of ["suspend", "dropping", "sliding"]) {
      const program = startRun(requests, "--strategy", strategy, "--capacity", "2", "--min-workers", "4")
      expect(await program.code(), strategy).toBe(0)
      expect(program.summary.ends["succeeded"]).toBe(100)
    }
  })

  it("goes on without a reader of its outputs", async ({ expect }) => {
    for (const closed of ["stdout", "stderr"] as const) {
      const out = files.path("outcomes.jsonl")
      const held = files.path("held")
      const program = startRun(
        files.lines([
          { type: "Hold", data: { file: held } },
          { type: "Print", data: { text: "x" } }
        ]),
        "--outcomes",
        out
      )
      await program.untilExists(`${held}.started`)
      program.child[closed]!.destroy()
      writeFileSync(held, "")
      expect(await program.code(), closed).toBe(0)
      expect(outcomes(out).map(({ end }) => end)).toEqual(["succeeded", "succeeded"])
      expect(program.stderr).not.toContain("EPIPE")
    }
  })

  it("draws a progress line that fits a terminal, and clears it", async ({ expect }) => {
    const requests = files.lines(numbers(1, 40).map(() => ({ type: "Sleep", data: { millis: 20 } })))
    const run = `run '${requests}' --handlers '${handlers}' --max-workers 1 --json`
    const command = `stty cols 40; '${process.execPath}' '${main}' ${run}`
    const program = new Program("script", ["-qefc", command, "/dev/null"])
    expect(await program.code()).toBe(0)
    const drawn = program.stdout.split("\r\u001b[2K").slice(1)
    const lines = drawn.filter((text) => /^\d+ of 40 done, \d+ failed, \d+\/s/.test(text))
    expect(lines.length).toBeGreaterThanOrEqual(3)
    for (const line of lines) expect(line.split(/[\r\n]/)[0]!.length).toBeLessThan(40)
    // What was drawn last was erased before the summary.
    expect(drawn.at(-1)).toMatch(/^\{"exitCode":0/m)
    expect(drawn.at(-1)).not.toContain(" of 40 done")
  })

  it("prints no control characters where there is no terminal", async ({ expect }) => {
    const program = startRun(one)
    await program.code()
    expect(program.stderr + program.stdout).not.toContain("\u001b")
  })
})

it("runs the main job: every file below node_modules, with workers that come and go", async () => {
  const program = new Program(process.execPath, [new URL("../../scripts/start.mjs", import.meta.url).pathname])
  expect(await program.code()).toBe(0)
  const folder = program.stderr.match(/run (\S+)\/requests\.jsonl/)![1]!
  expect(existsSync(folder)).toBe(false)
  expect(program.stdout).toMatch(/^failed +3$/m)
  const [, first, peak, last] = program.stdout.match(/^workers +(\d+) → (\d+) → (\d+)/m)!.map(Number)
  expect(first).toBe(1)
  expect(peak).toBeGreaterThan(3)
  expect(last).toBeLessThan(peak!)
})

it("gives the checksums that sha256sum gives", async () => {
  const out = files.path("outcomes.jsonl")
  const examples = new URL("../../examples/handlers.ts", import.meta.url).pathname
  const paths = [main, handlers, examples]
  const requests = files.lines(paths.map((path) => ({ type: "Checksum", data: { path } })))
  const program = start("run", requests, "--handlers", examples, "--outcomes", out)
  expect(await program.code()).toBe(0)
  const expected = execFileSync("sha256sum", paths, { encoding: "utf8" }).split("\n").slice(0, -1)
  expect(outcomes(out).map(({ result }) => result)).toEqual(
    expected.map((line, at) => ({ sha256: line.split(" ")[0], bytes: readFileSync(paths[at]!).length }))
  )
})
