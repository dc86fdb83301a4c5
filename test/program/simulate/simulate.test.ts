/** `worker-pool simulate` as a shell sees it: its outputs, its exit codes, and its flags. */
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { simulate } from "../../../src/program/simulate/simulate.ts"
import { make } from "../../../src/program/simulate/settings.ts"
import { durationForms } from "../../../src/program/settings/quantities.ts"
import { main, Program, start, temporary } from "../fixtures/program.ts"
import { flags, nobody } from "../fixtures/simulation.ts"

const files = temporary()
const load = ["--arrivals", "step:20,200,5s", "--service", "exponential:50ms", "--duration", "15s"]
const startSimulate = (...args: ReadonlyArray<string>): Program => start("simulate", ...load, ...args)

interface Policy {
  readonly policy: string
  readonly arrived: number
  readonly timeToCapacity: number | null
  readonly decisions: ReadonlyArray<{ readonly atMillis: number; readonly reason: string }>
  readonly [figure: string]: unknown
}
const policies = async (program: Program): Promise<ReadonlyArray<Policy>> => {
  expect(await program.code(), program.stderr).toBe(0)
  expect(program.stdout).toMatch(/^\{.*\}\n$/)
  return JSON.parse(program.stdout).policies
}

describe.concurrent("the figures", () => {
  it("are one JSON object with an entry for each policy, and without the windows", async ({ expect }) => {
    const all = await policies(startSimulate("--policy", "fixed:2", "--policy", "adaptive,gradient", "--json"))
    expect(all.map(({ policy }) => policy)).toEqual(["fixed:2", "adaptive,gradient"])
    for (const figures of all) {
      expect(Object.keys(figures).sort()).toEqual(
        "policy wait total arrived completed failed refused expired timedOut evicted shed interrupted retries peakBacklog workerSeconds leastWorkerSeconds timeToCapacity reversals windowsWithinTarget decisions"
          .split(" ")
          .sort()
      )
      for (const times of [figures["wait"], figures["total"]]) {
        expect(Object.keys(times as object)).toEqual(["mean", "p50", "p95", "p99"])
      }
    }
    expect(JSON.stringify(all)).not.toMatch(/"(mean|p\d\d|workerSeconds|atMillis)":\d+\.\d{4}/)
  })

  it("are of the same arrivals for each policy", async ({ expect }) => {
    const [a, b] = await policies(startSimulate("--policy", "fixed:2", "--policy", "adaptive", "--json"))
    expect(a!.arrived).toBeGreaterThan(1500)
    expect(a!.arrived).toBe(b!.arrived)
    expect(a!["leastWorkerSeconds"]).toBe(b!["leastWorkerSeconds"])
    expect(a!["wait"]).not.toEqual(b!["wait"])
  })

  it("tell when a step had enough workers, and why they came", async ({ expect }) => {
    const [adaptive, fixed] = await policies(startSimulate("--policy", "adaptive", "--policy", "fixed:2", "--json"))
    expect(adaptive!.timeToCapacity).toBeGreaterThan(0)
    expect(adaptive!.timeToCapacity).toBeLessThanOrEqual(3000)
    expect(fixed!.timeToCapacity).toBe(null)
    expect(adaptive!.decisions.length).toBeGreaterThan(1)
    expect(adaptive!.decisions[0]!.reason).toMatch(/no attempt has ended yet/)
    expect(adaptive!.decisions.at(-1)!.reason).toMatch(/keep .* workers busy/)
    expect(fixed!.decisions).toEqual([])
  })

  it("are those of adaptive by default, and a table without --json", async ({ expect }) => {
    const program = startSimulate()
    expect(await program.code()).toBe(0)
    expect(program.stdout).toMatch(/^arrivals step:20,200,5s, service exponential:50ms, duration 15s, seed 1/)
    const [, , head, ...rows] = program.stdout.trimEnd().split("\n")
    expect(head).toMatch(/^ +adaptive$/)
    for (const row of rows) expect(row.length).toBe(head!.length)
    expect(program.stdout).toMatch(/^wait p95 +[\d.]+ m?s$/m)
    expect(program.stdout).not.toMatch(/^evicted/m)
  })

  it("come out the same for the same flags, and other ones for another seed", async ({ expect }) => {
    const html = [files.path("a.html"), files.path("b.html"), files.path("c.html")]
    const seeds = ["x", "x", "y"]
    const outputs = await Promise.all(
      html.map(async (file, n) => {
        const program = startSimulate("--json", "--seed", seeds[n]!, "--html", file)
        await policies(program)
        return program.stdout
      })
    )
    expect(outputs[1]).toBe(outputs[0])
    expect(outputs[2]).not.toBe(outputs[0])
    const pages = html.map((file) => readFileSync(file, "utf8"))
    expect(pages[1]).toBe(pages[0])
    expect(pages[2]).not.toBe(pages[0])
  })
})

