/** Real signals to a real process. */
import { execFileSync } from "node:child_process"
import { promises, writeFileSync } from "node:fs"
import { describe, it } from "vitest"
import { echo, numbers, outcomes, start, startRun, temporary } from "../fixtures/program.ts"

const files = temporary()
const hold = (file: string) => ({ type: "Hold", data: { file } })

describe.concurrent("a signal", () => {
  it.for([
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const)(
    "%s lets what runs end, leaves what waits, reports, and exits with %i",
    async ([signal, code], { expect }) => {
      const held = files.path("held")
      const out = files.path("outcomes.jsonl")
      const requests = files.lines([hold(held), ...numbers(2, 500).map(() => echo())])
      const args = ["--outcomes", out, "--max-workers", "1"]
      const program = startRun(requests, ...args)
      await program.untilExists(`${held}.started`)
      program.child.kill(signal)
      await program.untilSays(`${signal}: nothing new is started`)
      writeFileSync(held, "")
      expect(await program.code()).toBe(code)
      expect(program.summary).toMatchObject({
        exitCode: code,
        stopped: signal,
        lines: 500,
        left: 499,
        leftUnread: false
      })
      expect(outcomes(out)).toMatchObject([{ line: 1, end: "succeeded", result: "released" }])

      const resumed = startRun(requests, ...args, "--resume")
      expect(await resumed.code()).toBe(0)
      expect(resumed.summary).toMatchObject({ lines: 500, earlier: 1, left: 0 })
      expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 500))
    }
  )

  it("interrupts at the deadline what still runs, and leaves it", async ({ expect }) => {
    const held = files.path("held")
    const out = files.path("outcomes.jsonl")
    const program = startRun(files.lines([hold(held)]), "--outcomes", out, "--drain-deadline", "100 millis")
    await program.untilExists(`${held}.started`)
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
    expect(program.summary).toMatchObject({ left: 1, stuckCount: 0 })
    expect(outcomes(out)).toEqual([])
  })

  it("does not keep the process for a handler that ignores its interruption, and names it", async ({ expect }) => {
    const held = files.path("held")
    const requests = files.lines([{ type: "Stuck", data: { file: held }, id: "the-stuck-one" }])
    const program = startRun(requests, "--drain-deadline", "100 millis")
    await program.untilExists(`${held}.started`)
    program.child.kill("SIGINT")
    expect(await program.code()).toBe(130)
    expect(program.summary).toMatchObject({ left: 1, stuckCount: 1, stuck: [{ tag: "Stuck", id: "the-stuck-one" }] })
  })

  it("forces when it is the second", async ({ expect }) => {
    const held = files.path("held")
    const program = startRun(files.lines([{ type: "Stuck", data: { file: held } }]))
    await program.untilExists(`${held}.started`)
    program.child.kill("SIGINT")
    await program.untilSays("nothing new is started")
    await new Promise((resolve) => setTimeout(resolve, 100)) // longer than an echo of the first
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
    expect(program.stderr).toContain("forced by a second signal")
  })

  it("does not force when it comes twice at once, as under npm", async ({ expect }) => {
    const held = files.path("held")
    const program = startRun(files.lines([hold(held)]))
    await program.untilExists(`${held}.started`)
    // Two of one kind could be delivered as one.
    program.child.kill("SIGINT")
    program.child.kill("SIGTERM")
    await program.untilSays("nothing new is started")
    writeFileSync(held, "")
    expect([130, 143]).toContain(await program.code())
    expect(program.summary).toMatchObject({ left: 0, ends: { succeeded: 1 } })
  })

  it("stops a run that waits for its input", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    const program = startRun("-", "--outcomes", out)
    program.child.stdin!.write(`${JSON.stringify(echo())}\n`)
    await program.untilExists(`${out}.state`)
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
    expect(program.summary).toMatchObject({ leftUnread: true })
  })

  it.for(["nobody opens", "is open and silent"])(
    "is enough to end a run whose input, a named pipe, %s",
    async (how, { expect }) => {
      const pipe = files.path("pipe")
      execFileSync("mkfifo", [pipe])
      const program = startRun(pipe)
      if (how === "is open and silent") {
        const writer = await promises.open(pipe, "w")
        await writer.write(`${JSON.stringify({ type: "Print", data: { text: "read" } })}\n`)
        await program.untilSays("read")
        void program.ended.then(() => writer.close())
      } else {
        await program.untilSays("0 done")
      }
      program.child.kill("SIGTERM")
      expect(await program.code()).toBe(143)
      expect(program.summary).toMatchObject({ stopped: "SIGTERM", leftUnread: true })
    }
  )

  it("stops a run whose handlers are still being built", async ({ expect }) => {
    const module = files.path("slow.ts")
    const started = files.path("started")
    writeFileSync(
      module,
      `import { writeFileSync } from "node:fs"
       writeFileSync(${JSON.stringify(started)}, "")
       await new Promise(() => setInterval(() => {}, 1000))`
    )
    const program = start("run", files.lines([echo()]), "--handlers", module)
    await program.untilExists(started)
    program.child.kill("SIGINT")
    expect(await program.code()).toBe(130)
    expect(program.stderr).toContain("before anything was run")
  })
})

describe.concurrent("stuck handlers", () => {
  it("end the run with 1 when they hold every worker for longer than the drain deadline", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    const requests = files.lines([{ type: "Stuck", data: { file: files.path("held") } }, echo(), echo()])
    const args = ["--max-workers", "1", "--timeout", "50", "--drain-deadline", "300"]
    const program = startRun(requests, "--outcomes", out, ...args)
    expect(await program.code()).toBe(1)
    expect(outcomes(out)).toMatchObject([{ line: 1, end: "timedOut" }])
    expect(program.summary).toMatchObject({ left: 2, stuckCount: 1 })
    expect(program.summary.stopped).toContain("1 workers are stuck")
  })

  it.for([
    ["when the run is complete", 1],
    ["after a signal", 143]
  ] as const)("do not keep the process by a thread that reads for them, %s", async ([when, code], { expect }) => {
    const pipe = files.path("pipe")
    execFileSync("mkfifo", [pipe])
    const requests = files.lines([{ type: "Read", data: { file: pipe } }, echo()])
    const isSignalled = when === "after a signal"
    const program = startRun(requests, "--timeout", isSignalled ? "none" : "50ms", "--drain-deadline", "50ms")
    if (isSignalled) {
      await program.untilSays("1 of 2 done")
      program.child.kill("SIGTERM")
    }
    expect(await program.code()).toBe(code)
    expect(program.summary).toMatchObject({ exitCode: code })
    expect(program.stderr).not.toContain("Warning")
  })

  it("do not hold up the end of a run that is complete", async ({ expect }) => {
    const requests = files.lines([{ type: "Stuck", data: { file: files.path("held") } }, echo()])
    const program = startRun(requests, "--min-workers", "2", "--timeout", "50")
    expect(await program.code()).toBe(1)
    expect(program.summary).toMatchObject({ left: 0, ends: { timedOut: 1, succeeded: 1 }, stuckCount: 1 })
  })
})
