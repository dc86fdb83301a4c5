/**
 * Figures of the process, under the names that Prometheus's own clients give them, and how late the event loop is. They are
 * read when somebody takes a metrics snapshot; what the system does not tell is left out.
 */
import { type Context, Effect, Metric, type Scope } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"

/** Registered until the scope ends. */
export const register: Effect.Effect<void, never, Scope.Scope> = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const delay = yield* Effect.acquireRelease(Effect.sync(watchDelay), ({ stop }) => Effect.sync(stop))
  const figures: ReadonlyArray<Figure> = [
    ...ofProcess,
    ...(process.platform === "linux" ? ofLinux : []),
    ...delay.figures
  ]
  yield* Effect.acquireRelease(
    Effect.sync(() => figures.map((figure) => registered(figure, context))),
    (registrations) => Effect.sync(() => registrations.forEach((registration) => registration.remove()))
  )
})

type Figure = readonly [kind: "counter" | "gauge", id: string, description: string, read: () => number]

const registered = ([kind, id, description, figure]: Figure, context: Context.Context<never>) => {
  const nothing = () => {}
  const read = () => orNaN(figure)
  return kind === "counter"
    ? Metric.registerUnsafe(Metric.counter(id, { description, incremental: true }), context, {
        get: () => ({ count: read(), incremental: true }),
        update: nothing,
        modify: nothing
      })
    : Metric.registerUnsafe(Metric.gauge(id, { description }), context, {
        get: () => ({ value: read() }),
        update: nothing,
        modify: nothing
      })
}

/** A process that can open nothing more still tells the rest. */
const orNaN = (read: () => number): number => {
  try {
    return read()
  } catch {
    return Number.NaN
  }
}

const ofProcess: ReadonlyArray<Figure> = [
  ["counter", "process_cpu_seconds_total", "Processor time of the process, user and system", () => cpuSeconds()],
  ["gauge", "process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss()],
  ["gauge", "process_start_time_seconds", "Start of the process since 1970", () => performance.timeOrigin / 1000],
  ["gauge", "nodejs_heap_used_bytes", "Heap of JavaScript that is in use", () => process.memoryUsage().heapUsed]
]

const ofLinux: ReadonlyArray<Figure> = [
  ["gauge", "process_open_fds", "Open file descriptors", () => readdirSync("/proc/self/fd").length],
  ["gauge", "process_max_fds", "The most file descriptors that may be open", () => mostFiles()]
]

const cpuSeconds = () => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const mostFiles = () =>
  Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Number.POSITIVE_INFINITY)

/** Between two looks at whether the event loop is late. */
const resolutionMillis = 10

/** What is read at one time is of one stretch: the histogram begins anew with the first reading a second after the last. */
const watchDelay = () => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMillis })
  histogram.enable()
  const read = () => ({
    mean: delayOf(histogram.mean),
    p50: delayOf(histogram.percentile(50)),
    p99: delayOf(histogram.percentile(99)),
    max: delayOf(histogram.max)
  })
  let last = { at: Number.NEGATIVE_INFINITY, read: read() }
  const current = () => {
    const at = performance.now()
    if (at - last.at >= 1000) {
      last = { at, read: read() }
      histogram.reset()
    }
    return last.read
  }
  const figures: ReadonlyArray<Figure> = [
    [
      "gauge",
      "nodejs_eventloop_lag_mean_seconds",
      "Delay of the event loop since the reading before, mean",
      () => current().mean
    ],
    [
      "gauge",
      "nodejs_eventloop_lag_p50_seconds",
      "Delay of the event loop since the reading before, median",
      () => current().p50
    ],
    [
      "gauge",
      "nodejs_eventloop_lag_p99_seconds",
      "Delay of the event loop since the reading before, 99 %",
      () => current().p99
    ],
    [
      "gauge",
      "nodejs_eventloop_lag_max_seconds",
      "Delay of the event loop since the reading before, most",
      () => current().max
    ]
  ]
  return { figures, stop: () => histogram.disable() }
}

/** Node records the whole time between two looks, in nanoseconds, and NaN when there was none. */
const delayOf = (nanos: number): number => Math.max(0, (nanos || 0) / 1e9 - resolutionMillis / 1000)
