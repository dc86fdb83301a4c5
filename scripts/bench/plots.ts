/** The pictures of a run, drawn by ECharts without a browser. */
import * as echarts from "echarts"
import type { Kept } from "./kept.ts"
import { nameOf, ours, oursByPromise, oursOnStore, oursOnThreads, type Result } from "./results.ts"

/** Each implementation keeps its colour in all pictures; this pool's stands out. */
const colours: Readonly<Record<string, string>> = {
  [ours]: "#d9480f",
  [oursByPromise]: "#b5179e",
  [oursOnThreads]: "#d9480f",
  "effect-worker-pool-processes": "#f0a875",
  "effect-worker-pool-at-once": "#8f2d07",
  "effect-worker-pool-functions": "#b5179e",
  [oursOnStore]: "#d9480f",
  "pg-boss-batches": "#5aa0d6",
  "pg-boss-work": "#1c6fb0",
  bullmq: "#2b8a5b",
  piscina: "#5aa0d6",
  "piscina-signal": "#1c6fb0",
  "piscina-spare": "#0b3d66",
  "effect-idiomatic": "#f0a875",
  "p-queue": "#1c6fb0",
  "p-limit": "#5aa0d6",
  "fastq-promise": "#2b8a5b",
  fastq: "#7fc29b",
  async: "#8a6fb5",
  "p-queue-stacked": "#0b3d66",
  "p-limit-stacked": "#8cc4ec",
  "fastq-promise-stacked": "#1a6b43",
  "async-stacked": "#5d4785",
  go: "#7a7f87"
}

export interface Plot {
  readonly file: string
  readonly title: string
  readonly svg: string
}

type Pick = (result: Result) => number | undefined

