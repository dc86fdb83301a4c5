/**
 * What Effect's own fibers cost without any pool: the floor under the cases that have a fiber for each caller.
 *
 * `npm run bench:floor`: callers alone (W1), callers and looping workers that hand results over (W1a, W2-1024), and looping
 * workers alone (W2-1024). There is no bound, timeout, retry, count or outcome in them.
 */
import { Effect } from "effect"
import { join } from "node:path"
import { cases } from "./cases.ts"
import { drive, shareOfIdeal } from "./drivers.ts"
import { during } from "./during.ts"
import { callers } from "./implementations/effect-callers.ts"
import type { Start } from "./load.ts"
import { inFreshProcess, median } from "./rounds.ts"
import { number } from "./tables.ts"
import { effectTasks } from "./effectTasks.ts"

const fork = Effect.runForkWith(await Effect.runPromise(Effect.context<never>()))

/** Their answers come with the next turn of the event loop. */
const callersAlone = (): Start => {
  let waiting: Array<() => void> = []
  const answerAll = () => {
    const now = waiting
    waiting = []
    for (const answer of now) answer()
  }
  const execute = (n: number) =>
    Effect.callback<number>((resume) => {
      if (waiting.push(() => resume(Effect.succeed(n))) === 1) setImmediate(answerAll)
      return Effect.sync(() => {})
    })
  return callers(cases["W1"]!.load, fork, execute, () => false)
}

interface Handed {
  readonly n: number
  readonly resume: (result: Effect.Effect<number>) => void
}

/** Fibers that take what callers hand over from an array, and park. */
const withWorkers = (task: "suspend" | "sleep", count: number): Start => {
  const nothing = Effect.sync(() => {})
  const idle: Array<() => void> = []
  let queue: Array<Handed> = []
  let next = 0
  const worker = () => {
    let current: Handed | undefined
    return Effect.whileLoop({
      while: () => true,
      body: (): Effect.Effect<unknown> => {
        if (next > 4096) {
          queue = queue.slice(next)
          next = 0
        }
        current = queue[next]
        if (current === undefined) return Effect.callback<void>((resume) => void idle.push(() => resume(Effect.void)))
        next++
        return Effect.exit(Effect.interruptible(effectTasks[task](current.n)))
      },
      step: (exit) => current?.resume(exit as Effect.Effect<number>)
    })
  }
  for (let id = 0; id < count; id++) fork(Effect.uninterruptible(worker()))
  const execute = (n: number) =>
    Effect.callback<number>((resume) => {
      queue.push({ n, resume })
      idle.pop()?.()
      return nothing
    })
  return callers(cases["W1"]!.load, fork, execute, () => false)
}

const workersAlone = (n: number, count: number): Promise<void> =>
  new Promise((resolve) => {
    let begun = 0
    let ended = 0
    const worker = Effect.whileLoop({
      while: () => begun < n,
      body: () => Effect.exit(Effect.interruptible(effectTasks.sleep(begun++))),
      step: () => {
        if (++ended === n) resolve()
      }
    })
    for (let id = 0; id < count; id++) fork(Effect.uninterruptible(worker))
  })

const floors = {
  "callers alone, no-op": async () => {
    const { n, outstanding } = cases["W1"]!
    return during(n, async () => void (await drive(n, outstanding, callersAlone())))
  },
  "callers and 64 workers, suspends once": async () => {
    const { n, outstanding } = cases["W1a"]!
    return during(n, async () => void (await drive(n, outstanding, withWorkers("suspend", 64))))
  },
  "callers and 1,024 workers, 5 ms of sleep": async () => {
    const { load, n, outstanding } = cases["W2-1024"]!
    const start = withWorkers("sleep", load.concurrency)
    const measured = await during(n, async () => void (await drive(n, outstanding, start)))
    return { ...measured, share: shareOfIdeal(measured, load) }
  },
  "1,024 workers alone, 5 ms of sleep": async () => {
    const { load, n } = cases["W2-1024"]!
    const measured = await during(n, () => workersAlone(n, load.concurrency))
    return { ...measured, share: shareOfIdeal(measured, load) }
  }
}

const [name] = process.argv.slice(2)
if (name !== undefined) {
  console.log(JSON.stringify(await floors[name as keyof typeof floors]()))
  process.exit()
}
const script = join(import.meta.dirname, "floor.ts")
for (const name of Object.keys(floors)) {
  const runs: Array<Record<string, number>> = []
  for (let round = 0; round < 3; round++) {
    runs.push((await inFreshProcess(process.execPath, [script, name])) as Record<string, number>)
  }
  const of = (figure: string) => median(runs.map((run) => run[figure]!))
  const share = runs[0]!["share"] === undefined ? "" : `, ${number(of("share"))} of the ideal`
  console.log(`${name}: ${number(of("rate"))} per second, ${number(of("cpuMicros"))} µs of CPU each${share}`)
}
