/** What the measurements share: a fresh process for each run, interleaved rounds, and the numbers made of them. */
import { spawnSync } from "node:child_process"

/** Runs this script again in a process of its own, which prints one line of JSON. */
export const inFreshProcess = <A>(args: ReadonlyArray<string>): A => {
  const command = [process.argv[1]!, ...args]
  const child = spawnSync(process.execPath, command, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  if (child.status !== 0) throw new Error(`${args.join(" ")}: exit ${child.status ?? child.signal}`)
  return JSON.parse(child.stdout) as A
}

/** One result of each run in every round, A B A B: what disturbs the machine disturbs all of them. */
export const interleaved = <A>(rounds: number, runs: Readonly<Record<string, () => A>>): Record<string, Array<A>> => {
  const results: Record<string, Array<A>> = Object.fromEntries(Object.keys(runs).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) results[name]!.push(run())
  }
  return results
}

/** The value below which a share of all values lies. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

export const printTable = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): void => {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]!.length)))
  for (const row of [head, widths.map((width) => "-".repeat(width)), ...rows]) {
    console.log(
      `| ${row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(" | ")} |`
    )
  }
}
