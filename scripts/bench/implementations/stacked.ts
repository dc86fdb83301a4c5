/**
 * The same pools as people stack them where a load asks for more than they have: p-timeout around each attempt, p-retry around
 * all attempts, prom-client around the whole. Each part is called as its README says, and only where the load asks for it.
 */
import async from "async"
import fastq from "fastq"
import pLimit from "p-limit"
import PQueue from "p-queue"
import pRetry from "p-retry"
import pTimeout from "p-timeout"
import { Counter, Histogram, Registry } from "prom-client"
import { type Implementation, type Load, notMeasured } from "../load.ts"
import { answersAtOnce, type CallbackTask, type PromiseTask, promiseTasks } from "../tasks.ts"
import { asyncTask } from "./callbacks.ts"

/** What asks for none of these parts is measured without the stack, and so is what overloads the pool. */
const lacks = ({ metrics, patienceMillis, retries, timeoutMillis }: Load): string | undefined =>
  patienceMillis !== undefined || (timeoutMillis === undefined && retries !== true && metrics !== true)
    ? notMeasured
    : undefined

const parts =
  "`pRetry(() => pTimeout(task(n), ...))` between counters and a histogram of prom-client, each only where the case asks for it"

export const pQueueStacked: Implementation = {
  how: `\`queue.add(() => stacked(n)).then(done)\`, where \`stacked\` is ${parts}. The queue's own \`timeout\` would be one for all attempts together`,
  lacks,
  open: async (load) => {
    const stacked = stack(load, new Registry())
    const queue = new PQueue({ concurrency: load.concurrency })
    return (n, done) => void queue.add(() => stacked(n)).then(done)
  }
}

export const pLimitStacked: Implementation = {
  how: "`limit(stacked, n).then(done)`, with the same parts",
  lacks,
  open: async (load) => {
    const stacked = stack(load, new Registry())
    const limit = pLimit(load.concurrency)
    return (n, done) => void limit(stacked, n).then(done)
  }
}

export const fastqPromiseStacked: Implementation = {
  how: "`fastq.promise(stacked, concurrency)` and `queue.push(n).then(done)`, with the same parts",
  lacks,
  open: async (load) => {
    const { concurrency, metrics, retries, task } = load
    const stacked = stack(load, new Registry())
    const isPromise = metrics === true || retries === true || !answersAtOnce(task)
    const run = isPromise ? (stacked as (n: number) => Promise<number>) : async (n: number) => stacked(n)
    const queue = fastq.promise<unknown, number, number>(run, concurrency)
    return (n, done) => void queue.push(n).then(done)
  }
}

export const asyncStacked: Implementation = {
  how: "as async, whose own timeouts and retries are all that it needs, within the same counters and histogram of prom-client",
  lacks: (load) => (load.metrics === true ? lacks(load) : notMeasured),
  open: async (load) => {
    const queue = async.queue<number, number>(meteredCallback(asyncTask(load), new Registry()), load.concurrency)
    return (n, done) => void queue.push<number>(n, (error, result) => done(error == null ? result : undefined))
  }
}

/** The meters, where the load asks for some, are registered at `register`. */
export const stack = (load: Load, register: Registry): PromiseTask => {
  const { metrics, retries, timeoutMillis } = load
  let task = promiseTasks[load.task]
  if (timeoutMillis !== undefined) task = limited(task, timeoutMillis)
  if (retries === true) task = retried(task)
  return metrics === true ? metered(task, register) : task
}

/** What has its answer already is no promise that could be late. */
const limited =
  (task: PromiseTask, milliseconds: number): PromiseTask =>
  (n) => {
    const result = task(n)
    return typeof result === "number" ? result : pTimeout(result, { milliseconds })
  }

/** As often as all others try, and at once. */
const retrying = { retries: 3, minTimeout: 0 }
const retried =
  (task: PromiseTask): PromiseTask =>
  (n) =>
    pRetry(() => task(n), retrying)

/**
 * Counts and a histogram of how long requests ran, as this pool's metrics have; that of how long they waited, which it has
 * as well, is left out.
 */
export const metersOf = (register: Registry) => {
  const registers = [register]
  return {
    started: new Counter({ name: "started_total", help: "Requests that started", registers }),
    // Two counters: one with a label for the end would cost more.
    succeeded: new Counter({ name: "succeeded_total", help: "Requests that succeeded", registers }),
    failed: new Counter({ name: "failed_total", help: "Requests that failed", registers }),
    ran: new Histogram({ name: "ran_seconds", help: "How long requests ran", registers })
  }
}

/** Around all attempts of a request. `startTimer` of the histogram would cost more than a clock that is read by hand. */
const metered = (task: PromiseTask, register: Registry): PromiseTask => {
  const { failed, ran, started, succeeded } = metersOf(register)
  return async (n) => {
    started.inc()
    const began = performance.now()
    try {
      const result = await task(n)
      succeeded.inc()
      return result
    } catch (error) {
      failed.inc()
      throw error
    } finally {
      ran.observe((performance.now() - began) / 1_000)
    }
  }
}

/** The same meters for a task that calls back. */
const meteredCallback = (task: CallbackTask, register: Registry): CallbackTask => {
  const { failed, ran, started, succeeded } = metersOf(register)
  return (n, done) => {
    started.inc()
    const began = performance.now()
    task(n, (error, result) => {
      if (error == null) succeeded.inc()
      else failed.inc()
      ran.observe((performance.now() - began) / 1_000)
      done(error, result)
    })
  }
}
