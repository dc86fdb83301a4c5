/** `worker-pool jobs stats`: what is in the store, and who works on it. */
import { lawViolations } from "../../durable/service.ts"
import type { Counts, ProcessRecord } from "../../durable/Store.ts"
import { Outcome } from "../../index.ts"
import { columns } from "../output/columns.ts"
import { duration } from "../output/duration.ts"
import { ago } from "./rows.ts"

/** What is asked of the store for it. */
export interface Stats {
  readonly counts: Counts
  readonly processes: ReadonlyArray<ProcessRecord>
}

const open = ["waiting", "delayed", "claimed"] as const

export const toJson = ({ counts, processes }: Stats): string => {
  const { oldestMillis, stored, tags, ...terms } = counts
  const told = processes.map((one) => ({ ...one, leftAt: one.leftAt ?? null }))
  const law = lawViolations(counts)
  return `${JSON.stringify({ stored, ...terms, oldestMillis, types: tags, processes: told, law })}\n`
}

export const toTable = ({ counts, processes }: Stats, now: number): string => {
  const parts = [
    columns([
      ["stored", String(counts.stored)],
      ...open.map((term) => [term, String(counts[term])]),
      ...Outcome.ends.map((end) => [end, String(counts[end])]),
      ["oldest", counts.oldestMillis === 0 ? "none waits" : `waits for ${duration(counts.oldestMillis / 1000)}`]
    ])
  ]
  // Each type that was ever served has its line in a store.
  const types = Object.entries(counts.tags)
    .filter(([, of]) => open.some((term) => of[term] > 0))
    .sort(([, a], [, b]) => b.waiting + b.delayed - (a.waiting + a.delayed))
  if (types.length > 0) {
    parts.push(
      columns([["type", ...open], ...types.map(([tag, of]) => [tag, ...open.map((term) => String(of[term]))])])
    )
  }
  if (processes.length > 0) {
    const rows = processes.map(({ host, id, leftAt, live, pid, pool, role, seenAt, startedAt }) => [
      id,
      pool,
      `${host}:${pid}`,
      role,
      leftAt !== undefined ? `left ${ago(leftAt, now)}` : live ? "live" : `missing, seen ${ago(seenAt, now)}`,
      ago(startedAt, now)
    ])
    parts.push(columns([["process", "pool", "host", "role", "state", "started"], ...rows]))
  }
  const law = lawViolations(counts)
  if (law.length > 0) parts.push(`The counts do not add up: ${law.join("; ")}. Please report it.\n`)
  return parts.join("\n")
}
