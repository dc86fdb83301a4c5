/**
 * Writes the figures of measured runs into `docs/benchmarks.md` and `docs/durable.md`, between the marks that stand there, and draws its pictures.
 *
 * `npm run bench:report -- [FILE...]`, where each FILE was written by `npm run bench -- --json FILE`, the newest last. The queue's cases
 * (Q), those of threads (T), of stores (D) and of cold starts (C) have sections of their own. The cases of a run take the place of
 * what the page shows of them; of the others it keeps what it has. Default: the runs that the page shows already.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fillBlocks } from "../fillBlocks.ts"
import { bySection, keep, type Kept, type Section, sections } from "./kept.ts"
import { hows, inShort, origins, ratios, tables } from "./pageTables.ts"
import { plots } from "./plots.ts"
import { ours, type Results } from "./results.ts"
import { whereOrigin, whereTable, type WhereRun } from "./where/table.ts"

const docs = join(import.meta.dirname, "../../docs")
const page = join(docs, "benchmarks.md")
const folder = join(docs, "benchmarks")
const fileOf = (section: Section) => join(folder, `${section}.json`)
const read = (section: Section): Kept =>
  existsSync(fileOf(section)) ? [JSON.parse(readFileSync(fileOf(section), "utf8")) as Kept].flat() : []

mkdirSync(folder, { recursive: true })
for (const file of process.argv.slice(2)) {
  const run = JSON.parse(readFileSync(file, "utf8")) as Results
  if (run.quick) throw new Error(`${file}: expected a whole run, got one of --quick`)
  if (run.by !== undefined && run.by !== ours)
    throw new Error(`${file}: expected ratios to ${ours}, got --by ${run.by}`)
  for (const [section, part] of bySection(run)) {
    writeFileSync(fileOf(section), `${JSON.stringify(keep(part, read(section)), undefined, 2)}\n`)
  }
}
const kept = Object.fromEntries(sections.map((section) => [section, read(section)])) as Readonly<Record<Section, Kept>>

const drawn = [
  ...plots(kept.results).filter(({ file }) => file !== "threads.svg" && file !== "durable.svg"),
  ...plots(kept.threads).filter(({ file }) => file === "threads.svg"),
  ...plots(kept.durable).filter(({ file }) => file === "durable.svg")
]
for (const { file, svg } of drawn) writeFileSync(join(folder, file), svg)

/** `run`, `how` and `table` are of the section of all the rest; those of another have its name before them. */
const blocksOf = (section: Section): Readonly<Record<string, (argument: string) => string>> => {
  const before = section === "results" ? "" : `${section}-`
  return {
    [`${before}run`]: () => origins(kept[section]),
    [`${before}how`]: () => hows(kept[section]),
    [`${before}table`]: (names) => tables(kept[section], names.split(" "))
  }
}
/** Written by `npm run bench:where -- --json docs/benchmarks/where.json`. */
const where = JSON.parse(readFileSync(join(folder, "where.json"), "utf8")) as WhereRun

const blocks = {
  ...Object.assign({}, ...sections.map(blocksOf)),
  ratios: (names: string) => ratios([...kept.results, ...kept.cold], names.split(" ")),
  durable: () => inShort(kept.durable),
  "where-run": () => whereOrigin(where),
  where: () => whereTable(where),
  plot: (file: string) => {
    const plot = drawn.find((plot) => plot.file === file)
    if (plot === undefined) throw new Error(`no plot ${file}`)
    return `![${plot.title}](benchmarks/${file})`
  }
}

fillBlocks(page, blocks)
fillBlocks(join(docs, "durable.md"), blocks)
console.log(`docs/benchmarks.md, docs/durable.md and ${drawn.length} pictures`)
