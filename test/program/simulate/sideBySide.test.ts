/** Policies that are simulated at the same time, each on a thread. */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { createWriteStream, writeFileSync } from "node:fs"
import { expect, it } from "vitest"
import { type Flags, make } from "../../../src/program/simulate/settings.ts"
import { canBeSideBySide, simulateSideBySide } from "../../../src/program/simulate/sideBySide.ts"
import { simulate } from "../../../src/program/simulate/simulate.ts"
import { start, temporary } from "../fixtures/program.ts"
import { flags, nobody } from "../fixtures/simulation.ts"

const files = temporary()
const patience = { timeout: 90_000 }

it(
  "give the figures that they give one after the other, in their order, and say how far they are",
  patience,
  async () => {
    const recording = files.path("load.csv")
    writeFileSync(recording, "10,A\n20,B\n30,A\n")
    const rich: Flags = {
      ...flags,
      policy: ["adaptive", "fixed:5", "adaptive,gradient"],
      arrivals: ["poisson:50@key=hog", `csv:${recording}@key=light*9`],
      service: ["exponential:100ms", "B=constant:1s"],
      limit: ["name=all,concurrency=9"],
      weight: ["hog=2"],
      failures: "5%"
    }
    const plan = await Effect.runPromise(make(rich))
    expect(canBeSideBySide(plan, rich)).toBe(true)
    const drawn: Array<string> = []
    const line = { ...nobody, isTerminal: true, draw: (text: string) => void drawn.push(text) }
    const [alone, together] = await Promise.all([
      Effect.runPromise(simulate(plan, nobody)),
      Effect.runPromise(simulateSideBySide(plan, rich, 2, line))
    ])
    expect(together.map(({ policy }) => policy)).toEqual(rich.policy)
    expect(together).toEqual(alone)
    expect(new Set(together.map(({ figures }) => JSON.stringify(figures))).size).toBe(3)
    expect(drawn[0]).toMatch(/^adaptive \d+ %, fixed:5 \d+ %, adaptive,gradient \d+ %$/)
  }
)

it("refuse what they refuse one after the other", patience, async () => {
  const wrong: Flags = { ...flags, minWorkers: -1 }
  const plan = await Effect.runPromise(make(wrong))
  const alone = await Effect.runPromise(Effect.flip(simulate(plan, nobody)))
  const together = await Effect.runPromise(Effect.flip(simulateSideBySide(plan, wrong, 2, nobody)))
  expect(together).toEqual(alone)
  expect(together.message).toContain("--min-workers")
})

it("print the same, also where a recording comes through a pipe, which can be read once", patience, async () => {
  const load = [
    "--service",
    "constant:50ms",
    "--duration",
    "5s",
    "--json",
    "--policy",
    "fixed:2",
    "--policy",
    "fixed:3"
  ]
  const rows = "10\n20\n30\n"
  const recording = files.path("load.csv")
  writeFileSync(recording, rows)
  const pipe = files.path("pipe")
  execFileSync("mkfifo", [pipe])
  const alone = start("simulate", ...load, "--arrivals", `csv:${recording}`)
  const together = start("simulate", ...load, "--arrivals", `csv:${recording}`, "--threads", "2")
  const piped = start("simulate", ...load, "--arrivals", `csv:${pipe}`, "--threads", "2")
  createWriteStream(pipe).end(rows)
  expect(await alone.code(), alone.stderr).toBe(0)
  for (const program of [together, piped]) {
    expect(await program.code(), program.stderr).toBe(0)
    expect(program.stdout).toBe(alone.stdout)
  }
})
