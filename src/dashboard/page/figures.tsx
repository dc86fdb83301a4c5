/** The state of this second in numbers, and each worker as a square. */
import type { ComponentChildren } from "preact"
import type { Point } from "../../http/points.ts"
import { count, millis, rate } from "./format.ts"
import { latest, points, pool } from "./state.ts"

const averagedSeconds = 5
/** More workers than these are drawn as one bar. */
const mostSquares = 128

export const Figures = () => {
  const point = latest.value
  const requests = pool.value?.requests ?? {}
  const last = points.value.slice(-averagedSeconds)
  const mean = (of: (point: Point) => number) =>
    last.length === 0 ? 0 : last.reduce((sum, point) => sum + of(point), 0) / last.length
  const total = (...names: ReadonlyArray<string>) => names.reduce((sum, name) => sum + (requests[name] ?? 0), 0)
  const workers = point?.workers ?? { idle: 0, running: 0, ending: 0, stuck: 0, target: 0 }
  const all = workers.idle + workers.running + workers.ending + workers.stuck
  const { maxWorkers = 0, minWorkers = 0 } = point?.bounds ?? pool.value?.bounds ?? {}
  const failures = total("failed", "timedOut", "expired")
  const refusals = total("refusedFull", "refusedDraining", "refusedOpen", "refusedDuplicate")
  return (
    <section class="figures" aria-label="Now">
      <div class="card crew">
        <dl>
          <Figure name="Workers busy" kind="busy" value={count(workers.running)} />
          <Figure name="Idle" kind="idle" value={count(workers.idle)} />
          <Figure name="Finishing" kind="ending" value={count(workers.ending)} />
          <Figure name="Stuck" kind="stuck" value={count(workers.stuck)} isWrong={workers.stuck > 0} />
        </dl>
        <Squares parts={workers} most={Math.max(all, maxWorkers)} />
        <p class="remark">
          {count(all)} of {count(workers.target)} wanted, from {count(minWorkers)} to {count(maxWorkers)} allowed
          {point?.held === null || point?.held === undefined ? "" : `, held at ${point.held}`}
        </p>
      </div>
      <dl class="card rest">
        <Figure name="Waiting" value={count(point?.waiting ?? 0)}>
          {capacity()}
          {point !== undefined && point.heldBack > 0 ? `, ${count(point.heldBack)} held back` : ""}
          {point !== undefined && point.delayed > point.scheduled
            ? `, ${count(point.delayed - point.scheduled)} to be retried`
            : ""}
          {point !== undefined && point.scheduled > 0 ? `, ${count(point.scheduled)} for later` : ""}
        </Figure>
        <Figure name="Done per second" value={rate(mean(({ rates }) => rates.succeeded))}>
          {count(total("succeeded"))} in all
        </Figure>
        <Figure name="Refused" value={count(refusals)} isWrong={mean(({ rates }) => rates.refused) > 0}>
          {rate(mean(({ rates }) => rates.refused))} per second
        </Figure>
        <Figure
          name="Failed"
          value={count(failures)}
          isWrong={mean(({ rates }) => rates.failed + rates.timedOut + rates.expired) > 0}
        >
          {rate(mean(({ rates }) => rates.failed + rates.timedOut + rates.expired))} per second
        </Figure>
        <Figure name="Event loop late" value={millis(point?.eventLoopDelayMillis ?? 0)}>
          at its worst
        </Figure>
      </dl>
    </section>
  )
}

const capacity = (): string => {
  const size = pool.value?.capacity
  return size === undefined ? "" : size === "unbounded" ? "no limit" : `room for ${count(size)}`
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly kind?: string
  readonly isWrong?: boolean
  readonly children?: ComponentChildren
}

export const Figure = ({ children, isWrong, kind, name, value }: FigureProps) => (
  <div class={isWrong === true ? "figure wrong" : "figure"}>
    <dt>
      {kind === undefined ? null : <i class={`swatch ${kind}`} aria-hidden="true" />}
      {name}
    </dt>
    <dd>
      <b>{value}</b>
      {children === undefined ? null : <small>{children}</small>}
    </dd>
  </div>
)

const kinds = ["stuck", "running", "ending", "starting", "idle"] as const

interface SquaresProps {
  readonly parts: Readonly<Partial<Record<(typeof kinds)[number], number>>>
  /** What is missing of so many is drawn as empty. */
  readonly most: number
}

/** The numbers beside it say the same. */
export const Squares = ({ most, parts }: SquaresProps) => {
  if (most > mostSquares) {
    return (
      <div class="bar" aria-hidden="true">
        {kinds.map((kind) => (
          <i key={kind} class={kind} style={{ width: `${(100 * (parts[kind] ?? 0)) / most}%` }} />
        ))}
      </div>
    )
  }
  const squares = kinds.flatMap((kind) => Array.from({ length: parts[kind] ?? 0 }, () => kind as string))
  while (squares.length < most) squares.push("none")
  return (
    <div class="squares" aria-hidden="true">
      {squares.map((kind, n) => (
        <i key={n} class={kind} />
      ))}
    </div>
  )
}
