/** The picture of a load and of what policies make of it, drawn by ECharts without a browser. */
import * as echarts from "echarts"
import type { Figures, Window } from "../../src/Simulation.ts"

const colours = ["#d9480f", "#1c6fb0", "#2b8a5b"]
const arrivalsColour = "#868e96"

interface Panel {
  readonly name: string
  readonly pick: (window: Window) => number
  /** What is the same for all policies is drawn once. */
  readonly once?: boolean
  readonly scale?: "log"
}

const panels: ReadonlyArray<Panel> = [
  { name: "arrivals/s", pick: ({ arrived }) => arrived, once: true },
  { name: "workers", pick: ({ workers }) => workers },
  { name: "mean wait, ms", pick: ({ waitMean }) => Math.max(1, waitMean), scale: "log" }
]
const [left, top, height, gap] = [60, 76, 96, 34]

export const draw = (title: string, runs: ReadonlyArray<Figures>): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 860, height: 500 })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "system-ui, sans-serif" },
    title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
    legend: { top: 34, left: 12, itemGap: 22, data: runs.map(({ policy }) => policy) },
    grid: panels.map((_, n) => ({ left, right: 24, top: top + 18 + n * (height + gap), height })),
    xAxis: panels.map((_, n) => ({
      type: "value",
      gridIndex: n,
      max: Math.max(...runs.map(({ windows }) => windows.length)),
      axisLabel: { show: n === panels.length - 1, formatter: "{value} s" },
      splitLine: { show: false }
    })),
    yAxis: panels.map(({ name, scale }, n) => ({
      type: scale ?? "value",
      name,
      nameTextStyle: { align: "left" },
      gridIndex: n,
      splitNumber: 3
    })),
    series: panels.flatMap(({ once = false, pick }, n) =>
      (once ? runs.slice(0, 1) : runs).map((run, which) => ({
        name: once ? panels[n]!.name : run.policy,
        type: "line",
        xAxisIndex: n,
        yAxisIndex: n,
        showSymbol: false,
        lineStyle: { width: 1.5, color: once ? arrivalsColour : colours[which]! },
        itemStyle: { color: once ? arrivalsColour : colours[which]! },
        data: run.windows.map((window) => [window.fromMillis / 1000, Number(pick(window).toPrecision(4))])
      }))
    )
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}