export const plots = (kept: Kept): ReadonlyArray<Plot> => {
  const all = kept.flatMap(({ results }) => results).filter((result): result is Result => "rate" in result)
  // Callers without a fiber have a table of their own.
  const impls = [...new Set(all.map(({ impl }) => impl))].filter((impl) => !impl.startsWith(`${ours}-ask`))
  const find = (name: string, impl: string) => all.find((result) => result.case === name && result.impl === impl)

  const bars = (file: string, title: string, unit: string, cases: Readonly<Record<string, string>>, pick: Pick) => {
    const names = Object.keys(cases).filter((name) => all.some((result) => result.case === name))
    const series = impls.flatMap((impl) => {
      const data = names.map((name) => {
        const result = find(name, impl)
        const value = result === undefined ? undefined : pick(result)
        return value === undefined ? null : round(value)
      })
      return data.every((value) => value === null) ? [] : [bar(impl, data)]
    })
    return draw(file, title, {
      xAxis: { type: "category", data: names.map((name) => cases[name]!), axisLabel: { interval: 0 } },
      yAxis: { type: "value", name: unit, nameTextStyle: { align: "left" } },
      series
    })
  }

  const lines = (file: string, title: string, family: string, what: string) => {
    const sizes = [
      ...new Set(all.filter(({ case: name }) => name.startsWith(`${family}-`)).map(({ case: name }) => name))
    ]
    const series = impls.flatMap((impl) => {
      const data = sizes.flatMap((name) => {
        const result = find(name, impl)
        return result === undefined ? [] : [[Number(name.split("-").at(-1)), round(result.cpuMicros)]]
      })
      return data.length === 0 ? [] : [line(impl, data)]
    })
    return draw(file, title, {
      xAxis: { type: "log", name: what, nameLocation: "middle", nameGap: 28 },
      yAxis: { type: "value", name: "CPU µs per request", nameTextStyle: { align: "left" } },
      series
    })
  }

  return [
    bars(
      "cpu.svg",
      "Processor time per request (less is better)",
      "µs",
      {
        W1: "no-op",
        W1a: "suspends",
        W3a: "suspends,\n10 ms timeout",
        W4: "10 % retried",
        W6: "no-op,\nall on",
        W6a: "suspends,\nall on"
      },
      ({ cpuMicros }) => cpuMicros
    ),
    bars(
      "rate.svg",
      "Requests per second (more is better)",
      "thousands",
      {
        W1: "no-op",
        W1p: "no-op,\nstream",
        W1a: "suspends",
        W1ap: "suspends,\nstream",
        W3a: "10 ms timeout",
        W6a: "all on"
      },
      // The callback queue runs a no-op within the call that asks for it: on this scale it would hide the others.
      ({ impl, rate }) => (impl === "fastq" || (impl === "go" && rate > 3e6) ? undefined : rate / 1_000)
    ),
    bars(
      "memory.svg",
      "Heap of one waiting request (less is better)",
      "bytes",
      { W5: "a waiting caller", W5t: "a ticket" },
      ({ figures }) => figures["bytesEach"]
    ),
    bars(
      "overload.svg",
      "Tasks that run at once under twice the load, with 64 slots",
      "tasks",
      { W7: "tasks that cannot hear of their timeout", W7s: "tasks that get a signal" },
      ({ figures }) => figures["maxBodies"]
    ),
    bars(
      "threads.svg",
      "Rate on two threads, where that of piscina with a signal for each call is 1 (more is better)",
      "times",
      {
        T1: "no-op,\none at a time",
        T2: "no-op,\n64 callers",
        "T3-1": "1 ms of\ncomputing",
        "T3-10": "10 ms of\ncomputing",
        "T4-1": "1 MB\ncopied",
        "T4-16": "16 MB\ncopied",
        "T4m-1": "1 MB\nmoved",
        T5: "from a deadline\nto two free slots"
      },
      // Those that are measured at kills alone would hide the others on this scale: see the tables.
      ({ case: name, impl, rate }) => {
        const signal = find(name, "piscina-signal")
        const isElsewhere = find("T1", impl) !== undefined
        return signal === undefined || !isElsewhere ? undefined : rate / signal.rate
      }
    ),
    bars(
      "durable.svg",
      "On a store: requests per second, from three processes on two cores (more is better)",
      "thousands",
      {
        D1: "10,000 waiting,\nto the last outcome",
        "D2-64": "stored,\n64 callers",
        "D2-1000": "stored,\n1,000 callers"
      },
      ({ rate }) => rate / 1_000
    ),
    lines("workers.svg", "Cost as workers grow", "W9-workers", "workers"),
    lines("waiting.svg", "Cost as waiting callers grow", "W9-waiting", "waiting callers"),
    lines("waiting-stream.svg", "Cost as waiting requests of a stream grow", "W9p-waiting", "waiting requests")
  ]
}

const round = (value: number): number => Number(value.toPrecision(4))

const bar = (impl: string, data: ReadonlyArray<number | null>) => ({
  name: nameOf(impl),
  type: "bar" as const,
  data: [...data],
  itemStyle: { color: colours[impl] ?? "#999" }
})

const line = (impl: string, data: ReadonlyArray<ReadonlyArray<number>>) => ({
  name: nameOf(impl),
  type: "line" as const,
  data: data.map((point) => [...point]),
  symbolSize: impl === ours ? 8 : 5,
  lineStyle: { width: impl === ours ? 3 : 1.5, color: colours[impl] ?? "#999" },
  itemStyle: { color: colours[impl] ?? "#999" }
})

const draw = (file: string, title: string, option: echarts.EChartsCoreOption): Plot => {
  // The legend of more than eight takes two lines.
  const more = (option["series"] as ReadonlyArray<unknown>).length > 8 ? 34 : 0
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 860, height: 380 + more })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "system-ui, sans-serif" },
    title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
    legend: { top: 36, left: 12, right: 12, itemGap: 22, itemHeight: 10, itemWidth: 18 },
    grid: { left: 60, right: 24, top: 100 + more, bottom: 48 },
    ...option
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return { file, title, svg: `${svg}\n` }
}
