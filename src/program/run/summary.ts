/** What a run came to: for people as a table, for programs as one JSON object, for the shell as an exit code. */
import { duration } from "../output/duration.ts"
import { ends } from "./outcomeLine.ts"
import type { Report } from "./run.ts"
import type { MaxFailures } from "./settings.ts"
import { codeOf, inWords } from "../process/stop.ts"

export const exitCodeOf = ({ stopped, left, tally }: Report, maxFailures: MaxFailures): number =>
  stopped !== undefined ? codeOf(stopped) : left.lines === 0 && maxFailures.allows(tally.bad, tally.done) ? 0 : 1

export const toJson = (report: Report, maxFailures: MaxFailures): string => {
  const { attempts, blank, defects, ended, left, retries, stopped, stuck, stuckCount, tally, wallMillis } = report
  return `${JSON.stringify({
    exitCode: exitCodeOf(report, maxFailures),
    stopped: stopped === undefined ? null : inWords(stopped),
    lines: tally.done + left.lines,
    ends: tally.ends,
    failures: tally.bad,
    maxFailures: maxFailures.text,
    left: left.lines,
    leftUnread: left.more,
    blank,
    earlier: tally.earlier,
    attempts,
    retries,
    defects,
    wallMillis: Math.round(wallMillis),
    perSecond: Math.round(perSecond(ended, wallMillis)),
    workers: tally.workers,
    stuckCount,
    stuck,
    errors: tally.samples
  })}\n`
}

/** `goOn` says how what is left can be run, if it can. */
export const toTable = (report: Report, maxFailures: MaxFailures, goOn: string | undefined): string => {
  const { attempts, blank, defects, ended, left, retries, stopped, stuck, stuckCount, tally, wallMillis } = report
  const { first, last, least, peak } = tally.workers
  const rows: Array<readonly [string, string]> = [["lines", String(tally.done + left.lines)]]
  if (blank > 0) rows.push(["blank", `${blank} (skipped)`])
  if (tally.earlier > 0) rows.push(["earlier", `${tally.earlier} (ended before this run)`])
  for (const end of ends) {
    if (end === "succeeded" || tally.ends[end] > 0) rows.push([end, String(tally.ends[end])])
  }
  if (left.lines > 0 || left.more) {
    const unread = left.more ? " or more" : ""
    rows.push(["left", `${left.lines}${unread}${goOn === undefined ? "" : `, ${goOn}`}`])
  }
  rows.push(
    ["attempts", `${attempts}, ${retries} of them retries`],
    ["time", `${wallMillis < 60_000 ? `${(wallMillis / 1000).toFixed(2)} s` : duration(wallMillis / 1000)}`],
    ["rate", `${Math.round(perSecond(ended, wallMillis))} lines/s`],
    ["workers", `${first} → ${peak} → ${last}${least < Math.min(first, last) ? `, at least ${least}` : ""}`]
  )
  if (tally.bad > 0) {
    const verdict = maxFailures.allows(tally.bad, tally.done) ? "within" : "more than"
    rows.push(["badly", `${tally.bad} ended badly, ${verdict} --max-failures ${maxFailures.text}`])
  }
  if (defects > 0) rows.push(["defects", `${defects}, standard error has a stack for each kind`])
  if (stopped !== undefined) rows.push(["stopped", inWords(stopped)])
  const lines = rows.map(([name, value]) => `${name.padEnd(12)} ${value}`)
  if (stuckCount > 0) {
    lines.push(`stuck, and given up on (${stuckCount}):`)
    for (const { id, tag, millis } of stuck.slice(0, 10)) {
      lines.push(`  ${tag} ${id}, running for ${duration(millis / 1000)}`)
    }
  }
  if (tally.samples.length > 0) {
    lines.push(`${tally.bad > tally.samples.length ? `the first ${tally.samples.length}` : "those"} that ended badly:`)
    for (const { end, error, line, type } of tally.samples) {
      lines.push(`  line ${line}${type === null ? "" : ` ${type}`} ${end}: ${error}`)
    }
  }
  return `${lines.join("\n")}\n`
}

const perSecond = (ended: number, wallMillis: number): number => (wallMillis > 0 ? (ended * 1000) / wallMillis : 0)
