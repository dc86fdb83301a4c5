/** What a fiber pays for one way through the scheduler. Told in scheduler.md. */
import { AsyncLocalStorage } from "node:async_hooks"
import { bytesEach, compare, cpuMicros, expect } from "./measure.mjs"

/** So many fibers, each of which yields over and over. */
const yielding = async (n, fibers) => {
  const Effect = await import("effect/Effect")
  return cpuMicros(n, (n) => {
    let begun = 0
    const loop = Effect.whileLoop({ while: () => begun < n, body: () => (begun++, Effect.yieldNow), step: () => {} })
    return Effect.runPromise(Effect.all(Array(fibers).fill(loop), { concurrency: "unbounded", discard: true }))
  })
}

/** One fiber hands values to another through a queue of one. */
const handingOver = async (n) => {
  const [Effect, Queue] = await Promise.all([import("effect/Effect"), import("effect/Queue")])
  return cpuMicros(n, (n) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const queue = yield* Queue.bounded(1)
        let offered = 0
        let taken = 0
        const offer = Effect.whileLoop({
          while: () => offered < n,
          body: () => Queue.offer(queue, offered++),
          step: () => {}
        })
        const take = Effect.whileLoop({
          while: () => taken < n,
          body: () => (taken++, Queue.take(queue)),
          step: () => {}
        })
        yield* Effect.all([offer, take], { concurrency: 2, discard: true })
      })
    )
  )
}

/** Fibers that have yielded once, and wait. */
const bytes = async (n) => {
  const Effect = await import("effect/Effect")
  const fork = Effect.runForkWith(await Effect.runPromise(Effect.context()))
  const waiting = Effect.andThen(Effect.yieldNow, Effect.never)
  return bytesEach(n, () => fork(waiting))
}

const run = async (n) => ({
  "µs a yield, 1 fiber": await yielding(n, 1),
  "µs a yield, 1,024 fibers": await yielding(4 * n, 1_024),
  "µs a hand-over": await handingOver(n),
  "bytes, a fiber that has yielded": await bytes(n)
})

/** The same turns of the event loop without a fiber, and the same fiber without a turn. */
const bare = async (n) => {
  const Effect = await import("effect/Effect")
  const fork = Effect.runForkWith(await Effect.runPromise(Effect.context()))
  return {
    "µs a yield, 1 fiber": await cpuMicros(n, (n) => turns(n, 1)),
    "µs a yield, 1,024 fibers": await cpuMicros(4 * n, (n) => turns(n, 1_024)),
    "µs a hand-over": await cpuMicros(n, (n) => turns(n, 1)),
    "bytes, a fiber that has yielded": await bytesEach(n, () => fork(Effect.never))
  }
}

const turns = (n, atOnce) =>
  new Promise((resolve) => {
    let done = 0
    const turn = () => {
      done += atOnce
      if (done >= n) resolve()
      else setImmediate(turn)
    }
    setImmediate(turn)
  })

/** What is scheduled runs in the async context of the fiber that has scheduled it, in its order, and timers have their turn. */
const holds = async () => {
  const Effect = await import("effect/Effect")
  const storage = new AsyncLocalStorage()
  const order = []
  const fiber = (name) =>
    storage.run(name, () =>
      Effect.runPromise(
        Effect.gen(function* () {
          for (let at = 0; at < 2; at++) {
            yield* Effect.yieldNow
            order.push(storage.getStore())
          }
        })
      )
    )
  await Promise.all([fiber("a"), fiber("b")])
  expect(order.join() === "a,b,a,b", `a,b,a,b, got ${order}`)
  let hasRung = false
  setTimeout(() => (hasRung = true), 1)
  await Effect.runPromise(Effect.whileLoop({ while: () => !hasRung, body: () => Effect.yieldNow, step: () => {} }))
}

const shared = [
  "    return new MixedSchedulerDispatcher(this.setImmediate);",
  "    return this.dispatcher ??= new MixedSchedulerDispatcher(this.setImmediate);"
]
// So many flushes in microtasks, then a turn of the event loop.
const microtasks = [
  "    if (this.running === undefined) {\n      this.running = this.setImmediate(this.afterScheduled);",
  `    if (this.running === undefined) {
      if (this.setImmediate === setImmediate && ++this.flushes % 64 !== 0) {
        let isCancelled = false;
        queueMicrotask(() => { if (!isCancelled) this.afterScheduled(); });
        this.running = () => { isCancelled = true; };
      } else this.running = this.setImmediate(this.afterScheduled);`
]
const flushes = ["  running = undefined;\n", "  running = undefined;\n  flushes = 0;\n"]

await compare(import.meta.filename, {
  title: "One way through the scheduler",
  n: 100_000,
  quick: 500,
  variants: {
    "as it is": { run, check: holds },
    "one dispatcher for a scheduler": { run, check: holds, patches: { "Scheduler.js": [shared] } },
    "and 63 of 64 flushes in microtasks": {
      run,
      check: holds,
      patches: { "Scheduler.js": [shared, microtasks, flushes] }
    },
    "setImmediate alone": { run: bare }
  }
})
