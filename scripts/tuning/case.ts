/**
 * A real case from start to end: serves a load with `--record`, tells what is in the recording, tunes for it, serves the same load again with the
 * settings that came out of it, and compares what was promised with what came. It ends with 1 if the real p99 of waiting is more than
 * 20 %, or 5 ms, above the promise.
 *
 * `npm run tuning:case -- [--case NAME] [--seconds N] [--folder FOLDER] [--docs]`, with names of `cases.ts`, once for each; `bursts` and 240 s by default, of each
 * load twice. `npm run tuning:real` takes the three real recordings. With `--docs` the figures and pictures go into `docs/tuning.md`. It needs `wrk`,
 * and a machine that has nothing else to do.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Stream } from "effect"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Recording from "../../src/Recording.ts"
import { realityOf, type SaltedMark } from "../../src/recording/reality.ts"
import type { Figures } from "../../src/Simulation.ts"
import { program } from "../recording/serving.ts"
import { type CaseRow, writeDocs } from "./caseDocs.ts"
import { type Case, cases, type Settings } from "./cases.ts"
import { drawCosts, drawLoads } from "./pictures.ts"

const outputOf = async (...args: ReadonlyArray<string>): Promise<string> => {
  const running = program(...args)
  let text = ""
  running.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
  const [code] = (await once(running, "close")) as [number]
  // Where no settings keep the targets `tune` ends with 1.
  if (code > 1 || text === "") throw new Error(`${args.join(" ")} has ended with ${code}`)
  return text
}

/** What happened. */
const reality = async (path: string): Promise<Figures> => {
  const requests: Array<Recording.Recorded> = []
  const marks: Array<SaltedMark> = []
  const reading = Stream.runForEach(Recording.read([path]), (entries) =>
    Effect.sync(() => {
      for (const entry of entries) {
        if (entry._tag === "Request") requests.push(entry)
        else if (entry._tag === "Mark") marks.push(entry)
      }
    })
  )
  await Effect.runPromise(Effect.provide(reading, NodeFileSystem.layer))
  const durationMillis = Math.max(...requests.map(({ endedAtMillis }) => endedAtMillis))
  const options = { fromMillis: 0, durationMillis, warmupMillis: 0, waitTargetMillis: 100, tickMillis: 1000 }
  return realityOf(requests, marks, options)
}

interface Choice {
  readonly settings: "today" | Readonly<Record<string, string | number>>
  readonly keeps: boolean
  readonly workers: number
  readonly targets: ReadonlyArray<{ readonly value: number }>
}

interface Answer {
  readonly chosen: Choice | null
  readonly today: Choice
  readonly tried: ReadonlyArray<{ readonly cost: number; readonly values: ReadonlyArray<number> }>
}

const flagsOf: Readonly<Record<string, (value: string | number) => ReadonlyArray<string>>> = {
  policy: (value) => ["--policy", String(value)],
  minWorkers: (value) => ["--min-workers", String(value)],
  maxWorkers: (value) => ["--max-workers", String(value)],
  capacity: (value) => ["--capacity", String(value)],
  scalingIntervalMillis: (value) => ["--scaling-interval", String(value)]
}

