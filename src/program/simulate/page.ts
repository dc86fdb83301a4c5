/** What simulations came to, as a page of its own: figures, pictures and reasons. The same run gives the same bytes. */
import type * as Simulation from "../../Simulation.ts"
import { time } from "../output/numbers.ts"
import type { Chart, Draw, Line } from "./charts.ts"
import { escape, page, picture, table, terms } from "./html.ts"
import { type Points, type Series, secondsPerPoint, seriesOf } from "./series.ts"
import type { Simulated } from "./simulate.ts"
import { rows } from "./report.ts"
import type { Plan } from "./settings.ts"

export const toHtml = (
  all: ReadonlyArray<Simulated>,
  plan: Pick<Plan, "load" | "waitTargetMillis">,
  draw: Draw
): string =>
  page("worker-pool simulate", [
    "<h1>worker-pool simulate</h1>",
    terms(plan.load),
    "<h2>Figures</h2>",
    table(
      ["", ...all.map(({ policy }) => policy)],
      rows(all, plan).map(({ cells, name }) => [name, ...cells]),
      "figures"
    ),
    "<h2>The run</h2>",
    ...pictures(all, plan.waitTargetMillis, draw),
    "<h2>Decisions</h2>",
    ...all.flatMap(({ figures, policy }) => decisions(policy, figures.decisions))
  ])

/** Each can be told from the others on white and on black, and by most who cannot tell red from green. */
export const colours = ["#d9480f", "#2f7fc1", "#2b9467", "#9b6dd0", "#b8860b", "#d6558b", "#7a7f87", "#159aa8"]
const dashes = ["solid", "dashed", "dotted"] as const

const styleOf = (n: number) => ({
  colour: colours[n % colours.length]!,
  // Only when the colours begin again.
  dash: dashes[Math.floor(n / colours.length) % dashes.length]!
})

/** What the pictures show of a run. */
interface Drawable {
  readonly policy: string
  readonly figures: { readonly windows: ReadonlyArray<Simulation.Window> }
}

export const pictures = (all: ReadonlyArray<Drawable>, waitTargetMillis: number, draw: Draw): ReadonlyArray<string> => {
  const longest = all.map(({ figures }) => figures.windows).reduce((a, b) => (b.length > a.length ? b : a))
  const secondsEach = secondsPerPoint(longest.length)
  const untilSeconds = (longest.at(-1)?.fromMillis ?? 0) / 1000
  const each = secondsEach === 1 ? "of each second" : `of each ${secondsEach} s`
  const series = all.map(({ figures }) => seriesOf(figures.windows, secondsEach))
  const lines = (pick: (series: Series) => Points): ReadonlyArray<Line> =>
    all.map(({ policy }, n) => ({ name: policy, ...styleOf(n), points: pick(series[n]!) }))
  const figure = (
    title: string,
    remark: string,
    height: number,
    lines: ReadonlyArray<Line>,
    chart: Partial<Chart> = {}
  ) => picture(title, remark, height, { lines, untilSeconds, scale: "linear", format: short, ...chart }, draw)
  const highest = Math.max(...series.flatMap(({ waitP95 }) => waitP95.map(([, value]) => value)))
  const target = `${highest < waitTargetMillis ? "all below" : "the dots are"} the target of ${time(waitTargetMillis)}`
  const isLog = highest > 10 * waitTargetMillis
  const arrivals = [
    { name: "arrivals", colour: "var(--ink)", dash: "solid" as const, points: seriesOf(longest, secondsEach).arrived }
  ]
  return [
    legend(all),
    figure("Arrivals per second", `mean ${each}`, 150, arrivals),
    figure(
      "Workers",
      `mean ${each}`,
      240,
      lines(({ workers }) => workers)
    ),
    figure(
      "Backlog",
      `the highest ${each}`,
      200,
      lines(({ backlog }) => backlog)
    ),
    figure(
      "Wait, 95th percentile",
      [`${secondsEach === 1 ? "" : "mean "}${each}`, target, ...(isLog ? ["logarithmic, from 1 ms"] : [])].join("; "),
      220,
      lines(({ waitP95 }) => waitP95),
      { scale: isLog ? "log" : "linear", mark: waitTargetMillis, format: axisTime }
    ),
    ...(series.some(({ good }) => good.length > 0)
      ? [
          figure(
            "Answered in time, per second",
            `mean ${each}`,
            200,
            lines(({ good }) => good)
          )
        ]
      : [])
  ]
}

const legend = (all: ReadonlyArray<Drawable>): string => {
  const entries = all.map(({ policy }, n) => {
    const { colour, dash } = styleOf(n)
    const pattern = { solid: "", dashed: ' stroke-dasharray="8 4"', dotted: ' stroke-dasharray="2 3"' }[dash]
    const line = `<svg viewBox="0 0 32 11" aria-hidden="true"><path d="M0 5.5H32" stroke="${colour}" stroke-width="3"${pattern}/></svg>`
    return `<li>${line}${escape(policy)}</li>`
  })
  return `<ul class="legend">${entries.join("")}</ul>`
}

/** More rows than this make a page that no browser likes; `--json` has all. */
const rowLimit = 2000
/** Nobody reads more on paper. */
const printLimit = 25

const decisions = (policy: string, all: ReadonlyArray<Simulation.Decision>): ReadonlyArray<string> => {
  const title = `${policy}: ${all.length === 1 ? "1 change" : `${all.length} changes`}`
  if (all.length === 0) return [`<p>${escape(title)}</p>`]
  const first = (limit: number) => {
    const more = all.length - limit
    const head = ["at", "workers", "wanted", "held back by", "because"]
    const rest = more > 0 ? [`<p>and ${more} more; the JSON has all of them</p>`] : []
    return [table(head, all.slice(0, limit).map(decisionRow), "decisions"), ...rest]
  }
  return [
    `<details><summary>${escape(title)}</summary>`,
    ...first(rowLimit),
    "</details>",
    // A page without a script cannot open what is folded when it is printed.
    `<div class="printed"><p>${escape(title)}</p>`,
    ...first(printLimit),
    "</div>"
  ]
}

const decisionRow = ({ after, atMillis, before, heldBack, reason, wanted }: Simulation.Decision) => [
  `${Number((atMillis / 1000).toFixed(3))} s`,
  `${before} → ${after}`,
  String(wanted),
  heldBack ?? "",
  reason
]

/** `100 ms` or `100 s`, as short as there is room for. */
const axisTime = (millis: number): string => (millis < 1000 ? `${millis} ms` : `${short(millis / 1000)} s`)

/** `1.5k` */
const short = (value: number): string =>
  value >= 1e6
    ? `${Number((value / 1e6).toPrecision(3))}M`
    : value >= 1e4
      ? `${Number((value / 1e3).toPrecision(3))}k`
      : String(value)
