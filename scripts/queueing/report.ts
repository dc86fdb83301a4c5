/**
 * Writes the figures of the scenarios of who runs next into `docs/queueing.md`, between the marks that stand there, and draws a
 * picture of three of them: `npm run queueing:report`. All is simulated anew, on virtual time, in a few minutes.
 */
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Simulation from "../../src/Simulation.ts"
import { fillBlocks } from "../fillBlocks.ts"
import { drawPanels, type Line } from "../panels.ts"
import { backlogged, hog, priorities, rate, weights } from "./scenarios.ts"

const docs = join(import.meta.dirname, "../../docs")
const folder = join(docs, "queueing")
mkdirSync(folder, { recursive: true })
const colours = ["#d9480f", "#1c6fb0", "#2b8a5b"]

interface Run {
  readonly figures: Simulation.Figures
  readonly requests: ReadonlyArray<Simulation.SimulatedRequest>
}

const simulated = async (name: string, options: Simulation.Options): Promise<Run> => {
  console.error(name)
  const requests: Array<Simulation.SimulatedRequest> = []
  const figures = await Effect.runPromise(
    Simulation.run({ ...options, onEnd: (request) => void requests.push(request) })
  )
  return { figures, requests }
}

const waitOf = ({ atMillis, startedAt }: Simulation.SimulatedRequest): number => startedAt! - atMillis

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  Float64Array.from(values).sort()[Math.ceil(share * values.length) - 1]!

/** The mean wait of those that came in each second. */
const waits = (requests: ReadonlyArray<Simulation.SimulatedRequest>, least = 0): Line["points"] => {
  const bySecond = Map.groupBy(requests, ({ atMillis }) => Math.floor(atMillis / 1000))
  return [...bySecond]
    .sort(([a], [b]) => a - b)
    .map(([second, all]) => [second, Math.max(least, all.reduce((sum, one) => sum + waitOf(one), 0) / all.length)])
}

