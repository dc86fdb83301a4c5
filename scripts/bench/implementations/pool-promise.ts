/** This pool by its door for promises, as its page shows it. Nothing is switched off or on that a user would not. */
import { createPool, type Options, QueueFull } from "../../../src/promise/index.ts"
import type { Implementation, Load } from "../load.ts"
import { promiseTasks } from "../tasks.ts"
import { recordingPath } from "./recordingPath.ts"
import { retry, settings } from "./settings.ts"

/** With a name its counts and histograms can be read as metrics; the pool of effects always has some. */
const options = (load: Load): Options => ({
  ...settings(load),
  name: load.metrics === true ? "bench" : undefined,
  retry: load.retries === true ? retry : undefined,
  ...(load.recorded === true ? { record: { path: recordingPath() } } : {})
})

export const poolPromise: Implementation = {
  how: "`pool.run(() => task(n)).then(done)`; with signals `pool.run(({ signal }) => task(n, signal))`; where metrics are asked for it has a `name`. A task that cannot hear of its timeout keeps its place until it has ended",
  lacks: () => undefined,
  open: async (load) => {
    const task = promiseTasks[load.task]
    const pool = createPool(options(load))
    const run =
      load.signals === true
        ? (n: number) => pool.run(({ signal }) => task(n, signal))
        : (n: number) => pool.run(() => task(n))
    return load.patienceMillis === undefined
      ? (n, done) => void run(n).then(done)
      : (n, done) => void run(n).then(done, (error) => done(undefined, error instanceof QueueFull ? "refused" : "late"))
  },
  openStream: async (load) => {
    const task = promiseTasks[load.task]
    const pool = createPool(options(load))
    return async (n, outstanding) => {
      let sum = 0
      const inputs = Array.from({ length: n }, (_, input) => input).values()
      for await (const result of pool.map(inputs, (input: number) => task(input), { outstanding, ordered: false })) {
        sum += result
      }
      return sum
    }
  },
  openTickets: async (load) => {
    const task = promiseTasks[load.task]
    const pool = createPool(options(load))
    return (n) => pool.submit(() => task(n))
  }
}
