/** The pools of promises. Each is called as its README says, with the least around it that gives the result to its caller; a process loads the one that it measures. */
import type { Implementation, Load, Start } from "../load.ts"
import { answersAtOnce, guarded, promiseTasks } from "../tasks.ts"
import { impatient, without } from "./without.ts"

/** They run a task and hand its result on. */
const lacks = without("retries", "metrics")

const caller = (
  load: Load,
  length: () => number,
  run: (n: number, gone: AbortSignal | undefined) => Promise<number>
): Start =>
  load.patienceMillis === undefined
    ? (n, done) => void run(n, undefined).then(done)
    : impatient(load, length, (n, gone, end) => void run(n, gone).then(end, () => end(undefined)))

/** A task that does not even start when its caller has gone. */
const unlessGone = (task: (n: number) => number | Promise<number>, n: number, gone: AbortSignal | undefined) => {
  gone?.throwIfAborted()
  return task(n)
}

export const pQueue: Implementation = {
  how: "`queue.add(() => task(n)).then(done)`; timeouts are its own `timeout` option, whose signal is handed on; a caller that goes aborts the `signal` of its `add`",
  lacks,
  open: async (load) => {
    const { default: PQueue } = await import("p-queue")
    const task = promiseTasks[load.task]
    const queue = new PQueue(
      load.timeoutMillis === undefined
        ? { concurrency: load.concurrency }
        : { concurrency: load.concurrency, timeout: load.timeoutMillis }
    )
    const { priorities } = load
    if (priorities !== undefined)
      return caller(
        load,
        () => queue.size,
        (n) => queue.add(() => task(n), { priority: n % priorities })
      )
    if (load.signals !== true)
      return caller(
        load,
        () => queue.size,
        (n) => queue.add(() => task(n))
      )
    return caller(
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
    const { default: pLimit } = await import("p-limit")
    const task = guarded(promiseTasks[load.task], load)
    const limit = pLimit(load.concurrency)
    return caller(
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
    const { default: fastq } = await import("fastq")
    const task = guarded(promiseTasks[load.task], load)
    if (load.signals === true) {
      const queue = fastq.promise(
        async ({ gone, n }: { readonly n: number; readonly gone: AbortSignal | undefined }) =>
          unlessGone(task, n, gone),
        load.concurrency
      )
      return caller(
        load,
        () => queue.length(),
        (n, gone) => queue.push({ n, gone })
      )
    }
    const run = answersAtOnce(load.task) ? async (n: number) => task(n) : (task as (n: number) => Promise<number>)
    const queue = fastq.promise<unknown, number, number>(run, load.concurrency)
    return caller(
      load,
      () => queue.length(),
      (n) => queue.push(n)
    )
  }
}
