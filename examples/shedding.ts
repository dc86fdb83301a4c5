/** Twice as much as a pool can do, first in, first out and with shedding: who is answered in time. Run it: `npm run example examples/shedding.ts`. */
import { createPool, type Options, RequestShed } from "effect-worker-pool/promise"

const sleep = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/** An answer is of use to whoever asks for a quarter of a second. */
const patienceMillis = 250

/** Four workers of 20 ms do 200 a second: for two seconds there are 400. */
const overload = async (options: Options) => {
  await using pool = createPool({ minWorkers: 4, maxWorkers: 4, ...options })
  const counts = { inTime: 0, late: 0, shed: 0 }
  const happened: Array<string> = []
  for (const name of ["Overloaded", "Recovered"] as const) pool.on(name, () => happened.push(name))
  const ask = async () => {
    const asked = performance.now()
    try {
      await pool.run(() => sleep(20))
      counts[performance.now() - asked <= patienceMillis ? "inTime" : "late"]++
    } catch (error) {
      // It is told at once, while there is still time to ask elsewhere.
      if (!(error instanceof RequestShed)) throw error
      counts.shed++
    }
  }
  const calls: Array<Promise<void>> = []
  for (let tick = 0; tick < 40; tick++) {
    for (let call = 0; call < 20; call++) calls.push(ask())
    await sleep(50)
  }
  await Promise.all(calls)
  await sleep(50)
  return { ...counts, happened }
}

const fifo = await overload({})
const shedding = await overload({ strategy: "shedding", shedding: { target: 50, interval: 200 } })

console.log("first in, first out: all are answered, most of them too late:", fifo.shed === 0 && fifo.late > fifo.inTime)
console.log("shedding: most that are answered are answered in time:", shedding.inTime > shedding.late)
console.log("  and more than without it:", shedding.inTime > fifo.inTime)
console.log(
  "  every other one was told no:",
  shedding.inTime + shedding.late + shedding.shed === 800 && shedding.shed > 0
)
console.log("  it said so:", shedding.happened[0], "and at last", shedding.happened.at(-1))
// => first in, first out: all are answered, most of them too late: true
// => shedding: most that are answered are answered in time: true
// =>   and more than without it: true
// =>   every other one was told no: true
// =>   it said so: Overloaded and at last Recovered
