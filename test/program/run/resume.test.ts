/** Kills, torn lines, full disks and other people's files: each line still gets exactly one outcome. */
import {
  appendFileSync,
  existsSync,
  linkSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { describe, it } from "vitest"
import { echo, handlers, main, numbers, outcomes, Program, sizeOf, startRun, temporary } from "../fixtures/program.ts"

const files = temporary()

describe.concurrent("--resume", () => {
  it("gives each line exactly one outcome after any number of kill -9", async ({ expect }) => {
    const marks = files.path("marks")
    const workers = 8
    const section = 200
    const held = numbers(1, 4).map((n) => files.path(`held-${n}`))
    // Between two sections each worker is held until there is a file: no run gets beyond before it was killed.
    const lines = [...held, undefined].flatMap((file, at) => [
      ...numbers(1, section).map((n) =>
        n % 50 === 0
          ? "malformed"
          : n % 10 === 0
            ? { type: "Sleep", data: { millis: n % 30 } }
            : { type: "Mark", data: { file: marks, text: `${at}-${n}` } }
      ),
      ...(file === undefined ? [] : numbers(1, workers).map(() => ({ type: "Hold", data: { file } })))
    ])
    const requests = files.lines(lines)
    const out = files.path("outcomes.jsonl")
    const args = ["--outcomes", out, "--resume", "--policy", `fixed:${workers}`, "--max-failures", "100%"]
    for (const [at, file] of held.entries()) {
      const program = startRun(requests, ...args)
      const target = sizeOf(out) + Math.floor(Math.random() * 80 * section)
      await program.until("outcomes", () => sizeOf(out) >= target && existsSync(out))
      program.child.kill("SIGKILL")
      expect((await program.ended).signal).toBe("SIGKILL")
      // A kill seldom hits the middle of a write: tear the last line by hand as well.
      if (at % 2 === 1) truncateSync(out, sizeOf(out) - 7)
      writeFileSync(file, "")
    }
    expect(await startRun(requests, ...args).code()).toBe(0)
    expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, lines.length))
    const ran = new Set(readFileSync(marks, "utf8").split("\n"))
    for (const line of lines) if (typeof line === "object" && "text" in line.data) expect(ran).toContain(line.data.text)
  })

  it("lets one run at a time write to a file, and takes over from one that was killed", async ({ expect }) => {
    const held = files.path("held")
    const requests = files.lines([{ type: "Hold", data: { file: held } }, echo("b")])
    const out = files.path("outcomes.jsonl")
    const first = startRun(requests, "--outcomes", out)
    await first.untilExists(`${held}.started`)
    const second = startRun(requests, "--outcomes", out, "--resume")
    expect(await second.code()).toBe(2)
    expect(second.stderr).toContain(`process ${first.child.pid}`)
    first.child.kill("SIGKILL")
    await first.ended
    writeFileSync(held, "")
    const third = startRun(requests, "--outcomes", out, "--resume")
    expect(await third.code()).toBe(0)
    expect(outcomes(out).map(({ line }) => line)).toEqual([1, 2])
    expect(existsSync(`${out}.lock`)).toBe(false)
  })

  it.runIf(process.platform === "linux")(
    "takes over from one that was killed and that its parent has not reaped",
    async ({ expect }) => {
      const held = files.path("held")
      const requests = files.lines([{ type: "Hold", data: { file: held } }, echo("b")])
      const out = files.path("outcomes.jsonl")
      const run = [process.execPath, main, "run", requests, "--handlers", handlers, "--outcomes", out]
      // What the shell becomes has a child that it knows nothing of.
      const parent = new Program("sh", ["-c", '"$@" & echo $!; exec sleep 1000', "sh", ...run])
      await parent.untilExists(`${held}.started`)
      const pid = Number(parent.stdout)
      process.kill(pid, "SIGKILL")
      await parent.until("a zombie", () => / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")))
      writeFileSync(held, "")
      expect(await startRun(requests, "--outcomes", out, "--resume").code()).toBe(0)
      expect(outcomes(out).map(({ line }) => line)).toEqual([1, 2])
      expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toMatch(/ Z /)
      parent.child.kill("SIGKILL")
      await parent.ended
    }
  )

  it("takes over from one whose number another process has got", async ({ expect }) => {
    const { out, requests } = await resumable()
    writeFileSync(`${out}.lock`, String(process.pid))
    expect(await startRun(requests, "--outcomes", out, "--resume").code()).toBe(0)
    expect(existsSync(`${out}.lock`)).toBe(false)
  })

  it("says what it cannot know of a run on another machine", async ({ expect }) => {
    const { out, requests } = await resumable()
    writeFileSync(`${out}.lock`, "7 another.example\n")
    const program = startRun(requests, "--outcomes", out, "--resume")
    expect(await program.code()).toBe(0)
    expect(program.stderr).toContain("was left by process 7 on another.example")
  })

  it("lets one of several go on, however close they come, and by whichever name of the file", async ({ expect }) => {
    const held = files.path("held")
    const requests = files.lines([{ type: "Hold", data: { file: held } }, ...numbers(2, 50).map(() => echo())])
    const out = files.path("outcomes.jsonl")
    const first = startRun(requests, "--outcomes", out)
    await first.untilExists(`${held}.started`)
    first.child.kill("SIGKILL")
    await first.ended
    const alias = files.path("alias")
    linkSync(out, alias)
    linkSync(`${out}.state`, `${alias}.state`)
    const all = [out, alias, out].map((path) => startRun(requests, "--outcomes", path, "--resume"))
    const codes: Array<number | null> = []
    // The one that runs waits for what is held; the others end at once.
    await new Promise<void>((resolve) => {
      for (const { ended } of all) void ended.then(({ code }) => codes.push(code) === 2 && resolve())
    })
    writeFileSync(held, "")
    await Promise.all(all.map(({ ended }) => ended))
    expect(codes).toEqual([2, 2, 0])
    for (const { child, stderr } of all) if (child.exitCode === 2) expect(stderr).toContain("is being written by")
    expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 50))
  })

  it("does the same for standard input", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    const held = files.path("held")
    const input = [{ type: "Hold", data: { file: held } }, ...numbers(2, 800).map((n) => echo(String(n)))]
    const text = input.map((line) => `${JSON.stringify(line)}\n`).join("")
    const first = startRun("-", "--outcomes", out, "--min-workers", "2")
    first.child.stdin!.write(text.slice(0, 20_000))
    await first.untilExists(`${held}.started`)
    await first.until("outcomes", () => sizeOf(out) > 5000)
    first.child.kill("SIGKILL")
    await first.ended
    appendFileSync(out, '{"line":17,"id')

    const other = startRun("-", "--outcomes", out, "--resume")
    other.child.stdin!.end(text.replace("Hold", "Echo"))
    expect(await other.code()).toBe(2)
    expect(other.stderr).toContain("standard input is not the input")

    const shorter = startRun("-", "--outcomes", out, "--resume")
    shorter.child.stdin!.end(text.slice(0, 100))
    expect(await shorter.code()).toBe(2)

    writeFileSync(held, "")
    const last = startRun("-", "--outcomes", out, "--resume")
    last.child.stdin!.end(text)
    expect(await last.code()).toBe(0)
    expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 800))
    expect(last.summary.earlier).toBeGreaterThan(0)
  })

  it("starts afresh when there is nothing to go on with, and has nothing to do after a whole run", async ({
    expect
  }) => {
    const out = files.path("outcomes.jsonl")
    const requests = files.lines([echo("1"), "malformed", echo("3")])
    const first = startRun(requests, "--outcomes", out, "--resume")
    expect(await first.code()).toBe(1)
    const before = readFileSync(out, "utf8")
    const second = startRun(requests, "--outcomes", out, "--resume")
    // What ended badly before still counts.
    expect(await second.code()).toBe(1)
    expect(second.summary).toMatchObject({ lines: 3, earlier: 3, failures: 1, attempts: 0 })
    expect(readFileSync(out, "utf8")).toBe(before)
  })

  it("goes on after a kill between the creation of the file and its state", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    writeFileSync(out, "")
    expect(await startRun(files.lines([echo()]), "--outcomes", out, "--resume").code()).toBe(0)
    expect(outcomes(out)).toHaveLength(1)
    expect(existsSync(`${out}.state`)).toBe(true)
  })

  const resumable = async () => {
    const out = files.path("outcomes.jsonl")
    const requests = files.lines(numbers(1, 5).map((n) => echo(String(n))))
    await startRun(requests, "--outcomes", out).code()
    return { out, requests }
  }

  it.for<[string, (files: { readonly out: string; readonly requests: string }) => void]>([
    ["is not the input", ({ requests }) => writeFileSync(requests, readFileSync(requests, "utf8").replace("3", "4"))],
    ["is not the input", ({ requests }) => appendFileSync(requests, "{}\n")],
    ["is not the input", ({ requests }) => truncateSync(requests, 50)],
    ["its line 2 is not an outcome", ({ out }) => edit(out, (lines) => lines.with(1, "garbage"))],
    ["its line 2 is not an outcome", ({ out }) => edit(out, (lines) => lines.with(1, '{"line":0,"end":"failed"}'))],
    ["its line 2 is a second outcome of line", ({ out }) => edit(out, (lines) => lines.with(1, lines[0]!))],
    [
      "an outcome of line 6",
      ({ out }) => edit(out, (lines) => lines.with(1, lines[1]!.replace(/"line":\d/, '"line":6')))
    ],
    [".state, which tells its input, is missing", ({ out }) => rmSync(`${out}.state`)],
    ["not what a run of this version writes", ({ out }) => writeFileSync(`${out}.state`, "{}")]
  ])("refuses with 2: %s", async ([says, change], { expect }) => {
    const { out, requests } = await resumable()
    change({ out, requests })
    const before = readFileSync(out, "utf8")
    const program = startRun(requests, "--outcomes", out, "--resume")
    expect(await program.code()).toBe(2)
    expect(program.stderr).toContain(says)
    expect(readFileSync(out, "utf8")).toBe(before)
  })
})

