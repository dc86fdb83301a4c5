/**
 * What people put around a task where a load asks for more than their pool has: p-timeout around each attempt, p-retry around
 * all attempts, prom-client around the whole. Each part is called as its README says, and loaded only where the load asks for it.
 */
import type { Registry } from "prom-client"
import type { Load } from "../load.ts"
import { type CallbackTask, type PromiseTask, promiseTasks } from "../tasks.ts"

/** The meters, where the load asks for some, are registered at `register`. Default: a registry of their own. */
export const stack = async (load: Load, register?: Registry): Promise<PromiseTask> => {
  const { metrics, retries, timeoutMillis } = load
  let task = promiseTasks[load.task]
  if (timeoutMillis !== undefined) task = await limited(task, timeoutMillis)
  if (retries === true) task = await retried(task)
  return metrics === true ? metered(task, register) : task
}

/**
 * One error for all that are late: left to itself p-timeout makes one with a stack for each call ahead of time, which costs
 * more than all the rest of the stack. What has its answer already is no promise that could be late.
 */
const limited = async (task: PromiseTask, milliseconds: number): Promise<PromiseTask> => {
  const { default: pTimeout, TimeoutError } = await import("p-timeout")
  const options = { milliseconds, message: new TimeoutError(`Promise timed out after ${milliseconds} milliseconds`) }
  return (n) => {
    const result = task(n)
    return typeof result === "number" ? result : pTimeout(result, options)
  }
}

/** As often as all others try, and at once. */
const retrying = { retries: 3, minTimeout: 0 }
const retried = async (task: PromiseTask): Promise<PromiseTask> => {
  const { default: pRetry } = await import("p-retry")
  return (n) => pRetry(() => task(n), retrying)
}

/** Around all attempts of a request. `startTimer` of the histogram would cost more than a clock that is read by hand. */
const metered = async (task: PromiseTask, register?: Registry): Promise<PromiseTask> => {
  const { failed, ran, started, succeeded } = await metersOf(register)
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

/** The same around a task that calls back. */
export const meteredCallback = async (task: CallbackTask, register?: Registry): Promise<CallbackTask> => {
  const { failed, ran, started, succeeded } = await metersOf(register)
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

/**
 * Counts and a histogram of how long requests ran, as this pool's metrics have; that of how long they waited, which it has
 * as well, is left out.
 */
const metersOf = async (register?: Registry) => {
  const { Counter, Histogram, Registry } = await import("prom-client")
  const registers = [register ?? new Registry()]
  return {
    started: new Counter({ name: "started_total", help: "Requests that started", registers }),
    // Two counters: one with a label for the end would cost more.
    succeeded: new Counter({ name: "succeeded_total", help: "Requests that succeeded", registers }),
    failed: new Counter({ name: "failed_total", help: "Requests that failed", registers }),
    ran: new Histogram({ name: "ran_seconds", help: "How long requests ran", registers })
  }
}
