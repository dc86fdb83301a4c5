/** Loads that a real program has: how each is served, or run, and what is wanted of it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { join } from "node:path"
import { Arrivals } from "../../src/Simulation.ts"
import { merge } from "../../src/simulation/labels.ts"
import { serve, serveLoad } from "../recording/serving.ts"

export interface Case {
  readonly title: string
  readonly targets: ReadonlyArray<string>
  /** Flags of `tune`. */
  readonly bounds?: ReadonlyArray<string> | undefined
  /** All of it, once, with these flags besides; `settings`: what `tune` has recommended. */
  readonly have: (seconds: number, flags: ReadonlyArray<string>, settings: Settings | undefined) => Promise<unknown>
}

/** A file for `--config`, and the same by the names of flags. */
export interface Settings {
  readonly file: string
  readonly flags: ReadonlyArray<string>
}

const targets = ["p99(wait) <= 200ms", "refused <= 0.1%"]

const configOf = (settings: Settings | undefined) => (settings === undefined ? [] : ["--config", settings.file])

/** As many connections, each of which waits for its answer and thinks for half a second. */
const wrk = async (url: string, connections: number, seconds: number) => {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", join(import.meta.dirname, "think.lua")]
  const running = spawn("wrk", [...args, `${url}/requests/Sleep`], { stdio: ["ignore", "ignore", "inherit"] })
  const [code] = (await once(running, "exit")) as [number | null]
  if (code !== 0) throw new Error(`wrk has ended with ${code}`)
}

/** One in each 40 s, at no regular times. */
const bursts = (seconds: number): Arrivals.Arrivals => {
  const count = Math.max(1, Math.round(seconds / 40))
  const each = (1000 * seconds) / count
  const all = Array.from({ length: count }, (_, n) =>
    Arrivals.spike(0, 120, Math.round(each * (n + 0.2 + 0.5 * ((n * 0.618) % 1))), 4000)
  )
  return merge(Arrivals.poisson(30), ...all)
}

export const cases: Readonly<Record<string, Case>> = {
  bursts: {
    title: "30 requests per second, and 150 per second for 4 s once in 40 s",
    targets,
    have: (seconds, flags, settings) => serveLoad(bursts(seconds), seconds, ...flags, ...configOf(settings))
  },
  wrk: {
    title: "`serve` under `wrk`, 40 connections",
    targets,
    have: (seconds, flags, settings) => serve((url) => wrk(url, 40, seconds), ...flags, ...configOf(settings))
  },
  "wrk-burst": {
    title: "`serve` under `wrk`, 20 connections, and 100 more for a fifth of the time",
    targets,
    have: (seconds, flags, settings) =>
      serve(
        (url) =>
          Promise.all([
            wrk(url, 20, seconds),
            sleep(400 * seconds).then(() => wrk(url, 100, Math.max(1, Math.round(seconds / 5))))
          ]),
        ...flags,
        ...configOf(settings)
      )
  },
  job: {
    title: "`npm start`: the checksum of each file, as fast as the pool takes them",
    targets: ["p99(wait) <= 500ms", "refused <= 0.1%"],
    // Its handlers compute: with more of them at once each takes longer, which no simulation knows.
    bounds: ["--most-workers", "10"],
    have: async (_, flags, settings) => {
      const args = ["scripts/start.mjs", ...flags, ...(settings?.flags ?? [])]
      const running = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] })
      await once(running, "exit")
    }
  }
}
