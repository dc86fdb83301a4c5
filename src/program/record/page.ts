/** What is in a recording, as a page of its own. The same recording gives the same bytes. */
import type { Stats, TypeStats } from "../../recording/stats.ts"
import { time } from "../output/numbers.ts"
import type { Draw, Line } from "../simulate/charts.ts"
import { escape, page, picture, table } from "../simulate/html.ts"
import { figures, notes, typeHead, typeRow } from "./table.ts"

export const toHtml = (stats: Stats, draw: Draw): string => {
  const seconds = stats.pointMillis / 1000
  const each = `mean of each ${seconds === 1 ? "second" : `${seconds} s`}`
  const untilSeconds = Math.max(1, ((stats.series.at(-1)?.fromMillis ?? 0) + stats.pointMillis) / 1000)
  const points = (value: (point: Stats["series"][number]) => number): Line["points"] =>
    stats.series.map((point) => [point.fromMillis / 1000, value(point)])
  const figure = (title: string, lines: ReadonlyArray<Line>) =>
    picture(title, each, 200, { lines, untilSeconds, scale: "linear", format: String }, draw)
  const refused = stats.series.some(({ refused }) => refused > 0)
  return page("worker-pool record stats", [
    "<h1>worker-pool record stats</h1>",
    table(
      ["", ""],
      figures(stats).map(([name, value]) => [name.trim(), value]),
      "figures"
    ),
    ...notes(stats).map((note) => `<p>${escape(note)}</p>`),
    "<h2>The load</h2>",
    figure(`Requests per second${refused ? "; dashed: refused" : ""}`, [
      line(
        "arrivals",
        "#2f7fc1",
        "solid",
        points(({ arrived }) => arrived / seconds)
      ),
      ...(refused
        ? [
            line(
              "refused",
              "#d9480f",
              "dashed",
              points(({ refused }) => refused / seconds)
            )
          ]
        : [])
    ]),
    figure("Attempts at once", [
      line(
        "attempts",
        "#2b9467",
        "solid",
        points(({ busy }) => busy)
      )
    ]),
    "<h2>By type</h2>",
    table(
      typeHead,
      stats.types.map((type) => [...typeRow(type)]),
      "figures"
    ),
    ...stats.types.flatMap(histogram)
  ])
}

const line = (name: string, colour: string, dash: Line["dash"], points: Line["points"]): Line => ({
  name,
  colour,
  dash,
  points
})

/** Bars as long as the most of them; each is told as a number too. */
const histogram = ({ attempts, histogram, type }: TypeStats): ReadonlyArray<string> => {
  if (attempts === 0) return []
  const most = Math.max(...histogram.map(({ attempts }) => attempts))
  const bars = histogram.map(({ attempts, untilMillis }, n) => {
    const width = ((300 * attempts) / most).toFixed(1)
    const y = 22 * n
    const label = `up to ${time(untilMillis)}`
    return (
      `<text x="118" y="${y + 15}" text-anchor="end" fill="var(--ink)">${escape(label)}</text>` +
      `<rect x="126" y="${y + 3}" width="${width}" height="16" fill="#2f7fc1"/>` +
      `<text x="${126 + Number(width) + 6}" y="${y + 15}" fill="var(--ink)">${attempts}</text>`
    )
  })
  const height = 22 * histogram.length
  const title = `How long attempts of ${type ?? "all other types"} take`
  return [
    `<figure><figcaption>${escape(title)}</figcaption>`,
    `<svg viewBox="0 0 520 ${height}" style="max-width: 40rem" font-size="12" role="img" aria-label="${escape(title)}">${bars.join("")}</svg>`,
    "</figure>"
  ]
}
