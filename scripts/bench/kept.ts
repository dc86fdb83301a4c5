/** The runs that the page shows, by its sections. */
import type { Results } from "./results.ts"

/** Newest first. A case is in one of them alone: what a table compares was measured in one run. */
export type Kept = ReadonlyArray<Results>

export const sections = ["results", "queue", "threads", "durable", "cold"] as const
export type Section = (typeof sections)[number]

/** By the letter with which a case begins. */
const ofLetter: Readonly<Record<string, Section>> = { Q: "queue", T: "threads", D: "durable", C: "cold" }
const sectionOf = (name: string): Section => ofLetter[name[0]!] ?? "results"

/** What of a run each section shows. */
export const bySection = (run: Results): ReadonlyMap<Section, Results> => {
  const parts = sections.map(
    (section) =>
      [section, without(run, new Set(Object.keys(run.cases).filter((name) => sectionOf(name) !== section)))] as const
  )
  return new Map(parts.filter(([, { results }]) => results.length > 0))
}

/** With a new run: its cases take the place of what older runs have of them, and the rest of those stays. */
export const keep = (run: Results, kept: Kept): Kept => [
  run,
  ...kept.map((older) => without(older, new Set(Object.keys(run.cases)))).filter(({ results }) => results.length > 0)
]

/** What was measured in turns with a case goes with it. */
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
