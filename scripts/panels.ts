/** Lines over time in panels below each other, drawn by ECharts without a browser. */
import * as echarts from "echarts"

export interface Line {
  readonly name: string
  readonly colour: string
  /** Drawn with gaps, for one that lies upon another. */
  readonly dashed?: boolean | undefined
  readonly points: ReadonlyArray<readonly [atSeconds: number, value: number]>
}

export interface Panel {
  readonly name: string
  readonly scale?: "log" | undefined
  /** Where its axis ends, unless that is drawn from the values. */
  readonly max?: number | undefined
  readonly lines: ReadonlyArray<Line>
}

const [left, top, height, gap] = [60, 76, 96, 34]

/** `untilSeconds` is where the time ends; those names of lines that are in `legend` are told above. */
export const drawPanels = (
  title: string,
  legend: ReadonlyArray<string>,
  untilSeconds: number,
  panels: ReadonlyArray<Panel>
): string => {
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: 860,
    height: 110 + panels.length * (height + gap)
  })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "system-ui, sans-serif" },
    title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
    legend: { top: 34, left: 12, itemGap: 22, data: [...legend] },
    grid: panels.map((_, n) => ({ left, right: 24, top: top + 18 + n * (height + gap), height })),
    xAxis: panels.map((_, n) => ({
      type: "value",
      gridIndex: n,
      max: untilSeconds,
      axisLabel: { show: n === panels.length - 1, formatter: "{value} s" },
      splitLine: { show: false }
    })),
    yAxis: panels.map(({ max, name, scale }, n) => ({
      type: scale ?? "value",
      name,
      ...(max === undefined ? {} : { max, interval: max / 4 }),
      nameTextStyle: { align: "left" },
      gridIndex: n,
      splitNumber: 3
    })),
    series: panels.flatMap(({ lines }, n) =>
      lines.map(({ colour, dashed, name, points }) => ({
        name,
        type: "line",
        xAxisIndex: n,
        yAxisIndex: n,
        showSymbol: false,
        lineStyle: { width: 1.5, color: colour, type: dashed ? "dashed" : "solid" },
        itemStyle: { color: colour },
        data: points.map(([at, value]) => [at, Number(value.toPrecision(4))])
      }))
    )
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}
