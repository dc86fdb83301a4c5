/** The same pools with what people stack on them. A process loads those that it measures. */
import { type Implementation, type Load, notMeasured } from "../load.ts"
import { answersAtOnce } from "../tasks.ts"
import { asyncTask } from "./callbacks.ts"

/** What asks for none of the parts is measured without them, and so is what overloads the pool. */
const lacks = ({ metrics, patienceMillis, retries, timeoutMillis }: Load): string | undefined =>
  patienceMillis !== undefined || (timeoutMillis === undefined && retries !== true && metrics !== true)
    ? notMeasured
    : undefined

const stackOf = async (load: Load) => (await import("./stack.ts")).stack(load)

export const pQueueStacked: Implementation = {
  how: "`queue.add(() => stacked(n)).then(done)`, where `stacked` is `pRetry(() => pTimeout(task(n), ...))` between counters and a histogram of prom-client, each only where the case asks for it. p-timeout gets one error for all calls, which spares it one for each. The queue's own `timeout` would be one for all attempts together",
  lacks,
  open: async (load) => {
    const stacked = await stackOf(load)
    const { default: PQueue } = await import("p-queue")
    const queue = new PQueue({ concurrency: load.concurrency })
    return (n, done) => void queue.add(() => stacked(n)).then(done)
  }
}

export const pLimitStacked: Implementation = {
  how: "`limit(stacked, n).then(done)`, with the same parts",
  lacks,
  open: async (load) => {
    const stacked = await stackOf(load)
    const { default: pLimit } = await import("p-limit")
    const limit = pLimit(load.concurrency)
    return (n, done) => void limit(stacked, n).then(done)
  }
}

export const fastqPromiseStacked: Implementation = {
  how: "`fastq.promise(stacked, concurrency)` and `queue.push(n).then(done)`, with the same parts",
  lacks,
  open: async (load) => {
    const { concurrency, metrics, retries, task } = load
    const stacked = await stackOf(load)
    const isPromise = metrics === true || retries === true || !answersAtOnce(task)
    const run = isPromise ? (stacked as (n: number) => Promise<number>) : async (n: number) => stacked(n)
    const { default: fastq } = await import("fastq")
    const queue = fastq.promise<unknown, number, number>(run, concurrency)
    return (n, done) => void queue.push(n).then(done)
  }
}

export const asyncStacked: Implementation = {
  how: "as async, whose own timeouts and retries are all that it needs, between the same counters and histogram",
  lacks: (load) => (load.metrics === true ? lacks(load) : notMeasured),
  open: async (load) => {
    const { meteredCallback } = await import("./stack.ts")
    const { default: async } = await import("async")
    const queue = async.queue<number, number>(await meteredCallback(await asyncTask(load)), load.concurrency)
    return (n, done) => void queue.push<number>(n, (error, result) => done(error == null ? result : undefined))
  }
}
