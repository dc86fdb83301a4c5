// Who is hurt when some of the work never ends: 200 requests of 5 ms beside 20 endless ones, 2 at once, 150 ms each, cold start
// included. `npm run threads:mix [-- rounds [timeout]]` prints how many were timed out, and how many of the good ones were hurt. The pause is the
// longest for which this process did nothing: where it comes near the timeout, so does a good request, whoever runs it.
import { availableParallelism } from "node:os"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Effect, Exit, Layer } from "effect"
import { ElasticPool, Handlers, PoolSnapshot, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group, Spin } from "./group.ts"

const good = 200
const endless = 20
const atOnce = 2
const goodMillis = 5
const rounds = Number(process.argv[2] ?? 5)
/** On a machine that has other work a good request may need longer than 150 ms, whoever runs it. */
const timeout = Number(process.argv[3] ?? 150)

/** An endless one after every ten good ones. */
const work: ReadonlyArray<number> = Array.from({ length: good + endless }, (_, at) =>
  at % (good / endless + 1) === good / endless ? Infinity : goodMillis
)

interface Count {
  readonly timedOut: number
  readonly hurt: number
  readonly seconds: number
  readonly broken: ReadonlyArray<string>
}

const threads = (isolation: "thread" | "process", options: Threads.Options = {}): Promise<Count> =>
  Effect.gen(function* () {
    const began = performance.now()
    const { execute, snapshot } = yield* WorkerPool.WorkerPool
    const ends = yield* Effect.forEach(
      work,
      (millis) =>
        Effect.map(Effect.exit(execute(Spin, { millis })), (exit) => ({ millis, isGood: Exit.isSuccess(exit) })),
      { concurrency: "unbounded" }
    )
    const seconds = (performance.now() - began) / 1000
    const counts = yield* snapshot
    return {
      timedOut: ends.filter(({ isGood, millis }) => millis === Infinity && !isGood).length,
      hurt: ends.filter(({ isGood, millis }) => millis !== Infinity && !isGood).length,
      seconds,
      broken: [
        ...PoolSnapshot.lawViolations(counts),
        ...(counts.stuck > 0 ? [`${counts.stuck} stuck`] : []),
        ...(counts.timedOut === endless ? [] : [`timedOut ${counts.timedOut}`])
      ]
    }
  }).pipe(
    Effect.provide(
      ElasticPool.layer({ timeout, maxWorkers: 16 }).pipe(
        Layer.provide(Handlers.layer(group)),
        Layer.provide(
          Threads.layer(group, {
            module: new URL("./handlers.ts", import.meta.url),
            isolation,
            // Nothing is ready when the first request comes.
            min: 0,
            max: atOnce,
            ...options
          })
        )
      )
    ),
    Effect.runPromise
  )

/** At its best: two in flight, and a signal that is made when the task starts. */
const piscina = async (): Promise<Count | undefined> => {
  const { Piscina } = await import("piscina" as string).catch(() => ({ Piscina: undefined }))
  if (Piscina === undefined) return undefined
  const pool = new Piscina({ filename: new URL("./spin.ts", import.meta.url).href, minThreads: 0, maxThreads: atOnce })
  const began = performance.now()
  const left = work.map((millis) => ({ millis }))
  const ends: Array<{ readonly millis: number; readonly isGood: boolean }> = []
  const next = async (): Promise<void> => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) {
      const { millis } = task
      await pool.run(task, { signal: AbortSignal.timeout(timeout) }).then(
        () => ends.push({ millis, isGood: true }),
        () => ends.push({ millis, isGood: false })
      )
    }
  }
  await Promise.all(Array.from({ length: atOnce }, next))
  const seconds = (performance.now() - began) / 1000
  await pool.destroy()
  return {
    timedOut: ends.filter(({ isGood, millis }) => millis === Infinity && !isGood).length,
    hurt: ends.filter(({ isGood, millis }) => millis !== Infinity && !isGood).length,
    seconds,
    broken: []
  }
}

const subjects: Readonly<Record<string, () => Promise<Count | undefined>>> = {
  "Threads, isolation thread": () => threads("thread"),
  "Threads, isolation process": () => threads("process"),
  "piscina, 2 in flight, a signal for each": piscina
}

console.log(
  `${good} of ${goodMillis} ms, ${endless} endless, ${atOnce} at once, ${timeout} ms each; Node ${process.version}, ${availableParallelism()} cores\n`
)
console.log("| | round | timed out | good ones hurt | s | pause, ms | |")
console.log("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
const delays = monitorEventLoopDelay({ resolution: 5 })
delays.enable()
let isRight = true
for (let round = 1; round <= rounds; round++) {
  for (const [name, run] of Object.entries(subjects)) {
    delays.reset()
    const count = await run()
    if (count === undefined) continue
    const { broken, hurt, seconds, timedOut } = count
    if (name.startsWith("Threads") && (timedOut !== endless || hurt !== 0 || broken.length > 0)) isRight = false
    console.log(
      `| ${name} | ${round} | ${timedOut} | ${hurt} | ${seconds.toFixed(1)} | ${Math.round(delays.max / 1e6)} | ${broken.join(", ")} |`
    )
  }
}
delays.disable()
process.exitCode = isRight ? 0 : 1
