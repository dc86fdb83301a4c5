/**
 * A real case from start to end: serves a load with `--record`, tunes for what was recorded, and serves the same load again with the file that came
 * out of it. It says what was promised and what came, and ends with 1 if the real p99 of waiting is more than 20 %, or
 * 5 ms, above the promise.
 *
 * `npm run tuning:reality [seconds] [folder]`: 60 s by default, twice. The machine should have nothing else to do.
 */
import { once } from "node:events"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Simulation from "../../src/Simulation.ts"
import { program, serveLoad } from "../recording/serving.ts"

const seconds = Number(process.argv[2] ?? 60)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), "tuning-"))
const target = "p99(wait) <= 200ms"

const outputOf = async (...args: ReadonlyArray<string>): Promise<string> => {
  const running = program(...args)
  let text = ""
  running.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
  await once(running, "close")
  return text
}

const arrivals = Simulation.Arrivals.daily(20, 60, 30_000)
const serve = (path: string, ...args: ReadonlyArray<string>) => serveLoad(arrivals, seconds, "--record", path, ...args)

/** From the arrival to the first attempt, of all requests of a recording. */
const waitP99 = (path: string): number => {
  const waits = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("["))
    .map((line) => JSON.parse(line) as ReadonlyArray<unknown>)
    .flatMap((row) => {
      const attempts = row.find((cell) => Array.isArray(cell)) as ReadonlyArray<number> | undefined
      return attempts === undefined ? [] : [attempts[0]! / 1000]
    })
    .sort((a, b) => a - b)
  return waits[Math.ceil(0.99 * waits.length) - 1]!
}

const [before, after] = [join(folder, "before.jsonl"), join(folder, "after.jsonl")]
const settings = join(folder, "settings.yaml")
await serve(before)
const tuning = ["tune", "--recording", before, "--target", target, "--out", settings]
const answer = await outputOf(...tuning, "--html", join(folder, "tuning.html"))
writeFileSync(join(folder, "tuning.txt"), answer)
console.log(answer)
console.log(readFileSync(settings, "utf8"))
await serve(after, "--config", settings)
const replayed = JSON.parse(await outputOf("simulate", "--recording", after, "--json")) as {
  readonly policies: ReadonlyArray<{ readonly wait: { readonly p99: number } }>
}
const promised = Number(/wait\) <= 200ms: promised ([\d.]+) ms/.exec(readFileSync(settings, "utf8"))?.[1])
const real = waitP99(after)
const simulated = replayed.policies[0]!.wait.p99
console.log(
  `p99 of waiting before ${waitP99(before).toFixed(1)} ms; promised ${promised} ms, real ${real.toFixed(1)} ms, ` +
    `the same requests simulated ${simulated.toFixed(1)} ms. In ${folder}`
)
process.exitCode = real <= Math.max(1.2 * promised, promised + 5) ? 0 : 1
