/**
 * What `serve` gains by threads: how many requests of 1 ms of computing it answers per second with one thread and with two, in
 * turns; and how long its other routes take while all threads compute.
 *
 * `npm run threads:serve -- [--seconds 5] [--rounds 3] [--spin 3]`. The load is made by this process, which takes from the same
 * cores.
 */
import { Agent } from "node:http"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { median } from "../bench/rounds.ts"
import { number, printTable } from "../bench/tables.ts"
import { builtOrSource, type Running, startServiceOf } from "../http/children.ts"
import { ask, load, type Load } from "./load.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    spin: { type: "string", default: "3" }
  }
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const spinMillis = Number(values.spin) * 1000
const connections = 8
const handlers = join(import.meta.dirname, "handlers.ts")
const counts = [1, 2] as const

const started: Array<Running> = []
for (const threads of counts) {
  const flags = ["--threads", String(threads), "--min-workers", String(threads), "--timeout", "none"]
  started.push(await startServiceOf(handlers, ...flags))
}

/** Each takes its turn first. */
const rates = async (): Promise<ReadonlyArray<ReadonlyArray<Load>>> => {
  const drive = (at: number, seconds: number) =>
    load(`${started[at]!.url}/requests/Spin`, { millis: 1 }, seconds, connections)
  for (const at of counts.keys()) await drive(at, 1)
  const measured: Array<ReadonlyArray<Load>> = []
  for (let round = 0; round < rounds; round++) {
    const ofRound: Array<Load> = []
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) ofRound[at] = await drive(at, seconds)
    measured.push(ofRound)
  }
  return measured
}

interface Longest {
  readonly answers: number
  readonly millis: number
  readonly before: number
}

/** While all threads compute: how often a route has answered, and the longest that it took; `before`: at rest. */
const longest = async (at: number): Promise<ReadonlyMap<string, Longest>> => {
  const { url } = started[at]!
  const found = new Map<string, Longest>()
  const slowest = async (path: string, goesOn: () => boolean) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let answers = 0
    let millis = 0
    while (goesOn()) {
      millis = Math.max(millis, (await ask(url + path, agent)).millis)
      answers++
    }
    agent.destroy()
    return { answers, millis }
  }
  for (const path of ["/health/live", "/"]) {
    let left = 200
    const before = (await slowest(path, () => left-- > 0)).millis
    let isComputing = true
    const spinning = Array.from({ length: counts[at]! }, () =>
      ask(`${url}/requests/Spin`, new Agent(), { millis: spinMillis })
    )
    const ended = Promise.race(spinning).then(() => (isComputing = false))
    found.set(path, { ...(await slowest(path, () => isComputing)), before })
    await ended
    await Promise.all(spinning)
  }
  return found
}

try {
  const measured = await rates()
  console.log(
    `${builtOrSource}, 1 ms of computing a request, ${connections} connections, ${rounds} rounds of ${seconds} s each, Node ${process.version}`
  )
  const ratios = measured.map(([one, two]) => two!.perSecond / one!.perSecond)
  printTable(
    ["round", ...counts.map((threads) => `--threads ${threads}`), "ratio"],
    measured.map((round, at) => [
      String(at + 1),
      ...round.map(({ perSecond }) => number(perSecond)),
      ratios[at]!.toFixed(2)
    ])
  )
  console.log(`  two threads answer ${median(ratios).toFixed(2)} x as many (median)`)
  const bad = measured.flat().reduce((sum, { notOk }) => sum + notOk, 0)
  if (bad > 0) console.log(`  ${bad} answers were not 200`)
  for (const [at, threads] of counts.entries()) {
    for (const [path, { answers, before, millis }] of await longest(at)) {
      console.log(
        `  --threads ${threads}, all of which compute for ${spinMillis} ms: ${path} has answered ${answers} times, in ${millis.toFixed(0)} ms at most (at rest, of 200, ${before.toFixed(0)} ms)`
      )
    }
  }
  process.exitCode = bad === 0 ? 0 : 1
} finally {
  for (const { stop } of started) await stop()
}
