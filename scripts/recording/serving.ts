/** Serves `examples/handlers.ts` as a program of its own, under a load that is the same each time. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { Agent, request } from "node:http"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { makeDraw } from "../../src/simulation/random.ts"
import * as Simulation from "../../src/Simulation.ts"

const argumentsOf = (args: ReadonlyArray<string>) => ["--conditions=effect-worker-pool-source", "src/main.ts", ...args]

export const program = (...args: ReadonlyArray<string>) =>
  spawn(process.execPath, argumentsOf(args), { stdio: ["ignore", "pipe", "inherit"] })

/** `drive` asks for all of the load, and ends with that. */
export const serve = async <A>(drive: (url: string) => Promise<A>, ...args: ReadonlyArray<string>): Promise<A> => {
  const asked = "serve --handlers examples/handlers.ts --port 0 --log-format json".split(" ")
  const serving = spawn(process.execPath, argumentsOf([...asked, ...args]), { stdio: ["ignore", "pipe", "pipe"] })
  // What it decides is in the recording.
  createInterface(serving.stderr).on("line", (line) => {
    if (!line.includes('"level":"INFO"')) console.error(line)
  })
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
  const driven = await drive(url)
  // What is under way ends.
  await sleep(1500)
  serving.kill("SIGTERM")
  await ended
  return driven
}

/** What arrives in these seconds, whatever becomes of it, each of an exponential time of 150 ms. It answers how many requests that were. */
export const serveLoad = (
  arrivals: Simulation.Arrivals.Arrivals,
  seconds: number,
  ...args: ReadonlyArray<string>
): Promise<number> =>
  serve(
    async (url) => {
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
      const left = seconds * 1000 - (performance.now() - startedAt)
      if (left > 0) await sleep(left)
      agent.destroy()
      return sent
    },
    ...args
  )
