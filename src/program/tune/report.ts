/** What a search came to: for people as a table with a column for each choice, for programs as one JSON object. */
import * as Tuning from "../../Tuning.ts"
import { figureTable, type Row } from "../output/columns.ts"
import { count } from "../output/numbers.ts"
import type { Plan } from "./settings.ts"
import { figure, valueOf } from "./texts.ts"

/** The chosen or the nearest one, today's, and the next best. */
export const shownOf = ({
  chosen,
  others,
  today
}: Tuning.Report): ReadonlyArray<{ readonly title: string; readonly judged: Tuning.Judged }> => {
  const rest = others.filter((one) => one !== chosen)
  const [nearest, ...further] = chosen === undefined ? rest : [undefined, ...rest]
  return [
    ...(chosen === undefined ? [] : [{ title: chosen === today ? "today's, and chosen" : "chosen", judged: chosen }]),
    ...(nearest === undefined ? [] : [{ title: "nearest", judged: nearest }]),
    ...(chosen === today ? [] : [{ title: "today's", judged: today }]),
    ...further.slice(0, 2).map((judged) => ({ title: "next best", judged: judged! }))
  ]
}

export const rowsOf = (report: Tuning.Report, { today }: Pick<Plan, "today">): ReadonlyArray<Row> => {
  const all = shownOf(report)
  const row = (name: string, cell: (judged: Tuning.Judged) => string): Row => ({
    name,
    cells: all.map(({ judged }) => cell(judged))
  })
  const tuned = (name: string, of: (settings: Tuning.Settings) => string, byDefault: string) =>
    row(name, ({ settings }) => (settings === "today" ? String(today[name] ?? byDefault) : of(settings)))
  const seconds = report.durationMillis / 1000
  const rows = [
    tuned("policy", ({ policy }) => Tuning.policyText(policy), "adaptive"),
    tuned("minWorkers", ({ minWorkers }) => String(minWorkers), "1"),
    tuned("maxWorkers", ({ maxWorkers }) => String(maxWorkers), "64"),
    tuned("capacity", ({ capacity }) => String(capacity), "10000"),
    tuned("scalingInterval", ({ scalingIntervalMillis }) => Tuning.millisText(scalingIntervalMillis), "1 s"),
    tuned("aging", ({ agingMillis }) => (agingMillis === undefined ? "" : Tuning.millisText(agingMillis)), ""),
    tuned("at once of a key", ({ keyConcurrency }) => String(keyConcurrency ?? ""), ""),
    row("workers on average", ({ score }) => figure(score.meanWorkers)),
    row("workers at most", ({ score }) => figure(score.peakWorkers)),
    row("worker-seconds of the load", ({ score }) => count(score.meanWorkers * seconds)),
    row(report.cost === "peak" ? "cost: workers at most" : "cost: workers on average", ({ cost }) =>
      interval(cost, figure)
    ),
    ...report.targets.map((target, n) =>
      row(target.text, ({ values }) => {
        const value = values[n]
        return value === undefined ? "-" : interval(value, (value) => Tuning.shown(target, value))
      })
    ),
    row("every target kept", ({ score, whole }) =>
      score.excess > 1 ? "no" : whole !== undefined && whole.excess > 1 ? "not on all of it" : "yes"
    ),
    row("kept in each draw", ({ keptIn }) => `${keptIn} of ${report.draws}`)
  ]
  return rows.filter(({ cells }) => cells.some((cell) => cell !== ""))
}

/** `172 ms (161 ms to 183 ms)` */
const interval = ({ high, low, mean }: Tuning.Interval, of: (value: number) => string): string =>
  high === low ? of(mean) : `${of(mean)} (${of(Math.max(0, low))} to ${of(high)})`

