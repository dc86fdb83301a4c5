/** The part of ECharts that draws the page's charts, and how they look. */
import { LineChart } from "echarts/charts"
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components"
import { connect, type EChartsType, init, use } from "echarts/core"
import { CanvasRenderer } from "echarts/renderers"
import type { Point } from "../../http/points.ts"
import { clock, hoursAndMinutes } from "./format.ts"
import type { Colour } from "./palette.ts"

use([LineChart, GridComponent, TooltipComponent, AriaComponent, CanvasRenderer])

export interface Line {
  readonly name: string
  readonly colour: Colour
  readonly value: (point: Point) => number | undefined
  readonly dash?: "dashed" | "dotted"
  readonly width?: number
  /** Keeps its value until the next second. */
  readonly stepped?: boolean
  /** Lies on the one before, filled. */
  readonly stacked?: boolean
  readonly filled?: boolean
}

export interface Plot {
  readonly lines: ReadonlyArray<Line>
  readonly format: (value: number) => string
  /** What stands for no value. */
  readonly none: string
  /** The axis reaches at least so far: a chart of nothing is not a chart of noise. */
  readonly atLeast: number
  readonly isWhole?: boolean
}

/** Without a point for so long, a line is broken. */
const gapMillis = 3500

const group = "pool"
connect(group)

export const make = (element: HTMLElement): EChartsType => {
  const chart = init(element, undefined, { renderer: "canvas" })
  chart.group = group
  return chart
}

export interface View {
  readonly points: ReadonlyArray<Point>
  readonly from: number
  readonly until: number
  readonly colour: (name: Colour) => string
  readonly description: string
}

export const draw = (chart: EChartsType, plot: Plot, { colour, description, from, points, until }: View): void => {
  const label = { color: colour("faint"), fontSize: 11 }
  chart.setOption({
    animation: false,
    aria: { enabled: true, label: { description } },
    textStyle: { fontFamily: "system-ui, sans-serif" },
    grid: { left: 52, right: 16, top: 8, bottom: 22, outerBoundsMode: "none" },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour("card"),
      borderColor: colour("rule"),
      padding: 8,
      textStyle: { color: colour("strong"), fontSize: 12 },
      valueFormatter: (value: unknown) => (typeof value === "number" ? plot.format(value) : plot.none),
      axisPointer: { type: "line", lineStyle: { color: colour("faint"), type: "solid" } }
    },
    xAxis: {
      type: "time",
      min: from,
      max: until,
      splitNumber: 4,
      axisLabel: { ...label, formatter: hoursAndMinutesOrSeconds, hideOverlap: true },
      axisLine: { lineStyle: { color: colour("rule") } },
      axisTick: { lineStyle: { color: colour("rule") } },
      splitLine: { show: false },
      axisPointer: { label: { formatter: ({ value }: { value: unknown }) => clock(Number(value)) } }
    },
    yAxis: {
      type: "value",
      min: 0,
      max: ({ max }: { max: number }) => (max <= plot.atLeast ? plot.atLeast : null),
      splitNumber: 3,
      ...(plot.isWhole === true ? { minInterval: 1 } : {}),
      axisLabel: { ...label, formatter: plot.format },
      splitLine: { lineStyle: { color: colour("rule") } }
    },
    series: plot.lines.map((line, n) => seriesOf(line, n, plot.lines, points, colour))
  })
}

const hoursAndMinutesOrSeconds = (at: number): string => (at % 60_000 === 0 ? hoursAndMinutes(at) : clock(at))

const seriesOf = (
  { colour: name, dash, filled, name: title, stacked, stepped, value, width }: Line,
  n: number,
  lines: ReadonlyArray<Line>,
  points: ReadonlyArray<Point>,
  colour: (name: Colour) => string
) => {
  const drawn = colour(name)
  const below = lines.slice(0, n)
  const height: Line["value"] =
    stacked === true ? (point) => below.reduce((sum, line) => sum + (line.value(point) ?? 0), value(point) ?? 0) : value
  return {
    type: "line",
    name: title,
    symbol: "none",
    color: drawn,
    data: withGaps(points, height, value),
    encode: { x: 0, y: 1, tooltip: 2 },
    lineStyle: { color: drawn, width: stacked === true ? 0 : (width ?? 1.5), type: dash ?? "solid" },
    emphasis: { disabled: true },
    ...(stacked === true || stepped === true ? { step: "end" } : {}),
    // Each area reaches down to the axis, behind those below it: between two that only touch, the paper would shine through.
    ...(stacked === true ? { areaStyle: { color: drawn, opacity: 1 }, z: 2 + (lines.length - n) / 100 } : { z: 3 }),
    ...(filled === true ? { areaStyle: { color: drawn, opacity: 0.16 } } : {})
  }
}

/** When, how high, and the value itself. */
type Datum = readonly [number, number | null, number | null]
interface Alone {
  readonly value: Datum
  readonly symbol: "circle"
  readonly symbolSize: number
}

/** A value between two gaps would be a line of no length: it is drawn as a dot. */
const withGaps = (
  points: ReadonlyArray<Point>,
  height: Line["value"],
  value: Line["value"]
): ReadonlyArray<Datum | Alone> => {
  const data: Array<Datum> = []
  let before: Point | undefined
  for (const point of points) {
    if (before !== undefined && point.at - before.at > gapMillis) data.push([before.at + 1, null, null])
    data.push([point.at, height(point) ?? null, value(point) ?? null])
    before = point
  }
  return data.map((datum, n) =>
    datum[1] !== null && (data[n - 1]?.[1] ?? null) === null && (data[n + 1]?.[1] ?? null) === null
      ? { value: datum, symbol: "circle", symbolSize: 3 }
      : datum
  )
}