describe.concurrent("each flag", () => {
  const only = async (...args: ReadonlyArray<string>) => (await policies(startSimulate("--json", ...args)))[0]!
  it.for<[ReadonlyArray<string>, (figures: Policy) => unknown, unknown]>([
    [["--failures", "100%", "--retries", "1"], ({ failed, retries }) => failed === retries, true],
    [["--policy", "fixed:1", "--capacity", "5"], ({ peakBacklog, refused }) => [peakBacklog, refused !== 0], [5, true]],
    [["--policy", "fixed:1", "--capacity", "5", "--strategy", "sliding"], ({ evicted }) => evicted !== 0, true],
    [["--policy", "fixed:1", "--expires-in", "100ms"], ({ expired }) => expired !== 0, true],
    [["--timeout", "20ms"], ({ timedOut }) => timedOut !== 0, true],
    [["--policy", "fixed:70"], ({ workerSeconds }) => (workerSeconds as number) >= 15 * 70, true],
    [["--min-workers", "30", "--max-workers", "30"], ({ decisions }) => decisions, []],
    [["--tick", "100ms"], ({ decisions }) => decisions[0]!.atMillis < 1000 || decisions[0]!.atMillis % 1000 > 0, true],
    [["--warmup", "14s"], ({ arrived }) => arrived < 300, true],
    [["--downstream", "1,1"], ({ total }) => (total as { p50: number }).p50 > 100, true]
  ])("%j is heeded", async ([args, pick, value], { expect }) => {
    expect(pick(await only(...args))).toEqual(value)
  })

  it("--wait-target is what adaptive keeps, too", async ({ expect }) => {
    const seconds = async (target: string) => (await only("--wait-target", target))["workerSeconds"] as number
    expect(await seconds("1ms")).toBeGreaterThan(await seconds("2s"))
  })
})

describe.concurrent("a recording", () => {
  it("is the load, and what comes after the duration is told and left out", async ({ expect }) => {
    const arrivals = files.path("arrivals.csv")
    const service = files.path("service.csv")
    writeFileSync(arrivals, "time,type\n0,A\n10,B\n2000,A\n")
    writeFileSync(service, "type,milliseconds\nA,100\nB,50\n")
    const args = ["--arrivals", `csv:${arrivals}`, "--service", `csv:${service}`, "--duration", "1s", "--json"]
    const program = start("simulate", ...args)
    const [figures] = await policies(program)
    expect(figures).toMatchObject({ arrived: 2, completed: 2, leastWorkerSeconds: 0.15 })
    expect(program.stderr).toBe(`worker-pool: 1 arrivals of csv:${arrivals} come after --duration 1s: left out\n`)
  })
})

