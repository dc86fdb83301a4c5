/**
 * Proves that a recording replays as it was: serves for some minutes with a burst and `--record`, and simulates what was recorded with
 * `--check 10%`. It ends with the exit code of that.
 *
 * `npm run recording:replay [seconds] [folder] [policy]`: 300 s by default, a burst in the middle, and `fixed:20`. With a policy that follows the load a
 * burst is another one when it comes some milliseconds earlier or later against its looks: then it tells how much that is.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync } from "node:fs"
import { Agent, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Simulation from "../../src/Simulation.ts"
import { makeDraw } from "../../src/simulation/random.ts"

const seconds = Number(process.argv[2] ?? 300)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), "recording-"))
mkdirSync(folder, { recursive: true })
const policy = process.argv[4] ?? "fixed:20"
const path = join(folder, "load.jsonl")
const program = (...args: ReadonlyArray<string>) =>
  spawn(process.execPath, ["--conditions=effect-worker-pool-source", "src/main.ts", ...args], {
    stdio: ["ignore", "pipe", "inherit"]
  })

const asked = "serve --handlers examples/handlers.ts --port 0 --max-workers 60 --log-format json".split(" ")
const serving = program(...asked, "--policy", policy, "--record", path)
const url = await new Promise<string>((found, failed) => {
  let text = ""
  serving.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString()
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? []
    if (address !== undefined) found(address)
  })
  serving.on("exit", () => failed(new Error(`serve has ended:\n${text}`)))
})
const ended = once(serving, "exit")

/** Requests that take an exponential time, 40 per second, and 300 per second in the burst. */
const arrivals = Simulation.Arrivals.spike(40, 300, seconds * 500, Math.max(3000, seconds * 50))
const takes = Simulation.ServiceTimes.exponential(150).sampler(makeDraw("1/service"))
// As many connections as it takes: a client that waits for one would slow down with the pool.
const agent = new Agent({ keepAlive: true })
const ask = (millis: number): void => {
  const body = JSON.stringify({ millis })
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
  request(`${url}/requests/Sleep`, { method: "POST", agent, headers }, (response) => response.resume())
    .on("error", () => {})
    .end(body)
}
const startedAt = performance.now()
let sent = 0
for (const { atMillis } of arrivals.draw(makeDraw("1/arrivals"), seconds * 1000)) {
  const wait = atMillis - (performance.now() - startedAt)
  if (wait > 1) await sleep(wait)
  ask(Number(takes("Sleep").toFixed(3)))
  sent++
}
console.log(`${sent} requests in ${seconds} s`)
await sleep(1000)
serving.kill("SIGTERM")
await ended
agent.destroy()

const stats = program("record", "stats", path)
stats.stdout.pipe(process.stdout)
await once(stats, "exit")
const simulating = program("simulate", "--recording", path, "--check", "10%")
simulating.stdout.pipe(process.stdout)
const [code] = (await once(simulating, "exit")) as [number]
process.exitCode = code
