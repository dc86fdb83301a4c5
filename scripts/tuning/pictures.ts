/** The pictures of a real case: what choices cost against how long requests wait, and the load under two settings. */
import * as echarts from "echarts"
import type { Figures } from "../../src/Simulation.ts"
import { drawPanels } from "../panels.ts"

const [recommended, before, grey] = ["#1c6fb0", "#d9480f", "#868e96"]

/** Workers on average, and the wait in milliseconds. */
type Point = readonly [workers: number, waitMillis: number]

export interface Costs {
  readonly tried: ReadonlyArray<Point>
  readonly today: Point
  readonly chosen: Point | undefined
  readonly boundMillis: number
}

export const drawCosts = (title: string, what: string, { boundMillis, chosen, today, tried }: Costs): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 860, height: 380 })
  const most = 5 * boundMillis
  const points = (name: string, colour: string, symbolSize: number, all: ReadonlyArray<Point>) => ({
    name,
    type: "scatter",
    symbolSize,
    itemStyle: { color: colour },
    data: all.map(([workers, wait]) => [
      Number(workers.toPrecision(4)),
      Number(Math.min(most, Math.max(1, wait)).toPrecision(4))
    ])
  })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "system-ui, sans-serif" },
    title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
    legend: { top: 34, left: 12, itemGap: 22 },
    grid: { left: 60, right: 24, top: 90, bottom: 46 },
    xAxis: { type: "value", scale: true, name: "workers on average", nameLocation: "middle", nameGap: 28 },
    yAxis: { type: "log", name: `${what}, ms`, min: 1, max: most, nameTextStyle: { align: "left" } },
    series: [
      {
        ...points("tried", grey!, 7, tried),
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          lineStyle: { color: "#495057", type: "dotted" },
          data: [{ yAxis: boundMillis }]
        }
      },
      points("today's", before!, 12, [today]),
      ...(chosen === undefined ? [] : [points("recommended", recommended!, 12, [chosen])])
    ]
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

/** What really was: the load under today's settings, and under the recommended ones. */
export const drawLoads = (title: string, today: Figures, tuned: Figures): string => {
  const both = [
    { name: "today's", colour: before!, windows: today.windows },
    { name: "recommended", colour: recommended!, windows: tuned.windows }
  ]
  const lines = (pick: (window: Figures["windows"][number]) => number) =>
    both.map(({ colour, name, windows }) => ({
      name,
      colour,
      points: windows.map((window) => [window.fromMillis / 1000, pick(window)] as const)
    }))
  return drawPanels(
    title,
    ["today's", "recommended"],
    10 * Math.ceil(Math.max(...both.map(({ windows }) => windows.length)) / 10),
    [
      { name: "arrivals/s", lines: lines(({ arrived }) => arrived) },
      { name: "workers", lines: lines(({ workers }) => workers) },
      { name: "mean wait, ms", scale: "log", lines: lines(({ waitMean }) => Math.max(1, waitMean)) }
    ]
  )
}
