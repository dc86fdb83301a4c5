/** Writes the figures of `docs/protection.md` between the marks that stand there: `npm run protection:report`. All is simulated anew. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fillBlocks } from "../fillBlocks.ts"
import { outages } from "./outage.ts"

const docs = join(import.meta.dirname, "../../docs")
mkdirSync(join(docs, "protection"), { recursive: true })

const { svg, table } = await outages()
writeFileSync(join(docs, "protection/outage.svg"), svg)
const picture = "![What calls a service that is out of order, and how much of it succeeds](protection/outage.svg)"
fillBlocks(join(docs, "protection.md"), { outage: () => `${picture}\n\n${table}` })
console.log(table)