const markdown = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const millis = (value: number): string => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(1)} ms`)
const count = (value: number): string => value.toLocaleString("en")

const picture = (
  name: string,
  title: string,
  ...drawing: readonly [ReadonlyArray<string>, number, Parameters<typeof drawPanels>[3]]
) => {
  writeFileSync(join(folder, `${name}.svg`), drawPanels(title, ...drawing))
  return `![${title}](queueing/${name}.svg)`
}

const hogs = async (): Promise<string> => {
  const runs = [
    { name: "first in, first out", ...(await simulated("hog, first in first out", hog(false))) },
    { name: "a key for each tenant", ...(await simulated("hog, with keys", hog(true))) }
  ]
  const victims = runs.map(({ name, requests }) => ({ name, all: requests.filter(({ type }) => type === "Light") }))
  const svg = picture(
    "hog",
    "99 light tenants behind a hog: how long they wait",
    runs.map(({ name }) => name),
    120,
    [
      {
        name: "mean wait of those that came then, ms",
        scale: "log",
        lines: victims.map(({ all, name }, n) => ({ name, colour: colours[n]!, points: waits(all, 0.1) }))
      }
    ]
  )
  const rows = victims.map(({ all, name }, n) => [
    name,
    count(all.length),
    count(all.filter(({ startedAt }) => startedAt! <= 120_000).length),
    ...[0.5, 0.99, 1].map((share) => millis(quantile(all.map(waitOf), share))),
    shareOf(runs[n]!.requests, ({ type }) => type === "Hog")
  ])
  return [
    svg,
    "",
    markdown(
      ["", "of the light ones", "begun in the two minutes", "wait p50", "p99", "longest", "the hog's part of the work"],
      rows
    )
  ].join("\n")
}

/** What these had of all time on workers in the two minutes. */
const shareOf = (
  requests: ReadonlyArray<Simulation.SimulatedRequest>,
  are: (request: Simulation.SimulatedRequest) => boolean
): string => {
  const sum = (all: ReadonlyArray<Simulation.SimulatedRequest>) =>
    all.reduce((sum, one) => sum + servedOf(one, 120_000), 0)
  return `${((100 * sum(requests.filter(are))) / sum(requests)).toFixed(0)} %`
}

const servedOf = ({ serviceMillis, startedAt }: Simulation.SimulatedRequest, until: number): number =>
  Math.max(0, Math.min(serviceMillis, until - startedAt!))

const urgent = async (): Promise<string> => {
  const runs = [
    { name: "aging 1 s", ...(await simulated("priorities, 1 s", priorities("1 second"))) },
    { name: "aging 10 s", ...(await simulated("priorities, 10 s", priorities("10 seconds"))) },
    { name: "aging none", ...(await simulated("priorities, none", priorities("none"))) }
  ]
  const names = ["priority 1, 105 % of what they can do", "priority 0, 20 % of it"]
  const svg = picture(
    "priorities",
    "More than they can do: what a head start is worth",
    names,
    120,
    runs.map(({ name, requests }) => ({
      name: `${name}: mean wait, s`,
      lines: names.map((line, n) => ({
        name: line,
        colour: colours[1 - n]!,
        points: waits(requests.filter(({ priority }) => priority === 1 - n)).map(
          ([second, wait]) => [second, wait / 1000] as const
        )
      }))
    }))
  )
  const rows = runs.map(({ figures, name, requests }) => [
    name,
    ...figures.byPriority!.map(({ waitP50 }) => millis(waitP50)),
    ...[1, 0].map((wanted) => {
      const all = requests.filter(({ priority }) => priority === wanted)
      return `${count(all.filter(({ startedAt }) => startedAt! <= 120_000).length)} of ${count(all.length)}`
    })
  ])
  return [
    svg,
    "",
    markdown(["", "wait p50, priority 1", "priority 0", "begun in the two minutes, priority 1", "priority 0"], rows)
  ].join("\n")
}

const limited = async (): Promise<string> => {
  const { requests } = await simulated("a rate limit", rate)
  const starts = requests.map(({ startedAt }) => startedAt!).sort((a, b) => a - b)
  const so = (times: ReadonlyArray<number>): Line["points"] =>
    times.flatMap((at, n) => [[at / 1000, n] as const, [at / 1000, n + 1] as const])
  const svg = picture("rate", "10 per second, burst 5: what came and what started", ["came", "started"], 20, [
    {
      name: "requests so far",
      lines: [
        { name: "came", colour: "#868e96", points: so(requests.map(({ atMillis }) => atMillis).sort((a, b) => a - b)) },
        { name: "started", colour: colours[1]!, points: so(starts) }
      ]
    }
  ])
  const most = (windowMillis: number) =>
    Math.max(...starts.map((from) => starts.filter((at) => at >= from && at < from + windowMillis).length))
  const rows = [100, 1000, 5000].map((window) => [
    millis(window),
    String(most(window)),
    String(5 + Math.ceil((window - 1e-6) / 100) - 1)
  ])
  return [
    svg,
    "",
    markdown(["in any window of", "most that started", "allowed: burst and what the rate adds"], rows)
  ].join("\n")
}

const fairness = async (): Promise<string> => {
  const keyed = await simulated("100 tenants, with keys", backlogged(true))
  const line = await simulated("100 tenants, first in first out", backlogged(false))
  // Five tenants of each type are alike: among them chance alone decides.
  const served = new Map<string, number>()
  for (const one of line.requests) served.set(one.type, (served.get(one.type) ?? 0) + servedOf(one, 20_000))
  return markdown(
    ["100 tenants that always want more", "Jain's index of their time on workers"],
    [
      ["first in, first out", jain([...served.values()]).toFixed(3)],
      ["a key for each", keyed.figures.fairness!.toFixed(4)]
    ]
  )
}

const jain = (values: ReadonlyArray<number>): number => {
  const sum = (of: (value: number) => number) => values.reduce((sum, value) => sum + of(value), 0)
  return sum((value) => value) ** 2 / (values.length * sum((value) => value ** 2))
}

const weighted = async (): Promise<string> => {
  const { figures } = await simulated("weights", weights)
  const byKey = figures.byKey!.toReversed()
  const least = byKey[0]!.serviceSeconds
  return markdown(
    ["weight", "worker-seconds in a minute of 64 workers", "times the first"],
    byKey.map(({ key, serviceSeconds }) => [key!, serviceSeconds.toFixed(1), (serviceSeconds / least).toFixed(3)])
  )
}

const blocks = {
  priorities: await urgent(),
  rate: await limited(),
  weights: await weighted(),
  hog: await hogs(),
  fairness: await fairness()
}
fillBlocks(
  join(docs, "queueing.md"),
  Object.fromEntries(Object.entries(blocks).map(([name, text]) => [name, () => text]))
)
for (const text of Object.values(blocks)) console.log(`${text}\n`)
