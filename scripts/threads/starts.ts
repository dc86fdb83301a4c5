/**
 * What the start of a thread takes, and each of four of memory, by how its module is written: from `Threads.layer` to the first value,
 * in a fresh process each time, the ways taking turns. `npm run threads:starts [-- rounds]`, of what `npm run build` has made. A compile
 * cache is full from a round before that does not count. Of a process its memory is all that it has.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { join } from "node:path"
import { loadavg } from "node:os"
import { pathToFileURL } from "node:url"
import { rolldown } from "rolldown"
import { inFreshProcess, spread } from "../bench/rounds.ts"
import { printTable } from "../bench/tables.ts"

/** How a thread is started. */
export interface Way {
  readonly door: "module" | "spawn" | "functions"
  readonly file: string
  readonly isolation: "thread" | "process"
  /** Where its compile cache is. */
  readonly cache?: string | undefined
}

const rounds = Number(process.argv[2] ?? 5)
const here = join(import.meta.dirname, "start")
/** Where `effect` is found, and Node takes no types away. */
const folder = mkdtempSync(join(import.meta.dirname, "../../node_modules/.starts-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

for (const name of ["group", "handlers", "functions"]) {
  const text = stripTypeScriptTypes(readFileSync(join(here, `${name}.ts`), "utf8")).replaceAll('.ts"', '.mjs"')
  writeFileSync(join(folder, `${name}.mjs`), text)
}
const bundled = await rolldown({ input: join(here, "thread.ts"), platform: "node" })
await bundled.write({ file: join(folder, "thread.mjs"), format: "esm", minify: true, codeSplitting: false })
await bundled.close()

const source = (name: string) => pathToFileURL(join(here, name)).href
const built = (name: string) => pathToFileURL(join(folder, name)).href
const cached = (way: Way, name: string): Way => ({ ...way, cache: join(folder, `cache-${name}`) })
const thread = { isolation: "thread" } as const
const ofTypes: Way = { ...thread, door: "module", file: source("handlers.ts") }
const compiled: Way = { ...thread, door: "module", file: built("handlers.mjs") }
const whole: Way = { ...thread, door: "spawn", file: built("thread.mjs") }

const ways: Readonly<Record<string, Way>> = {
  "`.ts`": ofTypes,
  "`.ts`, compile cache": cached(ofTypes, "types"),
  "`.ts`, imports `effect/X`": { ...ofTypes, file: source("subpaths.ts") },
  "compiled to JavaScript": compiled,
  "compiled, compile cache": cached(compiled, "compiled"),
  bundled: whole,
  "bundled, compile cache": cached(whole, "bundled"),
  "functions without Effect, `.ts`": { ...thread, door: "functions", file: source("functions.ts") },
  "functions without Effect, compiled": { ...thread, door: "functions", file: built("functions.mjs") },
  "a process, `.ts`": { ...ofTypes, isolation: "process" },
  "a process, compiled": { ...compiled, isolation: "process" },
  "a process, bundled": { ...whole, isolation: "process" }
}

const measure = async (way: Way) => {
  const args = [join(here, "one.ts"), JSON.stringify(way)]
  return (await inFreshProcess(process.execPath, args)) as { readonly millis: number; readonly megabytes: number }
}

for (const way of Object.values(ways)) if (way.cache !== undefined) await measure(way)
const measured = new Map<string, Array<{ readonly millis: number; readonly megabytes: number }>>()
for (let round = 0; round < rounds; round++) {
  for (const [name, way] of Object.entries(ways)) {
    measured.set(name, [...(measured.get(name) ?? []), await measure(way)])
  }
}

console.log(`${rounds} rounds, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)} at the end\n`)
printTable(
  ["what is on it", "start, ms", "at least", "MB each"],
  [...measured].map(([name, all]) => {
    const millis = spread(all.map(({ millis }) => millis))
    const megabytes = spread(all.map(({ megabytes }) => megabytes))
    return [name, millis.median.toFixed(0), millis.min.toFixed(0), megabytes.median.toFixed(1)]
  })
)
