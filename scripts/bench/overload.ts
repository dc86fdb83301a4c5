/** Twice as much is offered as can be done: who gets an answer, and what work goes on for nobody. */
import type { Case } from "./cases.ts"
import { during } from "./during.ts"
import type { Measurement, Start } from "./load.ts"
import { quantile } from "./rounds.ts"

export const workMillis = 50
export const hangMillis = 2_000
export const hangs = (n: number): boolean => n % 20 === 0

/** Sees every body of a task, whatever its pool believes about it. */
class Bodies {
  running = 0
  most = 0
  offeredAt = new Float64Array(0)
  beganAt = new Float64Array(0)
  /** When nobody was left to whom its result would have been of use; 0: somebody still is. */
  uselessAt = new Float64Array(0)
  wastedMillis = 0
  timeoutMillis = Infinity

  begin(n: number): void {
    this.beganAt[n] = performance.now()
    this.most = Math.max(this.most, ++this.running)
  }

  end(n: number): void {
    this.running--
    const timedOutAt = this.beganAt[n]! + this.timeoutMillis
    const uselessAt = Math.min(timedOutAt, this.uselessAt[n] === 0 ? Infinity : this.uselessAt[n]!)
    this.wastedMillis += Math.max(0, performance.now() - Math.max(uselessAt, this.beganAt[n]!))
  }
}

export const bodies = new Bodies()

/** Starts `rate` requests per second for some seconds, whatever becomes of them; late ticks are caught up with. */
export const offer = (rate: number, seconds: number, startOne: (n: number) => void): Promise<number> =>
  new Promise((resolve) => {
    const total = Math.round(rate * seconds)
    const began = performance.now()
    let offered = 0
    const tick = () => {
      const due = Math.min(total, Math.floor(((performance.now() - began) * rate) / 1_000))
      while (offered < due) startOne(offered++)
      if (offered < total) setTimeout(tick, 1)
      else resolve(total)
    }
    tick()
  })

/** A caller that has lost patience is `late`, whether or not its implementation has noticed. */
export const measureOverload = async ({ load, rate, seconds }: Case, start: Start): Promise<Measurement> => {
  const total = Math.round(rate * seconds)
  const patience = load.patienceMillis!
  Object.assign(bodies, {
    offeredAt: new Float64Array(total),
    beganAt: new Float64Array(total),
    uselessAt: new Float64Array(total),
    timeoutMillis: load.timeoutMillis!
  })
  const ended = { ok: 0, refused: 0, late: 0 }
  let left = total
  const measured = await during(
    total,
    () =>
      new Promise((resolve) => {
        void offer(rate, seconds, (n) => {
          const offeredAt = (bodies.offeredAt[n] = performance.now())
          start(n, (result, reason) => {
            const inTime = performance.now() - offeredAt <= patience
            ended[reason === "refused" ? "refused" : result === n && inTime ? "ok" : "late"]++
            if (reason !== "refused" && bodies.uselessAt[n] === 0) bodies.uselessAt[n] = performance.now()
            if (--left === 0) resolve()
          })
        })
      })
  )
  const goodput = (measured.rate * ended.ok) / total
  // What still runs has nobody left to work for.
  while (bodies.running > 0) await new Promise((resolve) => setTimeout(resolve, 50))
  const waits = Array.from(bodies.beganAt, (at, n) => at - bodies.offeredAt[n]!).filter((wait) => wait >= 0)
  const ideal = (0.95 * load.concurrency) / 0.0575
  return {
    ...measured,
    rate: goodput,
    share: goodput / ideal,
    refused: ended.refused,
    late: ended.late,
    p99WaitMillis: quantile(waits, 0.99),
    maxBodies: bodies.most,
    wastedSeconds: bodies.wastedMillis / 1_000
  }
}