describe.concurrent("the outcomes file", () => {
  it("is never overwritten", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    const link = files.path("link")
    writeFileSync(out, "precious")
    symlinkSync(out, link)
    for (const path of [out, link]) {
      const program = startRun(files.lines([echo()]), "--outcomes", path)
      expect(await program.code()).toBe(2)
      expect(program.stderr).toContain("exists")
      expect(existsSync(`${path}.state`)).toBe(false)
    }
    expect(readFileSync(out, "utf8")).toBe("precious")
  })

  it("that finds no more room stops the run with 1, whole lines only, and the rest can be resumed", async ({
    expect
  }) => {
    const out = files.path("outcomes.jsonl")
    const requests = files.lines(numbers(1, 3000).map((n) => echo(String(n))))
    const command = `ulimit -f 16; exec "$@"`
    const args = [process.execPath, main, "run", requests, "--handlers", handlers, "--json", "--outcomes", out]
    const program = new Program("sh", ["-c", command, "sh", ...args])
    expect(await program.code()).toBe(1)
    expect(program.stderr).toContain(`cannot write the outcomes to ${out}: EFBIG`)
    const written = outcomes(out).length
    expect(written).toBeGreaterThan(10)
    expect(program.summary).toMatchObject({ lines: 3000, left: 3000 - written, ends: { succeeded: written } })
    expect(program.summary.stopped).toContain(out)
    expect(await startRun(requests, "--outcomes", out, "--resume").code()).toBe(0)
    expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 3000))
  })
})

const edit = (path: string, change: (lines: Array<string>) => Array<string>) =>
  writeFileSync(path, `${change(readFileSync(path, "utf8").split("\n").slice(0, -1)).join("\n")}\n`)
