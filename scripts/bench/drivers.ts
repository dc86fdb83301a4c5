/** Puts a load on an implementation and measures it. The same code drives all of them. */
import type { Case } from "./cases.ts"
import { during, peakMegabytes } from "./during.ts"
import type { Implementation, Load, Measurement, Start } from "./load.ts"
import { measureOverload, offer } from "./overload.ts"
import { median, quantile } from "./rounds.ts"
import { burning, sleepMillis } from "./tasks.ts"
import { withTurns } from "./turns.ts"

export const measure = async (self: Case, by: Implementation): Promise<Measurement> => {
  switch (self.kind) {
    case "closed":
      return suspends(self) ? withTurns(() => ofClosed(self, by)) : ofClosed(self, by)
    case "waiting":
      return waiting(self, self.through === "tickets" ? await by.openTickets!(self.load) : await by.open(self.load))
    case "overload":
      return measureOverload(self, await by.open(self.load))
    case "offered":
      return offered(self, await by.open(self.load))
    case "lateness":
      return lateness(self, await by.open(self.load))
    case "threads":
    case "durable":
    case "cold":
      throw new Error("it is measured by `measureThreads`, `measureDurable` or `measureCold`")
  }
}

/** Such a case shows how often the host has its turn: pools that go on in microtasks alone give it none. */
const suspends = ({ load: { task } }: Case): boolean => task === "suspend" || task === "immediate"

const ofClosed = async (self: Case, by: Implementation): Promise<Measurement> =>
  self.through === "stream" ? stream(self, await by.openStream!(self.load)) : closed(self, await by.open(self.load))

/** `n` requests, at most `outstanding` at a time: each end starts the next. A start may call back at once. */
export const drive = (n: number, outstanding: number, start: Start): Promise<number> =>
  new Promise((resolve, reject) => {
    let next = 0
    let ended = 0
    let sum = 0
    let starting = false
    const startMore = () => {
      if (starting) return
      starting = true
      while (next < n && next - ended < outstanding) start(next++, done)
      starting = false
      if (ended === n) resolve(sum)
    }
    const done = (result: number | undefined) => {
      if (result === undefined) return reject(new Error("a request came to nothing"))
      sum += result
      ended++
      startMore()
    }
    startMore()
  })

const check = (n: number, sum: number): void => {
  if (sum !== (n * (n - 1)) / 2) throw new Error(`the results of ${n} requests add up to ${sum}`)
}

const closed = async ({ load, n, outstanding }: Case, start: Start): Promise<Measurement> => {
  if (load.task !== "sleep") return during(n, async () => check(n, await drive(n, outstanding, start)))
  const times = new Float64Array(n)
  const timed: Start = (input, done) => {
    const began = performance.now()
    start(input, (result) => {
      times[input] = performance.now() - began
      done(result)
    })
  }
  const measured = await during(n, async () => check(n, await drive(n, outstanding, timed)))
  return {
    ...measured,
    share: shareOfIdeal(measured, load),
    p50Millis: quantile([...times], 0.5),
    p99Millis: quantile([...times], 0.99)
  }
}

export const shareOfIdeal = ({ rate }: Measurement, { concurrency }: Load): number =>
  rate / (concurrency / (sleepMillis / 1_000))

const stream = async (
  { load, n, outstanding }: Case,
  run: (n: number, outstanding: number) => Promise<number>
): Promise<Measurement> => {
  const measured = await during(n, async () => check(n, await run(n, outstanding)))
  return load.task === "sleep" ? { ...measured, share: shareOfIdeal(measured, load) } : measured
}

/** What is in use after a full collection, before and after: the array of inputs and tickets is not counted. */
const waiting = async ({ n }: Case, start: Start | ((input: number) => unknown)): Promise<Measurement> => {
  const held: Array<unknown> = Array.from({ length: n }, () => undefined)
  const done = () => {
    throw new Error("a request that cannot end has ended")
  }
  const before = await heapInUse()
  const measured = await during(n, async () => {
    for (let input = 0; input < n; input++) {
      held[input] = start(input, done)
      // Nobody makes a million requests in one turn of the event loop.
      if (input % 1_000 === 999) await new Promise(setImmediate)
    }
  })
  const bytesEach = ((await heapInUse()) - before) / n
  if (held.length !== n) throw new Error("what was held is gone")
  return { ...measured, peakMegabytes: peakMegabytes(), bytesEach }
}

const heapInUse = async (): Promise<number> => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc!()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}

const offered = async ({ rate, seconds }: Case, start: Start): Promise<Measurement> => {
  const total = Math.round(rate * seconds)
  const times: Array<number> = []
  let refused = 0
  let left = total
  const measured = await during(
    total,
    () =>
      new Promise((resolve) => {
        void offer(rate, seconds, (n) => {
          const began = performance.now()
          start(n, (result, reason) => {
            if (reason === "refused") refused++
            else if (result === n) times.push(performance.now() - began)
            if (--left === 0) resolve()
          })
        })
      })
  )
  return {
    ...measured,
    rate: (measured.rate * times.length) / total,
    refused,
    late: total - refused - times.length,
    p50Millis: median(times),
    p99Millis: quantile(times, 0.99)
  }
}

/** How much later than asked a timer of the host rings while the tasks keep the processor busy. */
const lateness = async ({ load, seconds }: Case, start: Start): Promise<Measurement> => {
  const periodMillis = 10
  const late: Array<number> = []
  let timer: NodeJS.Timeout
  const set = () => {
    const due = performance.now() + periodMillis
    timer = setTimeout(() => {
      late.push(performance.now() - due)
      set()
    }, periodMillis)
  }
  set()
  burning.until = performance.now() + seconds * 1_000
  const measured = await during(load.concurrency, async () => {
    await drive(load.concurrency, load.concurrency, start)
  })
  clearTimeout(timer!)
  return {
    ...measured,
    rate: burning.bursts / seconds,
    p50Millis: median(late),
    p99Millis: quantile(late, 0.99),
    maxMillis: Math.max(...late)
  }
}
