/** `worker-pool tune` as a shell sees it: its answer, the files that it writes, and what it refuses. */
import { Effect, Result } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { ScalingPolicy } from "../../../src/index.ts"
import { parsePolicy } from "../../../src/program/settings/policyFlag.ts"
import { make } from "../../../src/program/tune/settings.ts"
import { toTable } from "../../../src/program/tune/report.ts"
import { toYaml } from "../../../src/program/tune/yaml.ts"
import * as Simulation from "../../../src/Simulation.ts"
import * as Tuning from "../../../src/Tuning.ts"
import { start, temporary } from "../fixtures/program.ts"
import { headerOf } from "../fixtures/recording.ts"
import { serve } from "../fixtures/service.ts"
import { flags } from "../fixtures/tuning.ts"

const files = temporary()
const patience = { timeout: 120_000 }
const load = ["--arrivals", "poisson:20@key=a+b", "--service", "exponential:100ms", "--duration", "30s"]
const brief = [...load, "--budget", "4000", "--target", "p99(wait) <= 300ms", "--target", "p99(total, key=a) <= 5s"]

it("writes the same bytes with one thread and with two, and a file that serve takes as it is", patience, async () => {
  const outputs = await Promise.all(
    ["none", "2"].map(async (threads) => {
      const [yaml, html] = [files.path("tuned.yaml"), files.path("tuned.html")]
      const program = start("tune", ...brief, `--threads=${threads}`, "--out", yaml, "--html", html)
      expect(await program.code(), program.stderr).toBe(0)
      // A bar is for terminals.
      expect(program.stderr).toBe("")
      return { table: program.stdout, yaml: readFileSync(yaml, "utf8"), html: readFileSync(html, "utf8"), path: yaml }
    })
  )
  const [{ path: _, ...one }, { path, ...two }] = outputs as [(typeof outputs)[0], (typeof outputs)[0]]
  expect(two).toEqual(one)
  expect(one.table).toMatch(/^ +chosen +today's +next best/m)
  expect(one.table).toMatch(/^p99\(wait\) <= 300ms +\d/m)
  expect(one.table).toMatch(/^every target kept +yes/m)
  expect(one.table).toContain("other draws of the load")
  expect(one.html).toContain("Cost against targets")
  expect(one.html).toContain("Twice the load")
  expect(one.html.replaceAll(/ xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:|src=|<script/i)

  const { program, url } = await serve("--config", path)
  expect((await fetch(`${url}/pool`)).status).toBe(200)
  const written = Object.fromEntries(
    one.yaml
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf(":")), JSON.parse(line.slice(line.indexOf(":") + 1))])
  )
  const config = start("config", "--config", path, "--json")
  expect(await config.code()).toBe(0)
  const { settings } = JSON.parse(config.stdout) as {
    settings: ReadonlyArray<{ name: string; value: string; from: string }>
  }
  for (const [name, value] of Object.entries(written)) {
    expect(settings).toContainEqual(expect.objectContaining({ name, from: "file", value: String(value) }))
  }
  program.child.kill("SIGTERM")
  expect((await program.ended).code).toBe(143)
})

it("tells all as one JSON object, and ends with 1 when nothing keeps a target", patience, async () => {
  const program = start(
    "tune",
    ...load,
    "--budget",
    "2000",
    "--target",
    "p99(total) <= 50ms",
    "--json",
    "--threads=none"
  )
  expect(await program.code(), program.stderr).toBe(1)
  const { chosen, obstacles, others, targets, today } = JSON.parse(program.stdout)
  expect(chosen).toBeNull()
  expect(targets).toEqual(["p99(total) <= 50ms", "lost <= 0.1%"])
  expect(obstacles[0]).toMatch(/no number of workers keeps it: the service time itself is \d+ ms at p99/)
  expect(today.settings).toBe("today")
  expect(others[0].targets[0].value).toBeGreaterThan(50)
})