describe.concurrent("bad usage", () => {
  const broken = files.path("broken.csv")
  writeFileSync(broken, "1\nx\n")
  it.for<[ReadonlyArray<string>, string]>([
    [["--service", "constant:1"], "--arrivals"],
    [["--arrivals", "poisson:1"], "--service"],
    ...(
      [
        [["--policy", "hope"], "Expected --policy to be adaptive"],
        [
          ["--policy", "fixed:11", "--max-workers", "10"],
          "Expected --policy fixed:11 to be at most --max-workers (10)"
        ],
        [["--policy", "adaptive", "--policy", "adaptive"], "Expected --policy to be given once for each policy"],
        [
          ["--duration", "soon"],
          `Expected --duration to be a finite duration above zero (${durationForms}), got "soon"`
        ],
        [["--duration", "101d"], "Expected --duration to be at most 100 days"],
        [["--warmup", "10m"], "Expected --warmup to be shorter than the duration"],
        [["--wait-target", "0"], `Expected --wait-target to be a finite duration above zero (${durationForms}), got 0`],
        [["--tick", "0"], `Expected --tick to be a finite duration above zero (${durationForms}), got 0`],
        [["--failures", "2"], 'Expected --failures to be a share from 0 to 1, or a percentage, got "2"'],
        [["--downstream", "1,2,3"], "Expected --downstream to be CAPACITY"],
        [["--downstream", "0"], "Expected --downstream to be a number above 0, got 0"],
        [["--retries", "-1"], "Expected --retries to be a whole number, at least 0, got -1"],
        [["--expires-in", "x"], "Expected --expires-in to be"]
      ] as const
    ).map(([args, says]): [ReadonlyArray<string>, string] => [
      ["--arrivals", "poisson:1", "--service", "constant:1", ...args],
      says
    ]),
    [["--arrivals", `csv:${broken}`, "--service", "constant:1"], `${broken}, line 2: expected milliseconds`]
  ])("%j is code 2, and says why on standard error alone", async ([args, says], { expect }) => {
    const program = start("simulate", ...args)
    expect(await program.code()).toBe(2)
    expect(program.stderr).toContain(says)
    expect(program.stdout).toBe("")
  })
})

describe.concurrent("a run", () => {
  it("stops at once for SIGINT", async ({ expect }) => {
    const args = ["--arrivals", "constant:1000", "--service", "constant:1", "--duration", "90d"]
    const program = start("simulate", ...args)
    // The first plain line comes after five seconds: then it is at work.
    await program.untilSays("policy 1 of 1, adaptive: 0 %")
    program.child.kill("SIGINT")
    expect(await program.code()).toBe(130)
    expect(program.stdout).toBe("")
  })

  it("draws its progress on a terminal, and clears it", async ({ expect }) => {
    const args =
      "simulate --policy fixed:60 --policy adaptive --arrivals poisson:400 --service constant:100 --duration 2m"
    const command = `stty cols 60; '${process.execPath}' '${main}' ${args} --json`
    const program = new Program("script", ["-qefc", command, "/dev/null"])
    expect(await program.code()).toBe(0)
    const drawn = program.stdout.split("\r\u001b[2K").slice(1)
    expect(drawn.filter((text) => /^policy 1 of 2, fixed:60: \d+ %$/.test(text)).length).toBeGreaterThan(1)
    expect(drawn.filter((text) => /^policy 2 of 2, adaptive: \d+ %$/.test(text)).length).toBeGreaterThan(0)
    expect(drawn.at(-1)).toMatch(/^\{"policies":/)
  })

  it("says its progress every five seconds elsewhere", async ({ expect }) => {
    const plan = await Effect.runPromise(
      make({ ...flags, policy: ["fixed:9"], arrivals: ["poisson:500"], duration: "5m" })
    )
    const said: Array<string> = []
    const line = { ...nobody, draw: () => expect.unreachable(), print: said.push.bind(said) }
    let asked = 0
    await Effect.runPromise(simulate(plan, line, () => 3000 * asked++))
    expect(said.length).toBeGreaterThan(1)
    // It is asked every three seconds, and so says something every other time.
    expect(said.length).toBe(Math.floor((asked - 1) / 2))
    for (const text of said) expect(text).toMatch(/^worker-pool: policy 1 of 1, fixed:9: \d+ %$/)
  })

  it("prints its figures before a page that cannot be written, which is code 1", async ({ expect }) => {
    const page = `${files.path()}/page.html`
    const program = startSimulate("--json", "--html", page)
    expect(await program.code()).toBe(1)
    expect(JSON.parse(program.stdout).policies.length).toBe(1)
    expect(program.stderr).toContain(`cannot write the page to ${page}: ENOENT`)
  })
})

it("has in the documentation the flags that are in its help", async () => {
  const program = start("simulate", "--help")
  expect(await program.code()).toBe(0)
  const page = readFileSync(fileURLToPath(new URL("../../../docs/program.md", import.meta.url)), "utf8")
  const section = page.split(/^## /m).find((text) => text.startsWith("Simulate\n"))
  const flags = (text: string) => new Set(text.match(/--[a-z]+(-[a-z]+)*/g))
  const help = program.stdout.split("\nFLAGS\n")[1]!.split("\nGLOBAL FLAGS\n")[0]!
  expect(flags(section!)).toEqual(flags(help))
})
