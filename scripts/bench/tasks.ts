/**
 * What the handlers do, in promises and callbacks; `effectTasks.ts` says the same in effects. Nothing here knows who runs it.
 *
 * `suspend` comes back with one microtask in each of the three dialects, and `immediate` with the next turn of the event loop.
 */
import type { Load, TaskName } from "./load.ts"
import { bodies, hangs, hangMillis, workMillis } from "./overload.ts"

export type PromiseTask = (n: number, signal?: AbortSignal) => number | Promise<number>
/** Of promises: whether it gives its result, or its failure, and no promise. */
export const answersAtOnce = (task: TaskName): boolean => task === "noop" || task === "flaky"
export type CallbackTask = (n: number, done: (error: Error | null, result?: number) => void) => void

export const sleepMillis = 5
export const napMillis = 1
/** What a statement takes that writes so many rows: the way there and back, and each row. */
export const indexMillis = (rows: number): number => 5 + rows / 10

export const failure = Object.assign(new Error("the first attempt fails"), { stack: "" })
const failedOnce = new Uint8Array(1_000_000)
export const failsNow = (n: number): boolean => n % 10 === 0 && failedOnce[n]!++ === 0

/** Until when `burn` goes on; set by whoever measures the lateness of a timer. */
export const burning = { until: 0, bursts: 0 }
export const burst = (): void => {
  burning.bursts++
  const until = performance.now() + 0.25
  while (performance.now() < until);
}
export const burnsOn = (): boolean => performance.now() < burning.until

export const promiseTasks: Readonly<Record<TaskName, PromiseTask>> = {
  noop: (n) => n,
  suspend: async (n) => {
    await undefined
    return n
  },
  immediate: (n) => new Promise((resolve) => setImmediate(resolve, n)),
  sleep: (n) => new Promise((resolve) => setTimeout(resolve, sleepMillis, n)),
  nap: (n) => new Promise((resolve) => setTimeout(resolve, napMillis, n)),
  index: (n) => new Promise((resolve) => setTimeout(resolve, indexMillis(1), n)),
  flaky: (n) => {
    if (failsNow(n)) throw failure
    return n
  },
  never: () => new Promise(() => {}),
  burn: async (n) => {
    while (burnsOn()) {
      burst()
      await new Promise(setImmediate)
    }
    return n
  },
  work: (n, signal) =>
    new Promise((resolve, reject) => {
      bodies.begin(n)
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", stop)
          bodies.end(n)
          resolve(n)
        },
        hangs(n) ? hangMillis : workMillis
      )
      const stop = () => {
        clearTimeout(timer)
        bodies.end(n)
        reject(signal!.reason)
      }
      signal?.addEventListener("abort", stop, { once: true })
    })
}

export const callbackTasks: Readonly<Record<TaskName, CallbackTask>> = {
  noop: (n, done) => done(null, n),
  suspend: (n, done) => queueMicrotask(() => done(null, n)),
  immediate: (n, done) => setImmediate(done, null, n),
  sleep: (n, done) => setTimeout(done, sleepMillis, null, n),
  nap: (n, done) => setTimeout(done, napMillis, null, n),
  index: (n, done) => setTimeout(done, indexMillis(1), null, n),
  flaky: (n, done) => (failsNow(n) ? done(failure) : done(null, n)),
  never: () => {},
  burn: (n, done) => {
    if (!burnsOn()) return done(null, n)
    burst()
    setImmediate(callbackTasks.burn, n, done)
  },
  work: (n, done) => {
    bodies.begin(n)
    setTimeout(
      () => {
        bodies.end(n)
        done(null, n)
      },
      hangs(n) ? hangMillis : workMillis
    )
  }
}

/** Cuts a promise off at its timeout, by hand: one timer, and only for what has not ended at once. */
export const guarded = (task: PromiseTask, { signals, timeoutMillis }: Load): PromiseTask => {
  if (timeoutMillis === undefined) return task
  return (n) => {
    const controller = signals === true ? new AbortController() : undefined
    const result = task(n, controller?.signal)
    if (typeof result === "number") return result
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = new Error("timed out")
        controller?.abort(error)
        reject(error)
      }, timeoutMillis)
      result.then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (error: Error) => {
          clearTimeout(timer)
          reject(error)
        }
      )
    })
  }
}
