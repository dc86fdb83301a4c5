/**
 * Writes the figures of the scaling scenarios into `docs/scaling.md`, between the marks that stand there, and draws a
 * picture of each: `npm run scaling:report`. The scenarios are simulated anew, in about a minute; the comparisons with
 * theory and reality come from their own scripts.
 */
import { Effect } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { fillBlocks } from "../fillBlocks.ts"
import type { RealityRow } from "./reality.ts"
import { draw } from "./plots.ts"
import { article, guarded, holdout, type Scenario, slowDownstream, step, tuned } from "./scenarios.ts"
import type { TheoryRow } from "./theory.ts"

const docs = join(import.meta.dirname, "../../docs")
const folder = join(docs, "scaling")
mkdirSync(folder, { recursive: true })

const scenarios: Readonly<Record<string, Scenario>> = { step, ...tuned, ...holdout, slowDownstream }
const seed = 1

const simulated = async (name: string) => {
  const scenario = scenarios[name]!
  const policies = name === "slowDownstream" ? [ScalingPolicy.adaptive(), guarded] : [ScalingPolicy.adaptive(), article]
  const runs: Array<Simulation.Figures> = []
  for (const policy of policies) {
    console.error(`${name}: ${policy.name}`)
    runs.push(await Effect.runPromise(Simulation.run({ ...scenario, policy, seed })))
  }
  writeFileSync(join(folder, `${name}.svg`), draw(scenario.title, runs))
  return [`![${scenario.title}](scaling/${name}.svg)`, "", ...table(runs)].join("\n")
}

const table = (runs: ReadonlyArray<Simulation.Figures>): ReadonlyArray<string> => {
  const rows = runs.map((figures) => [
    `\`${figures.policy}\``,
    percent(figures.windowsWithinTarget),
    millis(figures.wait.p99),
    millis(figures.total.p50),
    (figures.workerSeconds / figures.leastWorkerSeconds).toFixed(2),
    figures.timeToCapacity === null ? "" : `${Number((figures.timeToCapacity / 1000).toFixed(2))} s`,
    String(figures.peakBacklog),
    percent(figures.refused / figures.arrived),
    String(figures.reversals)
  ])
  return markdown(
    [
      "policy",
      "target kept",
      "wait p99",
      "total p50",
      "of the least",
      "to capacity",
      "peak backlog",
      "refused",
      "turns"
    ],
    rows
  )
}

const theory = (): string => {
  const rows = JSON.parse(readFileSync(join(folder, "theory.json"), "utf8")) as ReadonlyArray<TheoryRow>
  return markdown(
    ["servers", "utilisation", "requests", "Erlang C, ms", "simulated, ms", "99 % interval", ""],
    rows.map(({ expected, halfWidth, mean, requests, servers, utilisation }) => [
      String(servers),
      String(utilisation),
      requests.toLocaleString("en"),
      expected.toFixed(3),
      mean.toFixed(3),
      `+/- ${((100 * halfWidth) / mean).toFixed(1)} %`,
      Math.abs(mean - expected) <= halfWidth ? "inside" : "outside"
    ])
  ).join("\n")
}

const reality = (): string => {
  const rows = JSON.parse(readFileSync(join(folder, "reality.json"), "utf8")) as ReadonlyArray<RealityRow>
  const off = (simulated: number, real: number) => `${(100 * (simulated / real - 1)).toFixed(1)} %`
  return markdown(
    ["load", "policy", "wait p99 real", "simulated", "off by", "worker-seconds real", "simulated", "off by"],
    rows.map(({ policy, real, simulated, title }) => [
      title,
      `\`${policy}\``,
      millis(real.waitP99),
      millis(simulated.waitP99),
      off(simulated.waitP99, real.waitP99),
      real.workerSeconds.toFixed(1),
      simulated.workerSeconds.toFixed(1),
      off(simulated.workerSeconds, real.workerSeconds)
    ])
  ).join("\n")
}

const markdown = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> =>
  [head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`)

const percent = (share: number): string => (share === 0 ? "0" : `${(100 * share).toFixed(1)} %`)
const millis = (value: number): string => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(0)} ms`)

const drawn = new Map<string, string>()
for (const name of Object.keys(scenarios)) drawn.set(name, await simulated(name))
fillBlocks(join(docs, "scaling.md"), {
  scenario: (names) =>
    names
      .split(" ")
      .map((name) => drawn.get(name)!)
      .join("\n\n"),
  theory,
  reality
})
console.log(`docs/scaling.md and ${drawn.size} pictures`)
