/** What simulations came to: for people as a table with a column for each policy, for programs as one JSON object. */
import { figureTable, type Row } from "../output/columns.ts"
import { count, time } from "../output/numbers.ts"
import type { Simulated } from "./simulate.ts"
import type { Verdict } from "./check.ts"
import type { Plan } from "./settings.ts"

/** `reality`: what really happened, and `verdict` how far from that the first policy is, where somebody asked. */
export const toJson = (all: ReadonlyArray<Simulated>, reality?: Simulated["figures"], verdict?: Verdict): string =>
  `${JSON.stringify({
    policies: all.map(plain),
    ...(reality === undefined ? {} : { really: plain({ policy: really, figures: reality }) }),
    ...(verdict === undefined ? {} : { off: verdict.off, looked: verdict.looked, isWithin: verdict.isWithin })
  })}\n`

const plain = ({ figures, policy }: Simulated) => {
  const { windows: _, ...others } = figures
  const { decisions, goodPerSecond, leastWorkerSeconds, timeToCapacity, total, wait, wasted, workerSeconds } = others
  return {
    ...others,
    policy,
    wait: rounded(wait),
    total: rounded(total),
    workerSeconds: round(workerSeconds),
    leastWorkerSeconds: round(leastWorkerSeconds),
    timeToCapacity: timeToCapacity === null ? null : round(timeToCapacity),
    ...(goodPerSecond === undefined ? {} : { goodPerSecond: round(goodPerSecond) }),
    ...(wasted === undefined ? {} : { wasted: Number(wasted.toFixed(6)) }),
    ...groupsOf(figures),
    decisions: decisions.map((decision) => ({ ...decision, atMillis: round(decision.atMillis) }))
  }
}

/** What happened stands under this name. No policy has it. */
export const really = "really"

/** The figures side by side. Ends that no policy had are left out. */
export const rows = (all: ReadonlyArray<Simulated>, { waitTargetMillis }: Pick<Plan, "waitTargetMillis">) => {
  const table: Array<Row> = []
  const add = (name: string, cell: (figures: Simulated["figures"]) => string) =>
    table.push({ name, cells: all.map(({ figures }) => cell(figures)) })
  for (const part of ["wait", "total"] as const) {
    for (const figure of ["mean", "p50", "p95", "p99"] as const) {
      add(`${part} ${figure}`, (figures) => time(figures[part][figure]))
    }
  }
  add(`seconds with a mean wait within ${time(waitTargetMillis)}`, (figures) => percent(figures.windowsWithinTarget))
  add("arrived", ({ arrived }) => count(arrived))
  for (const end of ["completed", "failed", "refused", "expired", "timedOut", "evicted", "interrupted"] as const) {
    if (end === "completed" || all.some(({ figures }) => figures[end] > 0)) {
      add(end === "timedOut" ? "timed out" : end, (figures) => count(figures[end]))
    }
  }
  if (all.some(({ figures }) => figures.shed > 0)) add("of them shed", ({ shed }) => count(shed))
  if (all.some(({ figures }) => figures.good !== undefined)) {
    add("answered in time", ({ good = 0 }) => count(good))
    add("answered in time, per second", ({ goodPerSecond = 0 }) => goodPerSecond.toFixed(1))
    add("work that came too late or failed", ({ wasted = 0 }) => percent(wasted))
  }
  for (const row of groupRows(all)) table.push(row)
  if (all.some(({ figures }) => figures.retries > 0)) add("retries", ({ retries }) => count(retries))
  add("peak backlog", ({ peakBacklog }) => count(peakBacklog))
  add("worker-seconds", ({ workerSeconds }) => count(workerSeconds))
  add("worker-seconds of the work itself", ({ leastWorkerSeconds }) => count(leastWorkerSeconds))
  if (all.some(({ figures }) => figures.timeToCapacity !== null)) {
    add("time to capacity after the step", ({ timeToCapacity }) =>
      timeToCapacity === null ? "-" : time(timeToCapacity)
    )
  }
  const isReally = (n: number) => all[n]!.policy === really
  const unlessReally = (name: string, value: (figures: Simulated["figures"]) => number) =>
    table.push({ name, cells: all.map(({ figures }, n) => (isReally(n) ? "-" : count(value(figures)))) })
  unlessReally("changes", ({ decisions }) => decisions.length)
  unlessReally("reversals", ({ reversals }) => reversals)
  return table as ReadonlyArray<Row>
}

/** So many keys are in the table; the JSON has ten. */
const mostKeys = 5

/** Whoever asked for keys or priorities has them here: those of the first policy, which are those of all. */
const groupRows = (all: ReadonlyArray<Simulated>): ReadonlyArray<Row> => {
  const [first] = all
  const row = (name: string, cell: (figures: Simulated["figures"]) => string): Row => ({
    name,
    cells: all.map(({ figures }) => cell(figures))
  })
  const ofPriority = (wanted: number) => (figures: Simulated["figures"]) =>
    waits(figures.byPriority?.find(({ priority }) => priority === wanted))
  const ofKey = (wanted: string | null) => (figures: Simulated["figures"]) =>
    waits(figures.byKey?.find(({ key }) => key === wanted))
  const { byKey = [], byPriority = [], fairness } = first?.figures ?? {}
  return [
    ...byPriority.map(({ priority }) => row(`wait p50, p99 of priority ${priority}`, ofPriority(priority))),
    ...byKey.slice(0, mostKeys).map(({ key }) => row(`wait p50, p99 of ${key ?? "all other keys"}`, ofKey(key))),
    ...(byKey.length > mostKeys && byKey.at(-1)!.key === null
      ? [row("wait p50, p99 of the keys beyond the first ten", ofKey(null))]
      : []),
    ...(fairness === undefined
      ? []
      : [
          row("keys", ({ keys = 0 }) => count(keys)),
          row("fairness among keys (1 is even)", ({ fairness = 1 }) => fairness.toFixed(4))
        ])
  ]
}

const waits = (group: { readonly waitP50: number; readonly waitP99: number } | undefined): string =>
  group === undefined ? "-" : `${time(group.waitP50)}, ${time(group.waitP99)}`

/** The same, rounded; nothing where there are none. */
const groupsOf = ({ byKey, byPriority, fairness }: Simulated["figures"]) => ({
  ...(byPriority === undefined
    ? {}
    : {
        byPriority: byPriority.map((group) => ({
          ...group,
          waitP50: round(group.waitP50),
          waitP99: round(group.waitP99)
        }))
      }),
  ...(byKey === undefined
    ? {}
    : {
        byKey: byKey.map((group) => ({
          ...group,
          serviceSeconds: round(group.serviceSeconds),
          waitP50: round(group.waitP50),
          waitP99: round(group.waitP99)
        })),
        fairness: Number(fairness!.toFixed(6))
      })
})

export const toTable = (all: ReadonlyArray<Simulated>, plan: Pick<Plan, "load" | "waitTargetMillis">): string => {
  const load = plan.load.map(([name, value]) => `${name} ${value}`).join(", ")
  return `${load}\n\n${figureTable([{ name: "", cells: all.map(({ policy }) => policy) }, ...rows(all, plan)])}`
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const round = (value: number): number => Math.round(value * 1000) / 1000

const rounded = <K extends string>(times: Readonly<Record<K, number>>) =>
  Object.fromEntries(Object.entries<number>(times).map(([name, value]) => [name, round(value)]))
