/** What `Effect.sleep` costs beside the timer that it sets. Told in sleep.md. */
import { bytesEach, compare, cpuMicros, expect } from "./measure.mjs"

const millis = 5
const atOnce = 1_024

/** `atOnce` sleepers, each of which sleeps again until all sleeps are done. */
const fibers = (sleepOf) => async (n) => {
  const Effect = await import("effect/Effect")
  const sleep = sleepOf(Effect)
  const cpu = await cpuMicros(n, (n) => {
    let begun = 0
    const loop = Effect.whileLoop({ while: () => begun < n, body: () => (begun++, sleep(millis)), step: () => {} })
    return Effect.runPromise(
      Effect.all(Array(Math.min(atOnce, n)).fill(loop), { concurrency: "unbounded", discard: true })
    )
  })
  const fork = Effect.runForkWith(await Effect.runPromise(Effect.context()))
  const beyondWaiting = await bytesEach(Math.min(n, 100_000), () => fork(sleep(3_600_000)))
  return { "µs a sleep": cpu, "bytes, fiber included": beyondWaiting }
}

const timers = async (n) => {
  const cpu = await cpuMicros(n, (n) => {
    const { promise, resolve } = Promise.withResolvers()
    let begun = 0
    let ended = 0
    const again = () => {
      if (++ended === n) resolve()
      else if (begun < n) start()
    }
    const start = () => {
      begun++
      setTimeout(again, millis)
    }
    for (let at = 0; at < Math.min(atOnce, n); at++) start()
    return promise
  })
  return {
    "µs a sleep": cpu,
    "bytes, fiber included": await bytesEach(Math.min(n, 100_000), () => setTimeout(() => {}, 3_600_000))
  }
}

const byHand = (Effect) => (millis) =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })

/** It sleeps, it can be interrupted, and then its timer keeps nothing alive. */
const sleeps = async () => {
  const [Effect, Fiber] = await Promise.all([import("effect/Effect"), import("effect/Fiber")])
  const timersLeft = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
  const began = performance.now()
  await Effect.runPromise(Effect.sleep(5))
  expect(performance.now() - began > 4, "5 ms of sleep")
  const exit = await Effect.runPromise(
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep(3_600_000), { startImmediately: true })
      expect(timersLeft() === 1, "a timer of the sleeping fiber")
      yield* Fiber.interrupt(fiber)
      return yield* Fiber.await(fiber)
    })
  )
  expect(exit._tag === "Failure" && timersLeft() === 0, "an interrupted sleeper, and no timer")
}

const timerPatch = [
  "    return callback(resume => {\n      const continuation = millis > MAX_TIMER_MILLIS",
  "    if (millis <= MAX_TIMER_MILLIS) return new Sleep(millis);\n    return callback(resume => {\n      const continuation = millis > MAX_TIMER_MILLIS"
]
// One object is the timer's argument, what interrupts it, and the frame of the stack that clears it.
const primitive = [
  "class ClockImpl {",
  `const Sleep = function (millis) { this.millis = millis; };
Sleep.prototype = makePrimitiveProto({
  op: "Sleep",
  [evaluate](fiber) {
    fiber._stack.push(new Sleeping(fiber, this.millis));
    return fiber.yieldWith(constVoid);
  }
});
const Sleeping = function (fiber, millis) {
  this.fiber = fiber;
  this.timer = setTimeout(wake, millis, this);
};
const wake = sleeping => {
  sleeping.timer = undefined;
  sleeping.fiber.evaluate(exitVoid);
};
Sleeping.prototype = makePrimitiveProto({
  op: "Sleeping",
  [contAll]() {
    if (this.timer !== undefined) clearTimeout(this.timer);
  }
});
class ClockImpl {`
]
const inputPatch = [
  "sleep = duration => clockWith(clock => clock.sleep(Duration.fromInputUnsafe(duration)));",
  "sleep = input => { const duration = Duration.fromInputUnsafe(input); return clockWith(clock => clock.sleep(duration)); };"
]
const captureOff = ['AsyncResource === undefined ? undefined : new AsyncResource("effect/Fiber")', "undefined"]
const asItIs = fibers((Effect) => Effect.sleep)

await compare(import.meta.filename, {
  title: `${atOnce.toLocaleString("en")} sleepers, ${millis} ms each`,
  n: 200_000,
  quick: 500,
  variants: {
    "Effect.sleep": { run: asItIs, check: sleeps },
    "Effect.callback with setTimeout": { run: fibers(byHand) },
    "a primitive that sleeps": {
      run: asItIs,
      check: sleeps,
      patches: { "internal/effect.js": [timerPatch, primitive] }
    },
    "and the duration read once": {
      run: asItIs,
      check: sleeps,
      patches: { "internal/effect.js": [timerPatch, primitive, inputPatch] }
    },
    "and no async context": {
      run: asItIs,
      check: sleeps,
      patches: { "internal/effect.js": [timerPatch, primitive, inputPatch, captureOff] }
    },
    "setTimeout alone": { run: timers }
  }
})
