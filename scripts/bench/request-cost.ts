/**
 * Measures what a request costs that does nothing: 64 workers, typed result, timeout, retries and metrics, through this
 * pool and through one written by hand with Effect's own parts.
 *
 * `node scripts/bench/request-cost.ts [--n 1000000] [--rounds 5] [--only NAME] [--json FILE]`
 */
import { Effect, Layer, Metric, References, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { ElasticPool, Handlers, RetryPolicy, WorkerPool } from "../../src/index.ts"
import * as plain from "./plain-pool.ts"
import { inFreshProcess, interleaved, median, printTable } from "./rounds.ts"

const handlers = {
  succeed: (n: number) => Effect.succeed(n),
  sync: (n: number) => Effect.sync(() => n),
  yield: (n: number) => Effect.as(Effect.yieldNow, n)
}
/** `fiber`: each request has its own, at most 10,000 at a time. `loop`: 64 callers, each one request after another. */
type Callers = "fiber" | "loop"
/** `none`: a caller waits for the next turn of the event loop, and there is no pool. The floor under the other two. */
type Implementation = "pool" | "plain" | "none"

interface Variant {
  readonly what: string
  readonly handler: keyof typeof handlers
  readonly callers: Callers
}

const variants: Readonly<Record<string, Variant>> = {
  noop: { what: "no-op, a fiber per request", handler: "succeed", callers: "fiber" },
  sync: { what: "one Effect.sync, a fiber per request", handler: "sync", callers: "fiber" },
  yield: { what: "suspends once, a fiber per request", handler: "yield", callers: "fiber" },
  loop: { what: "no-op, 64 looping callers", handler: "succeed", callers: "loop" }
}

const titles: Readonly<Record<Implementation, string>> = {
  pool: "this pool",
  plain: "by hand",
  none: "callers alone"
}

interface Cost {
  readonly nanos: number
  readonly cpuMicros: number
  readonly peakMegabytes: number
}

const Work = Rpc.make("Work", {
  payload: { n: Schema.Finite },
  success: Schema.Finite,
  error: Schema.String
})
class group extends RpcGroup.make(Work) {}

type Call = (n: number) => Effect.Effect<number, unknown>

const throughPool = (handler: Call, measured: (call: Call) => Effect.Effect<Cost, unknown>) =>
  Effect.gen(function* () {
    const client = yield* WorkerPool.client(group)
    const cost = yield* measured((n) => client.Work({ n }))
    const counted = (yield* Metric.snapshot).find(
      ({ attributes, id }) => id === "worker_pool_requests_total" && attributes?.["end"] === "succeeded"
    )
    return { cost, counted: (counted?.state as { readonly count: number } | undefined)?.count ?? 0 }
  }).pipe(
    Effect.provide(
      ElasticPool.layer({
        minWorkers: 64,
        maxWorkers: 64,
        scaling: "none",
        timeout: "10 seconds",
        retry: RetryPolicy.make({ times: 3 })
      }).pipe(
        Layer.provideMerge(Handlers.layer(group)),
        Layer.provideMerge(group.toLayer({ Work: ({ n }) => handler(n) as Effect.Effect<number> }))
      )
    )
  )

const throughPlain = (handler: Call, measured: (call: Call) => Effect.Effect<Cost, unknown>) =>
  Effect.gen(function* () {
    const cost = yield* measured(yield* plain.makePlainPool(handler))
    return { cost, counted: (yield* Metric.value(plain.succeeded)).count }
  }).pipe(Effect.scoped)

const throughNone = (measured: (call: Call) => Effect.Effect<Cost, unknown>, n: number) => {
  let waiting: Array<() => void> = []
  const wakeAll = () => {
    const now = waiting
    waiting = []
    for (const wake of now) wake()
  }
  const call: Call = (n) =>
    Effect.callback((resume) => {
      if (waiting.push(() => resume(Effect.succeed(n))) === 1) setImmediate(wakeAll)
    })
  return Effect.map(measured(call), (cost) => ({ cost, counted: n }))
}

const measure = (implementation: Implementation, { callers, handler: name }: Variant, n: number): Promise<Cost> => {
  const handler: Call = handlers[name]
  let sum = 0
  const measured = (call: Call) =>
    Effect.gen(function* () {
      const numbers = Array.from({ length: n }, (_, at) => at)
      const one = (n: number) =>
        Effect.map(call(n), (result) => {
          sum += result
        })
      const each = (numbers: ReadonlyArray<number>, concurrency: number) =>
        Effect.forEach(numbers, one, { concurrency, discard: true })
      const shares = Array.from({ length: 64 }, (_, at) => numbers.slice((n * at) / 64, (n * (at + 1)) / 64))
      const cpu = process.cpuUsage()
      const started = performance.now()
      yield* callers === "fiber"
        ? each(numbers, 10_000)
        : Effect.forEach(shares, (share) => each(share, 1), { concurrency: 64, discard: true })
      const millis = performance.now() - started
      const { system, user } = process.cpuUsage(cpu)
      return {
        nanos: (millis * 1e6) / n,
        cpuMicros: (system + user) / n,
        peakMegabytes: process.resourceUsage().maxRSS / 1024
      }
    })
  const run =
    implementation === "pool"
      ? throughPool(handler, measured)
      : implementation === "plain"
        ? throughPlain(handler, measured)
        : throughNone(measured, n)
  return Effect.runPromise(
    Effect.map(run, ({ cost, counted }) => {
      if (sum !== (n * (n - 1)) / 2 || counted !== n) throw new Error(`${counted} of ${n} requests, sum ${sum}`)
      return cost
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Warn"))
  )
}

const { values } = parseArgs({
  options: {
    n: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    json: { type: "string" },
    run: { type: "string" }
  }
})
const n = Number(values.n)

if (values.run !== undefined) {
  const [implementation, variant] = values.run.split("/") as [Implementation, string]
  console.log(JSON.stringify(await measure(implementation, variants[variant]!, n)))
} else {
  const rounds = Number(values.rounds)
  const report: Record<string, unknown> = { node: process.version, n, rounds }
  const rows: Array<Array<string>> = []
  for (const [name, variant] of Object.entries(variants)) {
    if (values.only !== undefined && values.only !== name) continue
    const run = (implementation: Implementation) => () =>
      inFreshProcess<Cost>(["--run", `${implementation}/${name}`, "--n", String(n)])
    const costs = interleaved(rounds, { pool: run("pool"), plain: run("plain"), none: run("none") })
    const all = (implementation: string, field: keyof Cost) => costs[implementation]!.map((cost) => cost[field])
    // Round by round: both halves of a ratio saw the same machine.
    const ratios = (field: keyof Cost) => all("plain", field).map((plain, at) => plain / all("pool", field)[at]!)
    const range = (values: ReadonlyArray<number>) =>
      `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`
    for (const [implementation, title] of Object.entries(titles)) {
      const nanos = all(implementation, "nanos")
      rows.push([
        variant.what,
        title,
        ...[median(nanos), Math.min(...nanos), Math.max(...nanos)].map((nanos) => nanos.toFixed(0)),
        median(all(implementation, "cpuMicros")).toFixed(2),
        Math.max(...all(implementation, "peakMegabytes")).toFixed(0),
        ...(implementation === "plain" ? [range(ratios("nanos")), range(ratios("cpuMicros"))] : ["", ""])
      ])
    }
    report[name] = { ...variant, costs, ratio: median(ratios("nanos")), cpuRatio: median(ratios("cpuMicros")) }
  }
  console.log(`${n} requests, ${rounds} rounds, ${process.version}`)
  printTable(["request", "through", "ns", "min", "max", "CPU µs", "peak MB", "ratio to this pool", "of CPU"], rows)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
}
