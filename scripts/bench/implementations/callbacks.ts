/** The pools of callbacks: no promise is made for a request. */
import async from "async"
import fastq from "fastq"
import type { Implementation, Load, Start } from "../load.ts"
import { type CallbackTask, callbackTasks } from "../tasks.ts"

type Push = (n: number, done: (error: Error | null | undefined, result?: number) => void) => void

/** A caller; under overload one that is refused when the queue is full and that goes when its patience is over. */
const caller = ({ capacity = Infinity, patienceMillis }: Load, length: () => number, push: Push): Start => {
  if (patienceMillis === undefined) {
    return (n, done) => push(n, (error, result) => done(error == null ? result : undefined, "late"))
  }
  return (n, done) => {
    if (length() >= capacity) return done(undefined, "refused")
    let open = true
    const end = (error: unknown, result?: number) => {
      if (!open) return
      open = false
      clearTimeout(timer)
      done(error == null ? result : undefined, "late")
    }
    const timer = setTimeout(end, patienceMillis, true)
    push(n, end)
  }
}

const noSignals = ({ signals }: Load) => (signals === true ? "no signals" : undefined)

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
  lacks: (load) =>
    load.retries === true ? (load.metrics === true ? "no retries, no metrics" : "no retries") : noSignals(load),
  open: async (load) => {
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

export const asyncQueue: Implementation = {
  how: "`async.queue(task, concurrency)` and `queue.push(n, done)`; its own `async.timeout` and `async.retryable`",
  lacks: (load) => (load.metrics === true ? "no metrics" : noSignals(load)),
  open: async (load) => {
    // The types of `async` know a task only by its last argument.
    let task: any = callbackTasks[load.task]
    if (load.timeoutMillis !== undefined) task = async.timeout(task, load.timeoutMillis)
    if (load.retries === true) task = async.retryable({ times: 4, interval: 0 }, task)
    const queue = async.queue<number, number>(task, load.concurrency)
    return caller(
      load,
      () => queue.length(),
      (n, done) => void queue.push<number>(n, done)
    )
  }
}