const run = async (name: string, one: Case, seconds: number, folder: string): Promise<CaseRow> => {
  mkdirSync(folder, { recursive: true })
  const [before, after, file] = ["before.jsonl", "after.jsonl", "settings.yaml"].map((file) => join(folder, file))
  const machine = loadavg()[0]!
  await one.have(seconds, ["--record", before!], undefined)
  console.log(await outputOf("record", "stats", before!))
  const wanted = [...one.targets.flatMap((target) => ["--target", target]), ...(one.bounds ?? [])]
  const written = ["--out", file!, "--html", join(folder, "tuning.html"), "--json"]
  const startedAt = performance.now()
  const answer = JSON.parse(await outputOf("tune", "--recording", before!, ...wanted, ...written)) as Answer
  const searchSeconds = (performance.now() - startedAt) / 1000
  writeFileSync(join(folder, "tuning.json"), JSON.stringify(answer, undefined, 2))
  const { chosen, today, tried } = answer
  const isToday = chosen === null || chosen.settings === "today"
  const settings: Settings | undefined = isToday
    ? undefined
    : {
        file: file!,
        flags: Object.entries(chosen.settings).flatMap(([name, value]) => flagsOf[name]?.(value) ?? [])
      }
  // Where nothing keeps the targets this is the same again.
  await one.have(seconds, ["--record", after!], settings)
  const [was, is] = [await reality(before!), await reality(after!)]
  const replayed = JSON.parse(await outputOf("simulate", "--recording", after!, "--json")) as {
    readonly policies: ReadonlyArray<Figures>
  }
  const [target] = one.targets
  const bound = Number(/<= (\d+)ms/.exec(target!)![1])
  const at = (choice: Choice) => [choice.workers, choice.targets[0]!.value] as const
  const costs = drawCosts(one.title.replaceAll("`", ""), target!.replace(/ <=.*/, ""), {
    tried: tried.map(({ cost, values }) => [cost, values[0]!]),
    today: at(today),
    chosen: isToday ? undefined : at(chosen),
    boundMillis: bound
  })
  writeFileSync(join(folder, "cost.svg"), costs)
  writeFileSync(join(folder, "load.svg"), drawLoads(one.title.replaceAll("`", ""), was, is))
  const really = ({ arrived, refused, wait, workerSeconds }: Figures) => ({
    requests: arrived,
    refused,
    waitP99: wait.p99,
    workerSeconds
  })
  return {
    name,
    title: one.title,
    seconds,
    target: target!,
    settings: chosen === null ? "none" : isToday ? "today's" : chosen.settings,
    before: really(was),
    today: { waitP99: today.targets[0]!.value, workers: today.workers },
    promised: chosen === null ? null : { waitP99: chosen.targets[0]!.value, workers: chosen.workers },
    after: really(is),
    replayedWaitP99: replayed.policies[0]!.wait.p99,
    searchSeconds,
    machine
  }
}

const { values } = parseArgs({
  options: {
    case: { type: "string", multiple: true, default: ["bursts"] },
    seconds: { type: "string", default: "240" },
    folder: { type: "string" },
    docs: { type: "boolean", default: false }
  }
})
const seconds = Number(values.seconds)
const unknown = values.case.find((name) => !Object.hasOwn(cases, name))
if (unknown !== undefined || !(seconds >= 10)) {
  console.error(
    `Expected --case to be one of ${Object.keys(cases).join(", ")} and --seconds at least 10, got ${unknown ?? values.seconds}`
  )
  process.exit(2)
}
const folder = values.folder ?? mkdtempSync(join(tmpdir(), "tuning-"))
const millis = (value: number) => `${value.toFixed(1)} ms`
for (const name of values.case) {
  const row = await run(name, cases[name]!, seconds, join(folder, name))
  const { after, before, promised, replayedWaitP99, settings } = row
  console.log(`${row.title}: ${JSON.stringify(settings)}`)
  console.log(
    `p99 of waiting before ${millis(before.waitP99)}, promised ${promised === null ? "nothing" : millis(promised.waitP99)}, ` +
      `real ${millis(after.waitP99)}, the same requests simulated ${millis(replayedWaitP99)}; ` +
      `worker-seconds before ${before.workerSeconds.toFixed(1)}, after ${after.workerSeconds.toFixed(1)}; ` +
      `searched for ${row.searchSeconds.toFixed(0)} s, load average ${row.machine.toFixed(1)}. In ${folder}/${name}`
  )
  const isKept = promised !== null && after.waitP99 <= Math.max(1.2 * promised.waitP99, promised.waitP99 + 5)
  if (!isKept) process.exitCode = 1
  if (values.docs) writeDocs(row, join(folder, name))
}
