/** The last minutes as charts. */
import { useSignal, useSignalEffect } from "@preact/signals"
import type { EChartsType } from "echarts/core"
import { useEffect, useRef } from "preact/hooks"
import type { Point } from "../../http/points.ts"
import { count, millis, rate } from "./format.ts"
import { palette } from "./palette.ts"
import { draw, type Line, make, type Plot } from "./plot.ts"
import { latest, points } from "./state.ts"
import { shownMinutes, Spans } from "./spans.tsx"
import { holdsBack } from "./turns.ts"

const latency = (of: "waited" | "ran"): ReadonlyArray<Line> => [
  { name: "99 %", colour: "p99", value: (point) => point[of]?.p99, dash: "dotted" },
  { name: "95 %", colour: "p95", value: (point) => point[of]?.p95 },
  { name: "half", colour: "p50", value: (point) => point[of]?.p50, width: 2.25 }
]

interface Titled extends Plot {
  readonly title: string
  readonly remark: string
  readonly isWide?: boolean
}

const plots: ReadonlyArray<Titled> = [
  {
    title: "Workers",
    remark: "and how many the policy wants",
    isWide: true,
    format: count,
    none: "0",
    atLeast: 6,
    isWhole: true,
    lines: [
      { name: "stuck", colour: "stuck", value: ({ workers }) => workers.stuck, stacked: true },
      { name: "busy", colour: "busy", value: ({ workers }) => workers.running, stacked: true },
      { name: "finishing", colour: "ending", value: ({ workers }) => workers.ending, stacked: true },
      { name: "idle", colour: "idle", value: ({ workers }) => workers.idle, stacked: true },
      { name: "wanted", colour: "strong", value: ({ workers }) => workers.target, dash: "dashed", stepped: true }
    ]
  },
  {
    title: "Requests ended",
    remark: "per second",
    format: rate,
    none: "0",
    atLeast: 6,
    lines: [
      { name: "succeeded", colour: "good", value: ({ rates }) => rates.succeeded, filled: true },
      { name: "failed", colour: "bad", value: ({ rates }) => rates.failed },
      { name: "too late", colour: "late", value: ({ rates }) => rates.timedOut + rates.expired, dash: "dotted" },
      { name: "refused", colour: "refused", value: ({ rates }) => rates.refused, dash: "dashed" }
    ]
  },
  {
    title: "Requests waiting",
    remark: "for a worker",
    format: count,
    none: "0",
    atLeast: 6,
    isWhole: true,
    lines: [
      { name: "waiting", colour: "busy", value: ({ waiting }) => waiting, filled: true },
      { name: "for a retry", colour: "refused", value: ({ delayed, scheduled }) => delayed - scheduled, dash: "dashed" }
    ]
  },
  {
    title: "Time spent waiting",
    remark: "of requests ended",
    format: millis,
    none: "–",
    atLeast: 15,
    lines: latency("waited")
  },
  {
    title: "Time spent running",
    remark: "of requests ended",
    format: millis,
    none: "–",
    atLeast: 15,
    lines: latency("ran")
  }
]

/** In place of those that wait, where some of them may wait for more than a worker. */
const withHeldBack: Titled = {
  ...plots.find(({ title }) => title === "Requests waiting")!,
  remark: "free to start, or held back",
  lines: [
    { name: "held back", colour: "late", value: ({ heldBack }) => heldBack, stacked: true },
    { name: "free", colour: "busy", value: ({ heldBack, waiting }) => waiting - heldBack, stacked: true },
    { name: "for a retry", colour: "refused", value: ({ delayed, scheduled }) => delayed - scheduled, dash: "dashed" }
  ]
}

const plotsNow = (): ReadonlyArray<Titled> =>
  holdsBack.value ? plots.map((plot) => (plot.title === withHeldBack.title ? withHeldBack : plot)) : plots

export const Charts = () => (
  <section class="charts" aria-labelledby="charts">
    <div class="head">
      <h2 id="charts">The last minutes</h2>
      <Spans />
    </div>
    {plotsNow().map((plot) => (
      <Chart key={`${plot.title} ${plot.remark}`} plot={plot} />
    ))}
  </section>
)

const Chart = ({ plot }: { readonly plot: Titled }) => {
  const element = useRef<HTMLDivElement>(null)
  const chart = useSignal<EChartsType | undefined>(undefined)
  useEffect(() => {
    const made = make(element.current!)
    const resized = new ResizeObserver(() => made.resize())
    resized.observe(element.current!)
    chart.value = made
    return () => {
      resized.disconnect()
      made.dispose()
      chart.value = undefined
    }
  }, [])
  useSignalEffect(() => {
    if (chart.value === undefined) return
    const until = latest.value?.at ?? Date.now()
    // A young service fills the picture too.
    const first = points.value[0]?.at ?? until
    const from = Math.max(until - shownMinutes.value * 60_000, Math.min(first, until - 60_000))
    const shown = points.value.filter(({ at }) => at >= from)
    const view = { points: shown, from, until, colour: palette.value, description: describe(plot, shown) }
    draw(chart.value, plot, view)
  })
  return (
    <figure class={plot.isWide === true ? "card wide" : "card"}>
      <figcaption>
        <h3>
          {plot.title} <span class="remark">{plot.remark}</span>
        </h3>
        <Legend plot={plot} />
      </figcaption>
      <div ref={element} class="plot" role="img" />
    </figure>
  )
}

/** With the values of this second: what the picture shows can be read. */
const Legend = ({ plot }: { readonly plot: Plot }) => (
  <ul class="legend">
    {plot.lines.map(({ colour, dash, name, stacked, value }) => (
      <li key={name}>
        <i class={`${stacked === true ? "swatch" : `stroke ${dash ?? ""}`} ${colour}`} aria-hidden="true" />
        {name} <b>{written(plot, latest.value === undefined ? undefined : value(latest.value))}</b>
      </li>
    ))}
  </ul>
)

const written = ({ format, none }: Plot, value: number | undefined): string =>
  value === undefined ? none : format(value)

const describe = (plot: Titled, shown: ReadonlyArray<Point>): string => {
  const most = ({ name, value }: Line) => {
    const values = shown.map(value).filter((value) => value !== undefined)
    return `${name} ${values.length === 0 ? "without a value" : `at most ${plot.format(Math.max(...values))}`}`
  }
  return `${plot.title} ${plot.remark}, last ${shownMinutes.value} minutes: ${plot.lines.map(most).join(", ")}.`
}
