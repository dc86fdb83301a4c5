/**
 * Says where the processor time of a request goes: `npm run bench:where -- --help`.
 *
 * Each round runs a case twice, each time in a fresh process: once as it is, for the processor time, and once under Node's
 * profiler, for the shares of the main thread (`where/rules.ts` says whose a frame is). What the process took beyond its
 * main thread is its helpers': they collect and compile, and no profiler sees them.
 */
import { writeFileSync } from "node:fs"
import { Session } from "node:inspector/promises"
import { cpus, release } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { cases, quickly } from "./cases.ts"
import { measure } from "./drivers.ts"
import { implementations } from "./implementations/index.ts"
import { ours, oursByPromise } from "./results.ts"
import { inFreshProcess } from "./rounds.ts"
import { number } from "./tables.ts"
import { type Profile, type Split, split } from "./where/split.ts"
import { type Where, whereTable, type WhereRun } from "./where/table.ts"

const columns: ReadonlyArray<readonly [impl: string, name: string]> = [
  [ours, "W1"],
  [ours, "W1a"],
  [ours, "W1ap"],
  [ours, "W2-1024"],
  [oursByPromise, "W1"],
  [oursByPromise, "W1a"]
]
const keys = columns.map(([impl, name]) => (impl === ours ? name : `${name}-promise`))

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
    one: { type: "string" },
    profile: { type: "boolean", default: false }
  }
})

const intervalMicros = 500

interface One {
  readonly cpuMicros: number
  readonly otherThreadsMicros: number
  readonly split?: Split
}

/** One run, in this process. */
const runOne = async (key: string): Promise<One> => {
  const [impl, name] = columns[keys.indexOf(key)]!
  const self = values.quick ? quickly(cases[name]!) : cases[name]!
  const session = values.profile ? await startProfile() : undefined
  const process_ = process.cpuUsage()
  const thread = process.threadCpuUsage()
  const { cpuMicros } = await measure(self, await implementations[impl]!())
  const inThread = sum(process.threadCpuUsage(thread)) / self.n
  const inProcess = sum(process.cpuUsage(process_)) / self.n
  // The pool was opened too: what is measured is the requests alone, and the others' part of it is in proportion.
  const otherThreadsMicros = cpuMicros * Math.max(0, 1 - inThread / inProcess)
  if (session === undefined) return { cpuMicros, otherThreadsMicros }
  const { profile } = await session.post("Profiler.stop")
  return { cpuMicros, otherThreadsMicros, split: split(profile as Profile, intervalMicros) }
}

const startProfile = async (): Promise<Session> => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.setSamplingInterval", { interval: intervalMicros })
  await session.post("Profiler.start")
  return session
}

const sum = ({ system, user }: { readonly system: number; readonly user: number }): number => system + user

const inProcess = async (key: string, ...more: ReadonlyArray<string>): Promise<One> => {
  const flags = ["--expose-gc", join(import.meta.dirname, "where.ts"), "--one", key, ...more]
  return (await inFreshProcess(process.execPath, values.quick ? [...flags, "--quick"] : flags)) as unknown as One
}

const summarize = (key: string, plain: ReadonlyArray<One>, profiled: ReadonlyArray<One>): Where => {
  const [impl, name] = columns[keys.indexOf(key)]!
  const of = (runs: ReadonlyArray<One>, figure: "cpuMicros" | "otherThreadsMicros") => runs.map((run) => run[figure])
  const splits = profiled.map((run) => run.split!)
  const mean = (group: string) =>
    splits.reduce((all, { shares }) => all + ((shares as Record<string, number>)[group] ?? 0), 0) / splits.length
  const cpu = of(plain, "cpuMicros")
  // What disturbs a machine only adds. Both figures are of one run.
  const least = plain.find(({ cpuMicros }) => cpuMicros === Math.min(...cpu))!
  return {
    impl,
    case: name,
    n: values.quick ? quickly(cases[name]!).n : cases[name]!.n,
    rounds: plain.length,
    cpuMicros: least.cpuMicros,
    cpuMax: Math.max(...cpu),
    profiledMicros: Math.min(...of(profiled, "cpuMicros")),
    otherThreadsMicros: least.otherThreadsMicros,
    shares: Object.fromEntries(
      [...new Set(splits.flatMap(({ shares }) => Object.keys(shares)))].map((group) => [group, mean(group)])
    ),
    unassigned: splits[0]!.unassigned.slice(0, 10)
  }
}

const main = async (): Promise<void> => {
  if (values.help) {
    return console.log(`npm run bench:where -- [options]
  --only W1,W1a-promise  these columns: ${keys.join(" ")}
  --rounds N             times that each is measured, without the profiler and with it in turns (default 5; 1 with --quick)
  --quick                enough to see that it runs, not to compare
  --json FILE            writes what npm run bench:report reads from docs/benchmarks/where.json`)
  }
  if (typeof process.threadCpuUsage !== "function") {
    throw new Error(`bench:where: expected Node 24 or later, whose threads know their time, got ${process.version}`)
  }
  const wanted = values.only?.split(",") ?? keys
  for (const key of wanted) {
    if (!keys.includes(key)) throw new Error(`--only: expected some of ${keys.join(", ")}, got "${key}"`)
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds: expected a whole number from 1 on, got "${values.rounds}"`)
  }
  const runs = wanted.map((key) => ({ key, plain: [] as Array<One>, profiled: [] as Array<One> }))
  for (let round = 0; round < rounds; round++) {
    for (const { key, plain, profiled } of runs) {
      plain.push(await inProcess(key))
      profiled.push(await inProcess(key, "--profile"))
    }
  }
  const run: WhereRun = {
    date: new Date().toISOString().slice(0, 10),
    command: `npm run bench:where -- ${process.argv.slice(2).join(" ")}`.trim(),
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      system: `${process.platform} ${release()}`,
      node: process.version
    },
    cases: runs.map(({ key, plain, profiled }) => summarize(key, plain, profiled))
  }
  console.log(whereTable(run))
  for (const self of run.cases) {
    for (const [frame, share] of self.unassigned.slice(0, 3)) {
      console.log(`unassigned in ${self.case} (${self.impl}): ${number(100 * share)} % ${frame}`)
    }
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(run, undefined, 2)}\n`)
}

if (values.one === undefined) await main()
else {
  console.log(JSON.stringify(await runOne(values.one)))
  process.exit()
}