it("says which file it could not write, after its answer", patience, async () => {
  const program = start(
    "tune",
    ...load,
    "--budget",
    "1000",
    "--target",
    "p99(wait) <= 1s",
    "--out",
    files.folder,
    "--threads=none"
  )
  expect(await program.code()).toBe(1)
  expect(program.stdout).toContain("every target kept")
  expect(program.stderr).toContain(`cannot write the settings to ${files.folder}: `)
})

describe("today's settings", () => {
  const path = files.path("today.yaml")
  writeFileSync(
    path,
    "port: 9000\npolicy: fixed:3\nmaxWorkers: 9\ncapacity: unbounded\nlimits:\n  - name: mailer\n    concurrency: 4\n"
  )

  it("are those of a file, but for what a flag says, and stay in the file that is written", async () => {
    const plan = await Effect.runPromise(make({ ...flags, config: path, maxWorkers: 8, timeout: "5s" }))
    expect(plan.options.policy!.name).toBe("fixed")
    expect(plan.options.pool).toMatchObject({ maxWorkers: 8, capacity: "unbounded", timeout: 5000 })
    expect(plan.options.pool!.limits!.map(({ name }) => name)).toEqual(["mailer"])
    const settings: Tuning.Settings = {
      policy: { kind: "queueLength", threshold: 3, step: 2 },
      minWorkers: 2,
      maxWorkers: 7,
      capacity: 50,
      scalingIntervalMillis: 250,
      keyConcurrency: 2,
      agingMillis: 5000
    }
    const chosen = { settings, score: { values: [] } } as never
    const targets = [Result.getOrThrow(Tuning.parseTarget("p99(wait, key=a\nport: 2\u2028port: 3) <= 1s"))]
    const yaml = toYaml({ chosen, others: [], targets }, plan.today, [["arrivals", "csv:a\nport: 1"]])
    const written = files.path("written.yaml")
    writeFileSync(written, yaml)
    const again = await Effect.runPromise(make({ ...flags, config: written }))
    expect(again.options.pool).toMatchObject({
      minWorkers: 2,
      maxWorkers: 7,
      capacity: 50,
      scalingInterval: 250,
      timeout: 5000,
      aging: 5000
    })
    expect(again.options.pool!.limits!.map(({ concurrency, name, per }) => [name, per, concurrency])).toEqual([
      ["mailer", "pool", 4],
      ["tuned-per-key", "key", 2]
    ])
    expect(again.today["policy"]).toBe("queueLength:3:step=2")
    // No more lines than these, whatever texts hold.
    expect(yaml).not.toMatch(/^port/m)
  })

  it.each([
    [{ config: "nowhere.yaml" }, "--config"],
    [{ target: ["p99(wait) =< 1s"] }, '--target: Expected "<=" or "<" at position 11'],
    [{ budget: "much" }, "--budget to be a whole number of requests, at least 1000"],
    [{ budget: "10" }, "at least 1000"],
    [{ mostWorkers: 0 }, "--most-workers to be at least 1"],
    [{ policy: "fast" }, "--policy"],
    [{ arrivals: ["sometimes"] }, "--arrivals"]
  ])("are refused where they are wrong: %j", async (wrong, says) => {
    const error = await Effect.runPromise(Effect.flip(make({ ...flags, ...wrong })))
    expect(error.message).toContain(says)
  })
})

