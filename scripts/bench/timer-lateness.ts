/**
 * Measures how late the host's 10 ms timer is while 64 workers keep the processor busy, with handlers that yield and
 * with handlers that do not.
 *
 * `node scripts/bench/timer-lateness.ts [--seconds 5] [--rounds 3] [--json FILE]`
 */
import { Effect, Layer, References } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { ElasticPool, Handlers, WorkerPool } from "../../src/index.ts"
import { inFreshProcess, interleaved, median, printTable, quantile } from "./rounds.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
    run: { type: "string" }
  }
})
const seconds = Number(values.seconds)
const periodMillis = 10

const burn = (millis: number): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

class group extends RpcGroup.make(Rpc.make("Yielding"), Rpc.make("Synchronous")) {}

const end = performance.now() + seconds * 1000
const isOver = () => performance.now() >= end
const yielding = Effect.whileLoop({
  while: () => !isOver(),
  body: () => {
    burn(0.25)
    return Effect.yieldNow
  },
  step: () => {}
})
const poolOf64 = ElasticPool.layer({ minWorkers: 64, maxWorkers: 64, scaling: "none", timeout: "1 minute" }).pipe(
  Layer.provideMerge(Handlers.layer(group)),
  Layer.provideMerge(group.toLayer({ Yielding: () => yielding, Synchronous: () => Effect.sync(() => burn(1)) }))
)

const concurrently = (count: number, effect: Effect.Effect<void, unknown>) =>
  Effect.forEach(Array.from({ length: count }), () => effect, { concurrency: "unbounded", discard: true })

const loads = {
  idle: Effect.sleep(seconds * 1000),
  fibers: concurrently(64, yielding),
  yielding: Effect.gen(function* () {
    const client = yield* WorkerPool.client(group)
    yield* concurrently(64, client.Yielding())
  }).pipe(Effect.provide(poolOf64)),
  synchronous: Effect.gen(function* () {
    const client = yield* WorkerPool.client(group)
    const caller = Effect.whileLoop({ while: () => !isOver(), body: () => client.Synchronous(), step: () => {} })
    // Four times the workers: when one is free a request waits.
    yield* concurrently(256, caller)
  }).pipe(Effect.provide(poolOf64))
}
const titles: Readonly<Record<keyof typeof loads, string>> = {
  idle: "nothing runs",
  fibers: "64 fibers without a pool, 0.25 ms and yield",
  yielding: "64 workers, 0.25 ms and yield",
  synchronous: "64 workers, 1 ms at a stretch, requests wait"
}

interface Lateness {
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly count: number
}

/** Sets the timer anew each time it rings, and notes how much later than asked it rang. */
const watch = (): (() => Lateness) => {
  const late: Array<number> = []
  const set = () => {
    const due = performance.now() + periodMillis
    timer = setTimeout(() => {
      late.push(performance.now() - due)
      set()
    }, periodMillis)
  }
  let timer: NodeJS.Timeout
  set()
  return () => {
    clearTimeout(timer)
    return { p50: median(late), p99: quantile(late, 0.99), max: Math.max(...late), count: late.length }
  }
}

const measure = async (load: keyof typeof loads): Promise<Lateness> => {
  const stop = watch()
  await Effect.runPromise(Effect.provideService(loads[load], References.MinimumLogLevel, "Warn"))
  return stop()
}

if (values.run !== undefined) {
  console.log(JSON.stringify(await measure(values.run as keyof typeof loads)))
} else {
  const rounds = Number(values.rounds)
  const runs = Object.keys(loads).map((load) => [
    load,
    () => inFreshProcess<Lateness>(["--run", load, "--seconds", String(seconds)])
  ])
  const results: Record<string, Array<Lateness>> = interleaved(rounds, Object.fromEntries(runs))
  console.log(`lateness of a ${periodMillis} ms timer in ms, ${seconds} s, ${rounds} rounds, ${process.version}`)
  const rows = Object.entries(titles).flatMap(([load, title]) =>
    results[load]!.map(({ count, max, p50, p99 }, round) => [
      title,
      String(round + 1),
      ...[p50, p99, max].map((millis) => millis.toFixed(2)),
      String(count)
    ])
  )
  printTable(["load", "round", "p50", "p99", "max", "timers"], rows)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`)
}
