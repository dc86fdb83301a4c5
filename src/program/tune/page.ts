/** What a search came to, as a page of its own: figures, what each choice costs, the load under the chosen one. The same bytes each time. */
import type * as Tuning from "../../Tuning.ts"
import type { Draw, Line } from "../simulate/charts.ts"
import { escape, page, picture, table, terms } from "../simulate/html.ts"
import { colours, pictures } from "../simulate/page.ts"
import { rowsOf, sentencesOf, shownOf } from "./report.ts"
import type { Plan } from "./settings.ts"
import * as TuningText from "./texts.ts"

export const toHtml = (report: Tuning.Report, plan: Pick<Plan, "load" | "today">, draw: Draw): string =>
  page("worker-pool tune", [
    "<h1>worker-pool tune</h1>",
    terms(plan.load),
    "<h2>Settings</h2>",
    ...sentencesOf(report).map((text) => `<p>${escape(text)}</p>`),
    table(
      ["", ...shownOf(report).map(({ title }) => title)],
      rowsOf(report, plan).map(({ cells, name }) => [name, ...cells]),
      "figures"
    ),
    "<h2>Cost against targets</h2>",
    ...choices(report, draw),
    ...outlook(report, draw)
  ])

/** More of it than the target are no news. */
const mostExcess = 4

const choices = ({ cost, targets, tried, chosen, others, today }: Tuning.Report, draw: Draw): ReadonlyArray<string> => {
  const at = ({ score }: { readonly score: Tuning.Score }) =>
    [score.cost, Math.max(0.01, Math.min(mostExcess, score.excess))] as const
  const points = (name: string, colour: string, all: ReadonlyArray<{ readonly score: Tuning.Score }>): Line => ({
    name,
    colour,
    dash: "none",
    points: all.map(at)
  })
  const front = paretoOf(tried.map(at))
  const lines: ReadonlyArray<Line> = [
    points("tried", "var(--ink)", tried),
    { name: "front", colour: "var(--ink)", dash: "dotted", points: front },
    points("others", colours[1]!, others),
    points("today", colours[2]!, [today]),
    ...(chosen === undefined ? [] : [points("chosen", colours[0]!, [chosen])])
  ]
  const costs = lines.flatMap((line) => line.points.map(([x]) => x))
  const from = Math.floor(0.95 * Math.min(...costs))
  const until = Math.ceil(1.05 * Math.max(...costs))
  const what = cost === "peak" ? "workers at most" : "workers on average"
  const named = [
    ["tried on the seen part", "var(--ink)"],
    ["others on the unseen part", colours[1]!],
    ["today's", colours[2]!],
    ...(chosen === undefined ? [] : [["chosen", colours[0]!]])
  ].map(
    ([name, colour]) =>
      `<li><svg viewBox="0 0 32 11" aria-hidden="true"><circle cx="16" cy="5.5" r="5" fill="${colour}"/></svg>${escape(name!)}</li>`
  )
  return [
    `<p>From left to right the ${what}; upwards how near the worst of ${escape(targets.map(({ text }) => text).join(", "))} is to its bound, which is 1: below it every target is kept. The dotted line joins those that nothing beats in both.</p>`,
    `<ul class="legend">${named.join("")}</ul>`,
    picture(
      "Cost against targets",
      `${what}, and the share of the bound, at most ${mostExcess}`,
      300,
      {
        lines,
        untilSeconds: 0,
        across: { from, until, format: (value) => TuningText.figure(value) },
        scale: "linear",
        mark: 1,
        format: (value) => TuningText.figure(value)
      },
      draw
    )
  ]
}

/** Those of which none is both cheaper and nearer, from left to right. */
const paretoOf = (points: ReadonlyArray<readonly [number, number]>): ReadonlyArray<readonly [number, number]> => {
  const front: Array<readonly [number, number]> = []
  for (const point of points.toSorted(([a, x], [b, y]) => a - b || x - y)) {
    if (front.length === 0 || point[1] < front.at(-1)![1]) front.push(point)
  }
  return front
}

const outlook = ({ chosen, outlook, targets, today }: Tuning.Report, draw: Draw): ReadonlyArray<string> => {
  if (outlook === undefined) return []
  const name = chosen === undefined ? "nearest" : "chosen"
  const isToday = chosen === today
  const wait = targets.find(({ measure }) => measure.kind === "time")?.bound ?? 100
  const both = (of: "load" | "doubled") => [
    { policy: name, figures: outlook.best[of] },
    ...(isToday ? [] : [{ policy: "today's", figures: outlook.today[of] }])
  ]
  const scores = (of: "load" | "doubled") => [outlook.best[of].score, ...(isToday ? [] : [outlook.today[of].score])]
  const all = [...scores("load"), ...scores("doubled")]
  const names = both("load").map(({ policy }) => policy)
  return [
    "<h2>The load</h2>",
    ...pictures(both("load"), wait, draw),
    "<h2>Twice the load</h2>",
    table(
      ["", ...names, ...names.map((name) => `${name}, twice the load`)],
      [
        ["workers on average", ...all.map(({ meanWorkers }) => TuningText.figure(meanWorkers))],
        ["workers at most", ...all.map(({ peakWorkers }) => TuningText.figure(peakWorkers))],
        ...targets.map((target, n) => [target.text, ...all.map(({ values }) => TuningText.valueOf(target, values[n]))])
      ],
      "figures"
    ),
    ...pictures(both("doubled"), wait, draw)
  ]
}