/** What it says, in sentences. */
export const sentencesOf = (report: Tuning.Report): ReadonlyArray<string> => {
  const { chosen, choices, draws, isRecorded, obstacles, simulated, stopped, today, unseen } = report
  const seconds = ({ fromMillis, toMillis }: Tuning.Span) => `${fromMillis / 1000} s to ${toMillis / 1000} s`
  const judged = isRecorded
    ? `Judged on what the search did not see: ${unseen.map(seconds).join(", ")} of the recording, once as it was and ${draws - 1} times with attempts drawn anew.`
    : `Judged on what the search did not see: ${draws} other draws of the load.`
  const tried = `${count(choices)} choices were tried in ${count(simulated)} simulated requests, until ${stopped}.`
  const shown = chosen ?? report.others[0]
  const all =
    shown?.whole === undefined
      ? []
      : [
          `On all of the recording, as it was, ${chosen === undefined ? "the nearest come" : "the chosen settings come"} to ${report.targets.map((target, n) => `${target.text}: ${valueOf(target, shown.whole!.values[n])}`).join(", ")}.`
        ]
  const sure = ["Behind a value is the 95 % interval of its mean, from draw to draw.", ...thinOf(report)]
  if (chosen === undefined) {
    return [
      "Nothing that was tried keeps every target. In the way:",
      ...obstacles.map((text) => `  ${text}`),
      judged,
      ...all,
      tried,
      ...sure
    ]
  }
  const saved = 1 - chosen.score.cost / today.score.cost
  const against = today.score.excess <= 1 ? "which keep every target too" : "which do not keep every target"
  const cost = report.cost === "peak" ? "workers at most" : "worker-seconds"
  const answer =
    chosen === today
      ? "Today's settings are the cheapest that keep every target."
      : `The chosen settings take ${Math.abs(100 * saved).toFixed(0)} % ${saved >= 0 ? "fewer" : "more"} ${cost} than today's, ${against}.`
  return [answer, judged, ...all, tried, ...sure]
}

/** So many requests beyond a quantile make it more than the chance of a few. */
const enough = 10

/** What is judged on few requests, or on none. */
const thinOf = ({ draws, targets, today }: Tuning.Report): ReadonlyArray<string> =>
  targets.flatMap(({ measure, text }, n) => {
    const requests = today.score.counts[n]! / draws
    if (requests === 0) return [`${text}: what the search did not see has no such request, and does not judge it.`]
    if (measure.kind === "share" || measure.quantile === "mean") return []
    return requests * (1 - measure.quantile) >= enough
      ? []
      : [`${text}: a draw has ${count(requests)} such requests, too few to be sure of this quantile.`]
  })

export const toTable = (report: Tuning.Report, plan: Pick<Plan, "load" | "today">): string => {
  const load = plan.load.map(([name, value]) => `${name} ${value}`).join(", ")
  const titles = { name: "", cells: shownOf(report).map(({ title }) => title) }
  const table = figureTable([titles, ...rowsOf(report, plan)])
  return `${load}\n\n${table}\n${sentencesOf(report).join("\n")}\n`
}

export const toJson = (report: Tuning.Report): string => {
  const { chosen, others, targets, today, tried, ...rest } = report
  const judged = ({ cost, keptIn, score, settings, values, whole }: Tuning.Judged) => ({
    settings: settingsJson(settings),
    keeps: score.excess <= 1 && (whole?.excess ?? 0) <= 1,
    keptIn,
    workers: round(score.meanWorkers),
    peakWorkers: round(score.peakWorkers),
    ...(whole === undefined ? {} : { whole: targets.map((_, n) => round(whole.values[n])) }),
    cost: rounded(cost),
    targets: targets.map(({ text }, n) => {
      const interval = values[n]
      return {
        target: text,
        value: round(score.values[n]),
        interval: interval === undefined ? null : rounded(interval)
      }
    })
  })
  return `${JSON.stringify({
    ...rest,
    demand: {
      requests: rest.demand.requests,
      perSecond: round(rest.demand.perSecond),
      busyMean: round(rest.demand.busyMean),
      busyMost: rest.demand.busyMost
    },
    targets: targets.map(({ text }) => text),
    chosen: chosen === undefined ? null : judged(chosen),
    today: judged(today),
    others: others.map(judged),
    tried: tried.map(({ score, settings }) => ({
      settings: settingsJson(settings),
      cost: round(score.cost),
      excess: round(score.excess),
      values: targets.map((_, n) => round(score.values[n]))
    }))
  })}\n`
}

const settingsJson = (settings: Tuning.Settings | "today") =>
  settings === "today" ? settings : { ...settings, policy: Tuning.policyText(settings.policy) }

const round = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : Math.round(value * 1e6) / 1e6
const rounded = ({ high, low, mean }: Tuning.Interval) => ({ mean: round(mean), low: round(low), high: round(high) })
