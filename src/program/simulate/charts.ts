/** Draws lines over the time of a run, as SVG and without a browser. Colours of the text are those of the page. */
import { Effect } from "effect"
import type { Points } from "./series.ts"

export interface Line {
  readonly name: string
  readonly colour: string
  /** `"none"`: points, with no line through them. */
  readonly dash: "solid" | "dashed" | "dotted" | "none"
  /** Seconds and values; where the axis is another one, what that counts and values. */
  readonly points: Points
}

export interface Chart {
  readonly lines: ReadonlyArray<Line>
  /** Where the time ends: the same for pictures that stand above each other. */
  readonly untilSeconds: number
  /** What runs from left to right, if it is not the time. */
  readonly across?:
    | { readonly from: number; readonly until: number; readonly format: (value: number) => string }
    | undefined
  readonly scale: "linear" | "log"
  /** A horizontal line. */
  readonly mark?: number | undefined
  readonly format: (value: number) => string
}

export type Draw = (chart: Chart, size: { readonly width: number; readonly height: number }) => string

/** Loads what draws; that takes a moment, and only pictures need it. The same charts give the same text. */
export const load: Effect.Effect<Draw> = Effect.map(
  Effect.promise(() => import("./echarts.mts")),
  ({ init }) => {
    let drawn = 0
    return ({ across, format, lines, mark, scale, untilSeconds }, { height, width }) => {
      const chart = init(null, null, { renderer: "svg", ssr: true, width, height })
      const unit = untilSeconds > 10_800 ? hours : untilSeconds > 300 ? minutes : seconds
      chart.setOption({
        animation: false,
        textStyle: { fontFamily: "inherit" },
        grid: { left: 58, right: 14, top: 10, bottom: 28, outerBoundsMode: "none" },
        xAxis: {
          type: "value",
          min: across?.from ?? 0,
          max: across?.until ?? untilSeconds / unit.seconds,
          axisLabel: {
            color: ink,
            formatter: across?.format ?? ((value: number) => label(value, unit.name)),
            showMaxLabel: false
          },
          axisLine: { lineStyle: { color: rule } },
          axisTick: { lineStyle: { color: rule } },
          splitLine: { show: false }
        },
        yAxis: {
          type: scale === "log" ? "log" : "value",
          min: scale === "log" ? 1 : 0,
          splitNumber: 4,
          axisLabel: { color: ink, formatter: format },
          axisLine: { show: false },
          axisTick: { show: false },
          minorTick: { show: false },
          splitLine: { lineStyle: { color: rule } }
        },
        series: lines.map(({ colour, dash, name, points }, n) => ({
          type: "line",
          name,
          silent: true,
          showSymbol: dash === "none",
          symbol: "circle",
          symbolSize: 7,
          data: points.map(([at, value]) => [
            across === undefined ? at / unit.seconds : at,
            scale === "log" ? Math.max(1, value) : value
          ]),
          itemStyle: { color: colour },
          lineStyle: dash === "none" ? { width: 0 } : { color: colour, width: 1.6, type: dash },
          ...(n === 0 && mark !== undefined ? { markLine: markAt(mark) } : {})
        }))
      })
      const svg = chart.renderToSVGString({ useViewBox: true })
      // A chart that is not disposed of keeps the process.
      chart.dispose()
      return settled(svg, `chart${++drawn}`)
    }
  }
)

const ink = "var(--ink)"
const rule = "var(--rule)"

const seconds = { seconds: 1, name: "s" }
const minutes = { seconds: 60, name: "min" }
const hours = { seconds: 3600, name: "h" }

const label = (value: number, unit: string): string => `${Number(value.toFixed(2))} ${unit}`

const markAt = (value: number) => ({
  silent: true,
  symbol: "none",
  label: { show: false },
  lineStyle: { color: ink, type: [2, 4], width: 1 },
  data: [{ yAxis: value }]
})

/**
 * Takes out what a browser would need to make the picture live, and names that ECharts counts up within a process: they
 * would differ from one drawing to the next.
 */
const settled = (svg: string, prefix: string): string =>
  svg
    .replaceAll(/<style[^>]*>.*?<\/style>/gs, "")
    .replaceAll(/ (class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
    .replaceAll(/zr\d+-/g, `${prefix}-`)
    .replaceAll(/\n+/g, "\n")
    .trim()
