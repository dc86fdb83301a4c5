/** The runs that a section of the page shows. */
import type { Results } from "./results.ts"

/** Newest first. A case is in one of them alone: what a table compares was measured in one run. */
export type Kept = ReadonlyArray<Results>

/** With a new run: its cases take the place of what older runs have of them, and the rest of those stays. */
export const keep = (run: Results, kept: Kept): Kept => [
  run,
  ...kept.map((older) => without(older, new Set(Object.keys(run.cases)))).filter(({ results }) => results.length > 0)
]

const without = (run: Results, names: ReadonlySet<string>): Results => ({
  ...run,
  cases: Object.fromEntries(Object.entries(run.cases).filter(([name]) => !names.has(name))),
  results: run.results.filter(
    (result) =>
      !names.has(result.case) && !("beside" in result && result.beside !== undefined && names.has(result.beside))
  )
})

/** The run that has measured this case, if any has. */
export const runOf = (kept: Kept, name: string): Results | undefined =>
  kept.find(({ results }) => results.some((result) => result.case === name && "rate" in result))
