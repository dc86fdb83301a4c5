/**
 * Compares what the search recommends with the best of a full grid: `npm run tuning:grid -- [LOAD...] [--draws N] [--every N]`, with loads of
 * `loads.ts`; all but the hour by default. Each choice of the grid is simulated on the same unseen draws as the recommended one. It takes about
 * a quarter of an hour for a load on two cores. With `--every` it takes each so-manieth choice, and one draw; else the rows are kept in
 * `docs/tuning/grid.json`.
 */
import { Effect } from "effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism, loadavg } from "node:os"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import * as Tuning from "../../src/Tuning.ts"
import { taskOf, whole } from "../../src/tuning/parts.ts"
import { once, scoreOf } from "../../src/tuning/scores.ts"
import { loads } from "./loads.ts"

const measurerOf = (name: string) => Effect.runPromise(Tuning.measurerOf(loads[name]!))

/** Every number of workers a twenty-fifth apart, and each of the others with all of its options. */
const gridOf = ({ demand }: Tuning.Report): ReadonlyArray<Tuning.Settings> => {
  const most = Math.ceil(1.2 * demand.busyMost) + 2
  const base = { minWorkers: 1, maxWorkers: most, capacity: 10_000, scalingIntervalMillis: 1000 } as const
  const all: Array<Tuning.Settings> = []
  for (let n = Math.ceil(demand.busyMean); n <= demand.busyMost; n = Math.max(n + 1, Math.round(n * 1.04))) {
    all.push({ ...base, policy: { kind: "fixed", workers: n }, maxWorkers: n })
  }
  for (const minWorkers of [1, Math.ceil(demand.busyMean / 2), Math.ceil(demand.busyMean)]) {
    for (const waitTargetMillis of [50, 100, 200, 280, 400, 560, 800, 1600]) {
      for (const cooldownMillis of [500, 1000, 2500, 5000, 10_000]) {
        for (const scalingIntervalMillis of [250, 500, 1000, 2000]) {
          const policy = { kind: "adaptive", waitTargetMillis, cooldownMillis, isGuarded: false } as const
          all.push({ ...base, policy, minWorkers, scalingIntervalMillis })
        }
      }
    }
    for (const threshold of [1, 2, 5, 10, 20, 50]) {
      for (const step of [1, 2, 4, 8, 16]) {
        for (const scalingIntervalMillis of [100, 200, 500, 1000]) {
          all.push({ ...base, policy: { kind: "queueLength", threshold, step }, minWorkers, scalingIntervalMillis })
        }
      }
    }
  }
  return all
}

/** Tasks on as many threads as there are cores; the answers in their order. */
const onThreads = (name: string) => {
  const idle: Array<(worker: Worker) => void> = []
  const ready: Array<Worker> = []
  const workers = Array.from(
    { length: availableParallelism() },
    () => new Worker(import.meta.filename, { workerData: name })
  )
  ready.push(...workers)
  const take = (): Promise<Worker> => {
    const worker = ready.pop()
    return worker === undefined ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve(worker)
  }
  const give = (worker: Worker) => {
    const next = idle.shift()
    if (next === undefined) ready.push(worker)
    else next(worker)
  }
  return {
    run: async (task: Tuning.Task): Promise<Tuning.Measured> => {
      const worker = await take()
      const answer = new Promise<Tuning.Measured>((resolve, reject) => {
        worker.once("error", reject)
        worker.once("message", (measured) => {
          worker.removeAllListeners("error")
          resolve(measured)
        })
      })
      worker.postMessage(task, [])
      const measured = await answer
      give(worker)
      return measured
    },
    end: () => Promise.all(workers.map((worker) => worker.terminate()))
  }
}

export interface GridRow {
  readonly load: string
  readonly chosen: string | null
  readonly cost: number | null
  readonly today: number
  readonly best: string
  readonly bestCost: number
  readonly choices: number
  /** Wall-clock seconds of the search, requests that it simulated, and how busy the machine was. */
  readonly seconds: number
  readonly simulated: number
  readonly machine: number
}

const compare = async (
  name: string,
  { draws, every }: { readonly draws: number | undefined; readonly every: number }
) => {
  const options = loads[name]!
  const threads = onThreads(name)
  const machine = loadavg()[0]!
  const started = performance.now()
  const report = await Effect.runPromise(
    Tuning.run({ ...options, measure: (task) => Effect.promise(() => threads.run(task)) })
  )
  const seconds = (performance.now() - started) / 1000
  const count = draws ?? (every > 1 ? 1 : report.draws)
  const grid = gridOf(report).filter((_, n) => n % every === 0)
  const parts = whole(report.unseen)
  // Those of a trace are all the same.
  const seeds = Array.from({ length: options.isRecorded === true ? 1 : count }, (_, n) => `1/unseen-${n + 1}`)
  let done = 0
  const scored = await Promise.all(
    grid.map(async (settings) => {
      const tasks = seeds.flatMap((seed) => parts.map((part) => taskOf(part, settings, seed)))
      const measured = await Promise.all(tasks.map((task) => threads.run(task)))
      process.stderr.write(`\r${name}: ${++done} of ${grid.length} `)
      return {
        settings,
        score: scoreOf(measured.map(once), report.targets, report.cost)
      }
    })
  )
  await threads.end()
  const best = scored.filter(({ score }) => score.excess <= 1).sort((a, b) => a.score.cost - b.score.cost)[0]
  const { chosen, today } = report
  const row: GridRow = {
    load: name,
    chosen: chosen === undefined ? null : chosen.settings === "today" ? "today's" : Tuning.keyOf(chosen.settings),
    cost: chosen?.score.cost ?? null,
    today: today.score.cost,
    best: best === undefined ? "none" : Tuning.keyOf(best.settings),
    bestCost: best?.score.cost ?? Number.NaN,
    choices: grid.length,
    seconds,
    simulated: report.simulated,
    machine
  }
  const share = row.cost === null ? "none" : `${((100 * row.cost) / row.bestCost).toFixed(1)} % of it`
  console.log(
    `\r${name}: chosen ${row.chosen}, ${row.cost?.toFixed(2)} workers; best of ${grid.length}: ${row.best}, ${row.bestCost.toFixed(2)}: ${share}; ` +
      `today's ${row.today.toFixed(2)}; searched in ${seconds.toFixed(0)} s (${report.simulated} requests, load average ${machine.toFixed(1)})`
  )
  return row
}

if (isMainThread) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { draws: { type: "string" }, every: { type: "string", default: "1" } }
  })
  const names = positionals.length > 0 ? positionals : Object.keys(loads).filter((name) => name !== "hour")
  const file = join(import.meta.dirname, "../../docs/tuning/grid.json")
  for (const name of names) {
    const draws = values.draws === undefined ? undefined : Number(values.draws)
    const row = await compare(name, { draws, every: Number(values.every) })
    if (values.every !== "1") continue
    const rows: ReadonlyArray<GridRow> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : []
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify([...rows.filter(({ load }) => load !== name), row], undefined, 2)}\n`)
  }
} else {
  const measurer = await measurerOf(workerData as string)
  parentPort!.on("message", (task: Tuning.Task) => {
    void Effect.runPromise(measurer.run(task)).then((measured) => parentPort!.postMessage(measured, []))
  })
}
