/**
 * Starts processes that load the package as it was built, as a user has it: `npm run build` comes first. TypeScript is not
 * on their way.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Measurement } from "../load.ts"
import { median } from "../rounds.ts"
import type { ColdLoad } from "./load.ts"

/** What a child says, and how long it had lived by then. */
interface Told {
  readonly millis: number
  readonly seconds: number
  readonly cpuMicros: number
  readonly allCpuMicros: number
  readonly peakMegabytes: number
  readonly modules?: number
  readonly kilobytes?: number
}

/** Each measures so many processes, one after another, and takes the middle one of each figure. */
const processes = 5

export const measureCold = async (
  { load, n }: { readonly load: ColdLoad; readonly n: number },
  program: string
): Promise<Measurement> => {
  if (!existsSync(join(import.meta.dirname, "../../../dist/index.js"))) {
    throw new Error("dist: expected the package as it is built, got none: `npm run build` makes it")
  }
  const counted = await start(program, 1, ["--import", join(import.meta.dirname, "countModules.mjs")])
  const all: Array<Told> = []
  for (let round = 0; round < processes; round++) all.push(await start(program, n))
  const of = (pick: (told: Told) => number) => median(all.map(pick))
  const startMillis = of(({ millis }) => millis)
  const common = { n, peakMegabytes: of(({ peakMegabytes }) => peakMegabytes) }
  return load.what === "first"
    ? {
        ...common,
        rate: 1_000 / startMillis,
        cpuMicros: of(({ allCpuMicros }) => allCpuMicros),
        firstMillis: startMillis,
        modules: counted.modules!,
        kilobytes: counted.kilobytes!
      }
    : {
        ...common,
        rate: n / of(({ seconds }) => seconds),
        cpuMicros: of(({ cpuMicros }) => cpuMicros) / n,
        lastMillis: startMillis
      }
}

const start = (program: string, n: number, flags: ReadonlyArray<string> = []): Promise<Told> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(process.execPath, [...flags, join(import.meta.dirname, "child.mjs"), program, String(n)], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    let millis = 0
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      millis = performance.now() - began
      output += text
    })
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) resolve({ millis, ...(JSON.parse(output) as Omit<Told, "millis">) })
      else reject(new Error(`${program}: exit ${code ?? signal}`))
    })
  })
