/** The pools of callbacks: no promise is made for a request. A process loads the one that it measures. */
import type { Implementation, Load, Start } from "../load.ts"
import { type CallbackTask, callbackTasks } from "../tasks.ts"
import { impatient, without } from "./without.ts"

type Push = (n: number, done: (error: Error | null | undefined, result?: number) => void) => void

const caller = (load: Load, length: () => number, push: Push): Start =>
  load.patienceMillis === undefined
    ? (n, done) => push(n, (error, result) => done(error == null ? result : undefined, "late"))
    : impatient(load, length, (n, _, end) => push(n, (error, result) => end(error == null ? result : undefined)))

/** Cuts a callback off at its timeout, by hand: one timer, and only for what has not ended at once. */
const guarded = (task: CallbackTask, timeoutMillis: number | undefined): CallbackTask => {
  if (timeoutMillis === undefined) return task
  return (n, done) => {
    let open = true
    let timer: NodeJS.Timeout | undefined
    task(n, (error, result) => {
      if (!open) return
      open = false
      clearTimeout(timer)
      done(error, result)
    })
    if (open) {
      timer = setTimeout(() => {
        open = false
        done(new Error("timed out"))
      }, timeoutMillis)
    }
  }
}

export const fastqCallback: Implementation = {
  how: "`queue.push(n, done)`, the caller's own callback; the timeout by hand, one timer around what does not end at once",
  lacks: without("retries", "metrics", "signals"),
  open: async (load) => {
    const { default: fastq } = await import("fastq")
    const queue = fastq<unknown, number, number>(
      guarded(callbackTasks[load.task], load.timeoutMillis),
      load.concurrency
    )
    return caller(
      load,
      () => queue.length(),
      (n, done) => queue.push(n, done)
    )
  }
}

/** With the timeouts and retries of `async`. */
export const asyncTask = async (load: Load): Promise<CallbackTask> => {
  const { default: async } = await import("async")
  let task: any = callbackTasks[load.task]
  if (load.timeoutMillis !== undefined) task = async.timeout(task, load.timeoutMillis)
  if (load.retries === true) task = async.retryable({ times: 4, interval: 0 }, task)
  return task
}

export const asyncQueue: Implementation = {
  how: "`async.queue(task, concurrency)` and `queue.push(n, done)`; its own `async.timeout` and `async.retryable`",
  lacks: without("metrics", "signals"),
  open: async (load) => {
    // The types of `async` know a task only by its last argument.
    const task: any = await asyncTask(load)
    const { default: async } = await import("async")
    const { priorities } = load
    if (priorities !== undefined) {
      const queue = async.priorityQueue<number>(task, load.concurrency)
      return caller(
        load,
        () => queue.length(),
        (n, done) => void queue.push<number>(n, n % priorities, done)
      )
    }
    const queue = async.queue<number, number>(task, load.concurrency)
    return caller(
      load,
      () => queue.length(),
      (n, done) => void queue.push<number>(n, done)
    )
  }
}
