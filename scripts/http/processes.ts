/**
 * How many requests per second two processes answer beside one, in turns, each with the processor time of all of its processes.
 *
 * `npm run http:processes -- [--processes 2] [--seconds 5] [--rounds 5] [--wrk CORES] [--serve CORES] [--json FILE]`; it needs `wrk`, and for
 * cores (`0`, `0,1`) `taskset`. Where `wrk` has the cores of the service it takes of them what the service could use: then the processor time
 * for a request says what the processes can do, and the rate does not.
 */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { median } from "../bench/rounds.ts"
import { number, printTable } from "../bench/tables.ts"
import { builtOrSource, type Running, startService } from "./children.ts"
import { connections, load } from "./wrk.ts"

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "2" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
    wrk: { type: "string" },
    serve: { type: "string" },
    json: { type: "string" }
  }
})
const seconds = Number(values.seconds)
/** Before this process is given some of them. */
const cores = availableParallelism()

const pin = (pid: number, cores: string | undefined) => {
  if (cores === undefined) return
  const { status } = spawnSync("taskset", ["-a", "-cp", cores, String(pid)])
  if (status !== 0) throw new Error(`taskset could not give process ${pid} the cores ${cores}`)
}

/** A process and those that it has started. */
const familyOf = (pid: number): ReadonlyArray<number> => [
  pid,
  ...readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
  )
]

/** Of the system's clock, a hundredth of a second. */
const cpuSeconds = (pid: number): number => {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ").slice(11, 13)
  return (Number(user) + Number(system)) / 100
}

const measure = async ({ pid, url }: Running) => {
  const family = familyOf(pid)
  const used = () => family.reduce((sum, one) => sum + cpuSeconds(one), 0)
  const before = used()
  const seen = await load(url, seconds)
  return { ...seen, cpuMicros: ((used() - before) * 1e6) / seen.answers }
}

const services = { one: [] as Array<string>, several: ["--processes", values.processes] }
type Name = keyof typeof services
const rounds: Array<Record<Name, Awaited<ReturnType<typeof measure>>>> = []
const running: Array<readonly [Name, Running]> = []
try {
  for (const [name, flags] of Object.entries(services) as Array<[Name, Array<string>]>) {
    const service = await startService(...flags)
    running.push([name, service])
    for (const pid of familyOf(service.pid)) pin(pid, values.serve)
  }
  pin(process.pid, values.wrk)
  // Each process has its code compiled: of several, each by its share of the requests.
  for (const [name, { url }] of running) await load(url, name === "one" ? 4 : 4 * Number(values.processes))
  for (let round = 0; round < Number(values.rounds); round++) {
    const order = round % 2 === 0 ? running : running.toReversed()
    const measured = []
    for (const [name, service] of order) measured.push([name, await measure(service)] as const)
    rounds.push(Object.fromEntries(measured) as (typeof rounds)[number])
  }
} finally {
  for (const [, { stop }] of running) await stop()
}

console.log(
  `${builtOrSource}, ${connections} connections, ${seconds} s each, Node ${process.version}; ${cores} cores, wrk on ${values.wrk ?? "any"}, the service on ${values.serve ?? "any"}`
)
printTable(
  ["round", "one", "us", "p99 ms", `${values.processes} processes`, "us", "p99 ms", "ratio", "by processor time"],
  rounds.map(({ one, several }, at) => [
    String(at + 1),
    ...[one, several].flatMap((it) => [number(it.perSecond), it.cpuMicros.toFixed(1), it.p99Millis.toFixed(1)]),
    (several.perSecond / one.perSecond).toFixed(2),
    (one.cpuMicros / several.cpuMicros).toFixed(2)
  ])
)
const ratio = median(rounds.map(({ one, several }) => several.perSecond / one.perSecond))
/** What so many cores could answer if the service had them for itself. */
const possible = median(
  rounds.map(({ one, several }) => (one.cpuMicros / several.cpuMicros) * Math.min(cores, Number(values.processes)))
)
const bad = rounds
  .flatMap(({ one, several }) => [one, several])
  .filter(({ broken, notOk }) => broken + notOk > 0).length
console.log(
  `  ${ratio.toFixed(2)} x one process (median); with a core for each, by processor time, ${possible.toFixed(2)} x`
)
if (cores <= Number(values.processes)) {
  console.log("  wrk ran on the cores of the service: what it took of them the processes did not have")
}
if (bad > 0) console.log(`  ${bad} runs had answers that are no 2xx, or broken connections`)
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ ...values, rounds, ratio, possible, cores }))
process.exitCode = bad === 0 ? 0 : 1
