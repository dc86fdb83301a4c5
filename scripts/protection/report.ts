/** Writes the figures of `docs/protection.md` between the marks that stand there: `npm run protection:report`. All is simulated anew. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fillBlocks } from "../fillBlocks.ts"
import { outages } from "./outage.ts"
import { overloads } from "./overload.ts"

const docs = join(import.meta.dirname, "../../docs")
mkdirSync(join(docs, "protection"), { recursive: true })

const overload = await overloads()
const outage = await outages()
const shown = (name: string, title: string, svg: string, ...below: ReadonlyArray<string>): string => {
  writeFileSync(join(docs, `protection/${name}.svg`), svg)
  return [`![${title}](protection/${name}.svg)`, ...below].join("\n\n")
}
fillBlocks(join(docs, "protection.md"), {
  overload: () =>
    shown("overload", "What a minute of overload does, with shedding and without", overload.svg, overload.table),
  outage: () =>
    shown(
      "outage",
      "What calls a service that is out of order, and how much of it succeeds",
      outage.svg,
      outage.table,
      `Of the ${outage.ended.toLocaleString("en")} requests of these runs each had exactly one end.`
    )
})
console.log([overload.table, outage.table].join("\n\n"))
