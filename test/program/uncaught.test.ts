/** What nobody catches, in real processes: fatal, but what was accepted has its end and its answer first. */
import { writeFileSync } from "node:fs"
import { describe, it } from "vitest"
import { echo, numbers, outcomes, start, startRun, temporary } from "./fixtures/program.ts"
import { post, serve } from "./fixtures/service.ts"

const files = temporary()
const stray = (how: "throws" | "rejects", after: number, ...reasons: ReadonlyArray<string>) => ({ how, after, reasons })
const hold = (file: string) => ({ type: "Hold", data: { file } })

/** The lines of a log in JSON that are about what nobody caught. */
const told = (stderr: string): ReadonlyArray<any> =>
  stderr
    .split("\n")
    .filter((line) => line.includes("nobody caught"))
    .map((line) => JSON.parse(line))

describe.concurrent("what nobody caught", () => {
  it.for(["throws", "rejects"] as const)(
    "is told once by serve, with what ran then; who waits is answered; exit code 70 (a handler's timer %s)",
    async (how, { expect }) => {
      const { program, url } = await serve("--min-workers", "4")
      const held = numbers(1, 3).map(() => files.path("held"))
      const waiting = held.map((file) => post(url, "Hold", { file }))
      for (const file of held) await program.untilExists(`${file}.started`)
      expect((await post(url, "Stray", stray(how, 1, "x", "x"))).status).toBe(200)
      await program.untilSays("nobody caught")
      for (const file of held) writeFileSync(file, "")
      expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200])
      expect(await program.code()).toBe(70)
      const lines = told(program.stderr)
      expect(lines.length).toBe(1)
      expect(lines[0]).toMatchObject({ level: "FATAL", cause: expect.stringContaining("Error: x") })
      expect(lines[0].cause).toContain("fixtures/handlers.ts")
      expect(lines[0].annotations.running).toMatch(/^(Hold \S+-\d+(, )?){3}$/)
    }
  )

  it("a second one of another kind ends serve on the spot", async ({ expect }) => {
    const { program, url } = await serve("--min-workers", "3")
    const never = post(url, "Sleep", { millis: 60_000 }).catch(() => "broken off")
    // The second error comes after the first, whichever request is taken first.
    const [first, second] = [files.path("first"), files.path("second")]
    await Promise.all([
      post(url, "Stray", { ...stray("throws", 1, "first"), once: first }),
      post(url, "Stray", { ...stray("rejects", 1, "second"), once: second })
    ])
    writeFileSync(first, "")
    await program.untilSays("Error: first")
    writeFileSync(second, "")
    expect(await program.code()).toBe(70)
    expect(await never).toBe("broken off")
    expect(program.stderr).toContain("forced by a second error that nobody caught")
    expect(program.stderr).toContain("Error: second")
  })

  it("counts for the exit code after a signal as well, and a first signal after it changes nothing", async ({
    expect
  }) => {
    for (const order of ["signal first", "signal last"]) {
      const { program, url } = await serve("--min-workers", "2")
      const held = files.path("held")
      const holding = post(url, "Hold", { file: held })
      await program.untilExists(`${held}.started`)
      const send = async () => {
        program.child.kill("SIGTERM")
        await program.untilSays("SIGTERM: ")
      }
      await post(url, "Stray", stray("throws", order === "signal first" ? 200 : 1, "x"))
      if (order === "signal first") await send()
      await program.untilSays("nobody caught")
      if (order === "signal last") await send()
      writeFileSync(held, "")
      expect([order, (await holding).status]).toEqual([order, 200])
      expect([order, await program.code()]).toEqual([order, 70])
    }
  })

  it.for(["throws", "rejects"] as const)(
    "stops a run in order: outcomes whole, summary, exit code 70, and the rest resumes (a handler's timer %s)",
    async (how, { expect }) => {
      const held = files.path("held")
      const last = files.path("last")
      const out = files.path("outcomes.jsonl")
      const requests = files.lines([
        hold(held),
        { type: "Stray", data: { ...stray(how, 1, "x"), once: `${last}.started` } },
        hold(last),
        ...numbers(4, 400).map(() => echo())
      ])
      const args = ["--outcomes", out, "--min-workers", "2", "--max-workers", "2"]
      const program = startRun(requests, ...args)
      await program.untilSays("nothing new is started")
      for (const file of [held, last]) writeFileSync(file, "")
      expect(await program.code()).toBe(70)
      expect(program.summary).toMatchObject({ exitCode: 70, lines: 400, ends: { succeeded: 3 }, left: 397 })
      expect(program.summary.stopped).toContain("Error: x")
      expect(program.stderr).toContain("Error: x\n    at ")
      expect(program.stderr).toMatch(/^It ran then: Hold [13], Hold [13]$/m)
      expect(outcomes(out).map(({ line }) => line)).toEqual([1, 2, 3])
      const resumed = startRun(requests, ...args, "--resume")
      expect(await resumed.code()).toBe(0)
      expect(outcomes(out).map(({ line }) => line)).toEqual(numbers(1, 400))
    }
  )

  it.for([
    ["run", "-", "--json"],
    ["serve", "--port", "0"]
  ])("before there is a pool it is told, with exit code 70: %s", async (args, { expect }) => {
    const module = files.path("slow.ts")
    writeFileSync(
      module,
      `setTimeout(() => { throw new Error("from the module") })
       await new Promise(() => setInterval(() => {}, 1000))`
    )
    const program = start(...args, "--handlers", module)
    expect(await program.code()).toBe(70)
    expect(program.stderr).toContain("before anything was run")
    expect(program.stderr).toContain("Error: from the module\n    at ")
    expect(program.stdout).toBe("")
  })

  it("may be of any kind, even one that cannot be read", async ({ expect }) => {
    const module = files.path("odd.ts")
    writeFileSync(
      module,
      `const odd = Proxy.revocable({}, {})
       odd.revoke()
       setTimeout(() => { throw odd.proxy })
       await new Promise(() => setInterval(() => {}, 1000))`
    )
    const program = start("run", "-", "--handlers", module)
    expect(await program.code()).toBe(70)
    expect(program.stderr).toContain("before anything was run")
  })
})