describe("a recording", () => {
  const path = files.path("recording.jsonl")
  const header = headerOf({
    policy: "fixed:9",
    maxWorkers: 9,
    strategy: "suspend",
    scalingIntervalMillis: 500,
    retries: 3
  })
  // Twenty a second for three minutes, of 30 to 170 ms each.
  const rows = Array.from(
    { length: 3600 },
    (_, n) => `[${50_000 * n},"A","succeeded",[0,${1000 * (30 + ((n * 37) % 140))}]]`
  )
  writeFileSync(path, `${[header, ...rows].join("\n")}\n`)
  const recorded = { ...flags, recording: path, arrivals: [], service: [], duration: undefined }

  it("is the load, and its pool is that of today; it is judged on blocks of its time that the search did not see", async () => {
    const plan = await Effect.runPromise(make(recorded))
    expect(plan.options).toMatchObject({ isRecorded: true, policy: { name: "fixed" } })
    expect(plan.today).toMatchObject({ policy: "fixed:9", strategy: "suspend", scalingInterval: 500 })
    const report = await Effect.runPromise(Tuning.run(plan.options))
    expect(report.demand.requests).toBe(3600)
    expect(report.unseen).toHaveLength(3)
    expect(report.chosen!.score.cost).toBeLessThan(report.today.score.cost / 2)
    expect(report.today.score.cost).toBe(9)
    expect(toTable(report, plan)).toMatch(
      /did not see: [\d.]+ s to [\d.]+ s, .* of the recording, once as it was and \d times/
    )
    const few = await Effect.runPromise(
      Tuning.run({ ...plan.options, targets: ["p99.9(wait) <= 1s", "mean(wait) <= 1s"] })
    )
    expect(toTable(few, plan)).toMatch(/p99\.9\(wait\) <= 1s: a draw has 1,(19|20)\d such requests, too few to be sure/)
    expect(toTable(few, plan)).not.toContain("mean(wait) <= 1s: a draw")
    expect(toTable(report, plan)).not.toContain("too few")
    const yaml = toYaml(report, plan.today, plan.load)
    expect(yaml).toContain('strategy: "suspend"')
    expect(yaml).toContain("retries: 3")
    expect(yaml).not.toContain("fixed:9")
  })

  it("that would not fit in memory is refused, and a part of it taken", async () => {
    const long = files.path("long.jsonl")
    const row = (n: number) => `[${n},"A","succeeded",[0,1000]]`
    writeFileSync(long, `${[header, ...Array.from({ length: 1_000_001 }, (_, n) => row(n))].join("\n")}\n`)
    const whole = { ...recorded, recording: long }
    expect((await Effect.runPromise(Effect.flip(make(whole)))).message).toContain(
      "take a part of them with --from and --to"
    )
    expect((await Effect.runPromise(make({ ...whole, from: "100ms", to: "200ms" }))).options.duration).toBe(100)
  })

  it("may be of csv too, and is refused beside other arrivals, or where neither is", async () => {
    const csv = files.path("load.csv")
    writeFileSync(csv, "10\n20\n30\n")
    expect((await Effect.runPromise(make({ ...flags, arrivals: [`csv:${csv}`] }))).options.isRecorded).toBe(true)
    expect(
      (await Effect.runPromise(make({ ...flags, arrivals: [`csv:${csv}`, "poisson:1"] }))).options.isRecorded
    ).toBe(false)
    const refusal = async (wrong: Parameters<typeof make>[0]) =>
      (await Effect.runPromise(Effect.flip(make(wrong)))).message
    expect(await refusal({ ...recorded, arrivals: ["poisson:1"] })).toContain("--arrivals or --recording, got both")
    expect(await refusal({ ...flags, arrivals: [], service: [] })).toContain("--arrivals, or --recording, got neither")
  })
})

it.each([
  { kind: "fixed", workers: 7 },
  { kind: "queueLength", threshold: 5, step: 3 },
  { kind: "adaptive", waitTargetMillis: 40, cooldownMillis: 500, isGuarded: false },
  { kind: "adaptive", waitTargetMillis: 400, cooldownMillis: 500, isGuarded: true }
] as const)("a policy that is written down is the policy that was tried: %j", async (policy) => {
  const parsed = await Effect.runPromise(parsePolicy(Tuning.policyText(policy)))
  const figures = (policy: ScalingPolicy.ScalingPolicy) =>
    Effect.runPromise(
      Simulation.run({
        policy,
        arrivals: Simulation.Arrivals.spike(20, 100, 3000, 3000),
        service: Simulation.ServiceTimes.exponential(100),
        duration: "10 seconds"
      })
    )
  expect(await figures(parsed.policy)).toEqual(await figures(Tuning.policyOf(policy)))
})
