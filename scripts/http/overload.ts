/**
 * Twice as many requests as the pool can do, whatever becomes of them: who is answered, and how fast the others are refused.
 *
 * `npm run bench:overload -- [--seconds 30] [--factor 2] [--json FILE]`. Each request sleeps, so what the pool can do is
 * known: its workers divided by the time of one sleep.
 */
import { writeFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { offer } from "../bench/overload.ts"
import { quantile } from "../bench/rounds.ts"
import { number, printTable } from "../bench/tables.ts"
import { builtOrSource, countsOf, startService } from "./children.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    factor: { type: "string", default: "2" },
    json: { type: "string" }
  }
})
const seconds = Number(values.seconds)
const workers = 50
const sleepMillis = 100
const capacity = (workers * 1000) / sleepMillis
const offered = Number(values.factor) * capacity

interface Answer {
  /** 0: none, the connection broke. */
  readonly status: number
  readonly millis: number
}

/** As many connections as it takes: a client that waits for a free one would offer less. */
const agent = new Agent({ keepAlive: true })
const body = JSON.stringify({ millis: sleepMillis })
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), prefer: "wait=10" }

const ask = (url: URL, answered: (answer: Answer) => void): void => {
  const began = performance.now()
  const end = (status: number) => answered({ status, millis: performance.now() - began })
  const asked = request(url, { agent, method: "POST", headers }, (response) => {
    response.resume().once("end", () => end(response.statusCode!))
  })
  asked.once("error", () => end(0))
  asked.end(body)
}

// More connections than there are requests under way: it is the pool that is to refuse, not the listener.
const flags = `--policy fixed:${workers} --min-workers ${workers} --max-workers ${workers} --capacity ${workers} --strategy dropping --max-connections 10000`
const service = await startService(...flags.split(" "))
/** Where this process is late itself, no figure says anything about the service. */
const generatorDelay = monitorEventLoopDelay({ resolution: 1 })
const memory: Array<number> = []
const watching = setInterval(() => memory.push(service.megabytes()), 500)
try {
  const url = new URL(`${service.url}/requests/Sleep`)
  // Until the code is compiled, both sides are slower.
  await askAtRate(url, capacity / 2, 2)
  const before = await countsOf(service.url)
  generatorDelay.enable()
  const began = performance.now()
  const answers = await askAtRate(url, offered, seconds)
  const tookSeconds = (performance.now() - began) / 1000
  const after = await countsOf(service.url)
  const counts = Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - before[name]!]))
  report(answers, tookSeconds, counts)
} finally {
  clearInterval(watching)
  agent.destroy()
  await service.stop()
}

/** Ends when every request has its answer. */
function askAtRate(url: URL, rate: number, seconds: number): Promise<ReadonlyArray<Answer>> {
  return new Promise((resolve, reject) => {
    const answers: Array<Answer> = []
    let total = Infinity
    const answered = (answer: Answer) => {
      if (answers.push(answer) === total) resolve(answers)
    }
    offer(rate, seconds, () => ask(url, answered)).then((asked) => {
      total = asked
      if (answers.length === asked) resolve(answers)
    }, reject)
  })
}

function report(answers: ReadonlyArray<Answer>, tookSeconds: number, counts: Readonly<Record<string, number>>): void {
  const asked = Math.round(offered * seconds)
  const rows = [...new Set(answers.map(({ status }) => status))].sort().map((status) => {
    const millis = answers.filter((answer) => answer.status === status).map((answer) => answer.millis)
    const [p50, p99, max] = [quantile(millis, 0.5), quantile(millis, 0.99), Math.max(...millis.slice(-1e5))]
    return { status, answers: millis.length, perSecond: millis.length / tookSeconds, p50, p99, max }
  })
  console.log(
    `${builtOrSource}: ${workers} workers that sleep ${sleepMillis} ms can do ${number(capacity)} per second; offered ${number(offered)} per second for ${seconds} s, Node ${process.version}`
  )
  printTable(
    ["status", "answers", "per second", "of capacity", "p50 ms", "p99 ms", "max ms"],
    rows.map(({ answers, max, p50, p99, perSecond, status }) => [
      status === 0 ? "broken" : String(status),
      number(answers),
      number(perSecond),
      status === 200 ? `${((100 * perSecond) / capacity).toFixed(1)} %` : "",
      p50.toFixed(1),
      p99.toFixed(1),
      max.toFixed(1)
    ])
  )
  const { accepted = NaN, refusedFull = NaN, succeeded = NaN } = counts
  const of = (status: number) => rows.find((row) => row.status === status)?.answers ?? 0
  const agrees =
    answers.length === asked &&
    of(200) === succeeded &&
    succeeded === accepted &&
    of(429) === refusedFull &&
    of(0) === 0
  console.log(
    `  ${asked} requests, ${answers.length} answers; the pool accepted ${accepted}, ${succeeded} succeeded, ${refusedFull} refused: ${agrees ? "the counts agree" : "THE COUNTS DO NOT AGREE"}`
  )
  const [first = NaN, last = NaN] = [memory[Math.floor(memory.length / 4)], memory.at(-1)]
  console.log(
    `  memory of the process: ${first.toFixed(0)} MB after a quarter of the time, ${last.toFixed(0)} MB at the end, at most ${Math.max(...memory).toFixed(0)} MB`
  )
  const lateMillis = generatorDelay.percentile(99) / 1e6
  console.log(`  this generator was late itself by ${lateMillis.toFixed(1)} ms (p99); that is in all times above`)
  if (values.json !== undefined) {
    writeFileSync(
      values.json,
      JSON.stringify({ seconds, workers, sleepMillis, offered, tookSeconds, rows, counts, memory, lateMillis })
    )
  }
  process.exitCode = agrees ? 0 : 1
}
