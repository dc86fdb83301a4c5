/**
 * Proves that a recording replays as it was: serves for some minutes with a burst and `--record`, and simulates what was recorded with
 * `--check 10%`. It ends with the exit code of that.
 *
 * `npm run recording:replay [seconds] [folder] [policy]`: 300 s by default, a burst in the middle, and `fixed:20`. With a policy that follows the load a
 * burst is another one when it comes some milliseconds earlier or later against its looks: then it tells how much that is.
 */
import { once } from "node:events"
import { mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Simulation from "../../src/Simulation.ts"
import { program, serveLoad } from "./serving.ts"

const seconds = Number(process.argv[2] ?? 300)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), "recording-"))
mkdirSync(folder, { recursive: true })
const policy = process.argv[4] ?? "fixed:20"
const path = join(folder, "load.jsonl")

/** 40 requests per second, and 300 per second in the burst. */
const arrivals = Simulation.Arrivals.spike(40, 300, seconds * 500, Math.max(3000, seconds * 50))
const sent = await serveLoad(arrivals, seconds, "--max-workers", "60", "--policy", policy, "--record", path)
console.log(`${sent} requests in ${seconds} s`)

const stats = program("record", "stats", path)
stats.stdout.pipe(process.stdout)
await once(stats, "exit")
const simulating = program("simulate", "--recording", path, "--check", "10%")
simulating.stdout.pipe(process.stdout)
const [code] = (await once(simulating, "exit")) as [number]
process.exitCode = code
