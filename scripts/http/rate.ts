/**
 * How many requests per second the service answers, beside servers that do less, in turns on the same machine.
 *
 * `npm run bench:http -- [--seconds 5] [--rounds 5] [--final 30] [--json FILE]`; it needs `wrk`. At the end comes one long
 * run of the service alone, after which its own counts must agree with what `wrk` saw.
 */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { median } from "../bench/rounds.ts"
import { number, printTable } from "../bench/tables.ts"
import { builtOrSource, countsOf, type Running, startServer, startService } from "./children.ts"
import { connections, load, type Load } from "./wrk.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
    final: { type: "string", default: "30" },
    json: { type: "string" }
  }
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const final = Number(values.final)

const recording = join(mkdtempSync(join(tmpdir(), "http-rate-")), "load.jsonl")
const servers: ReadonlyArray<{ readonly name: string; readonly start: () => Promise<Running> }> = [
  { name: "worker-pool serve", start: () => startService() },
  { name: "worker-pool serve --record", start: () => startService("--record", recording) },
  { name: "node:http, body parsed", start: () => startServer("bare") },
  { name: "HttpRouter, empty handler", start: () => startServer("router") },
  { name: "HttpRouter, body parsed", start: () => startServer("router-json") }
]

/** Each in every place of the order once in as many rounds as there are servers. */
const orderOf = (round: number) => servers.map((_, at) => (at + round) % servers.length)

const measure = async () => {
  const running: Array<Running> = []
  try {
    for (const { start } of servers) running.push(await start())
    for (const { url } of running) await load(url, 2)
    const measured: Array<ReadonlyArray<Load>> = []
    for (let round = 0; round < rounds; round++) {
      const ofRound: Array<Load> = []
      for (const at of orderOf(round)) ofRound[at] = await load(running[at]!.url, seconds)
      measured.push(ofRound)
    }
    return measured
  } finally {
    for (const { stop } of running) await stop()
  }
}

/** Whether anything is lost, over a long time. Requests that `wrk` had under way when it stopped, it does not count. */
const verify = async () => {
  const service = await startService()
  try {
    const seen = await load(service.url, final)
    let counts = await countsOf(service.url)
    while (counts["running"]! + counts["waiting"]! > 0) counts = await countsOf(service.url)
    const { accepted = NaN, offered = NaN, succeeded = NaN } = counts
    const uncounted = accepted - seen.answers
    const agrees =
      seen.notOk === 0 &&
      seen.broken === 0 &&
      offered === accepted &&
      accepted === succeeded &&
      uncounted >= 0 &&
      uncounted <= connections
    return { seen, offered, accepted, succeeded, uncounted, megabytes: service.megabytes(), agrees }
  } finally {
    await service.stop()
  }
}

const measured = await measure()
console.log(
  `${builtOrSource}, ${connections} connections, ${rounds} rounds of ${seconds} s each, Node ${process.version}`
)
const ratio = (round: ReadonlyArray<Load>, at: number) => round[0]!.perSecond / round[at]!.perSecond
printTable(
  ["round", ...servers.flatMap(({ name }) => [name, "p99 ms"]), ...servers.slice(1).map((_, at) => `to ${at + 2}`)],
  measured.map((round, at) => [
    String(at + 1),
    ...round.flatMap(({ p99Millis, perSecond }) => [number(perSecond), p99Millis.toFixed(2)]),
    ...servers.slice(1).map((_, at) => ratio(round, at + 1).toFixed(2))
  ])
)
const medians = servers.slice(1).map(({ name }, at) => ({ name, ratio: median(measured.map((r) => ratio(r, at + 1))) }))
for (const { name, ratio } of medians) console.log(`  the service is ${ratio.toFixed(2)} x ${name} (median)`)
const bad = measured.flat().filter(({ broken, notOk }) => broken + notOk > 0).length
if (bad > 0) console.log(`  ${bad} runs had answers that are no 2xx, or broken connections`)

const checked = final > 0 ? await verify() : undefined
if (checked !== undefined) {
  const { accepted, agrees, megabytes, seen, succeeded, uncounted } = checked
  console.log(
    `\n${final} s of the service alone: ${number(seen.perSecond)} per second, p50 ${seen.p50Millis.toFixed(2)} ms, p99 ${seen.p99Millis.toFixed(2)} ms, max ${seen.maxMillis.toFixed(1)} ms, ${megabytes.toFixed(0)} MB`
  )
  console.log(
    `  wrk saw ${seen.answers} answers, ${seen.notOk} of them no 2xx, ${seen.broken} broken; the pool accepted ${accepted} (${uncounted} under way when wrk stopped), ${succeeded} succeeded, ${accepted - succeeded} lost: ${agrees ? "the counts agree" : "THE COUNTS DO NOT AGREE"}`
  )
}
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify({ servers: servers.map(({ name }) => name), measured, medians, checked }))
}
process.exitCode = bad === 0 && checked?.agrees !== false ? 0 : 1
