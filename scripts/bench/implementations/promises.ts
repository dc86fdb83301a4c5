/** The pools of promises. Each is called as its README says, with the least around it that gives the result to its caller. */
import fastq from "fastq"
import pLimit from "p-limit"
import PQueue from "p-queue"
import type { Done, Implementation, Load, Start } from "../load.ts"
import { guarded, promiseTasks } from "../tasks.ts"

/** What none of them has: they run a task and hand its result on. */
const lacks = ({ metrics, retries }: Load): string | undefined =>
  retries === true ? (metrics === true ? "no retries, no metrics" : "no retries") : undefined

/**
 * Around an overloaded pool, by hand: it refuses when `length` has reached the capacity, and its callers go when their
 * patience is over. With signals that aborts what they asked for.
 */
const impatient = (
  { capacity = Infinity, patienceMillis, signals }: Load,
  length: () => number,
  run: (n: number, signal: AbortSignal | undefined) => Promise<number>
): Start => {
  if (patienceMillis === undefined) return (n, done) => void run(n, undefined).then(done)
  return (n, done) => {
    if (length() >= capacity) return done(undefined, "refused")
    const controller = signals === true ? new AbortController() : undefined
    const timer = setTimeout(() => {
      controller?.abort(new Error("its caller has gone"))
      end(undefined)
    }, patienceMillis)
    let open = true
    const end = (result: number | undefined) => {
      if (!open) return
      open = false
      clearTimeout(timer)
      if (result === undefined) done(undefined, "late")
      else done(result)
    }
    run(n, controller?.signal).then(end, () => end(undefined))
  }
}

/** A task that does not even start when its caller has gone. */
const unlessGone = (task: (n: number) => number | Promise<number>, n: number, gone: AbortSignal | undefined) => {
  gone?.throwIfAborted()
  return task(n)
}

export const pQueue: Implementation = {
  how: "`queue.add(() => task(n)).then(done)`; timeouts are its own `timeout` option, whose signal is handed on; a caller that goes aborts the `signal` of its `add`",
  lacks,
  open: async (load) => {
    const task = promiseTasks[load.task]
    const queue = new PQueue(
      load.timeoutMillis === undefined
        ? { concurrency: load.concurrency }
        : { concurrency: load.concurrency, timeout: load.timeoutMillis }
    )
    if (load.signals !== true)
      return impatient(
        load,
        () => queue.size,
        (n) => queue.add(() => task(n))
      )
    return impatient(
      load,
      () => queue.size,
      (n, gone) => queue.add(({ signal }) => task(n, signal), gone === undefined ? {} : { signal: gone })
    )
  }
}

export const pLimitPool: Implementation = {
  how: "`limit(task, n).then(done)`, which needs no closure for each call; the timeout by hand: one timer around what does not end at once",
  lacks,
  open: async (load) => {
    const task = guarded(promiseTasks[load.task], load)
    const limit = pLimit(load.concurrency)
    return impatient(
      load,
      () => limit.pendingCount,
      (n, gone) => (gone === undefined ? limit(task, n) : limit(unlessGone, task, n, gone)) as Promise<number>
    )
  }
}

export const fastqPromise: Implementation = {
  how: "`fastq.promise(task, concurrency)` and `queue.push(n).then(done)`; the timeout by hand as for p-limit",
  lacks,
  open: async (load) => {
    const task = guarded(promiseTasks[load.task], load)
    if (load.signals === true) {
      const queue = fastq.promise(
        async ({ gone, n }: { readonly n: number; readonly gone: AbortSignal | undefined }) =>
          unlessGone(task, n, gone),
        load.concurrency
      )
      return impatient(
        load,
        () => queue.length(),
        (n, gone) => queue.push({ n, gone })
      )
    }
    const run =
      load.task === "noop" || load.task === "flaky"
        ? async (n: number) => task(n)
        : (task as (n: number) => Promise<number>)
    const queue = fastq.promise<unknown, number, number>(run, load.concurrency)
    return impatient(
      load,
      () => queue.length(),
      (n) => queue.push(n)
    )
  }
}

export type { Done }
