/** How many bytes a fiber takes that waits for a callback. Told in waitingFiber.md. */
import { bytesEach, compare, cpuMicros, expect } from "./measure.mjs"

const run = async (n) => {
  const Effect = await import("effect/Effect")
  const fork = Effect.runForkWith(await Effect.runPromise(Effect.context()))
  const nothing = Effect.sync(() => {})
  const ignore = () => {}
  const held = []
  return {
    "bytes, waits for a callback": await bytesEach(n, () => {
      fork(Effect.callback((resume) => void held.push(resume)))
    }),
    "bytes, with a finalizer and a map": await bytesEach(n, () => {
      fork(
        Effect.map(
          Effect.callback((resume) => (held.push(resume), nothing)),
          ignore
        )
      )
    }),
    "µs, from fork to end": await cpuMicros(n, (n) => {
      const { promise, resolve } = Promise.withResolvers()
      let ended = 0
      const end = () => {
        if (++ended === n) resolve()
      }
      for (let at = 0; at < n; at += 1_000) {
        queueMicrotask(() => {
          const waiting = []
          const upTo = Math.min(at + 1_000, n)
          for (let one = at; one < upTo; one++) {
            fork(
              Effect.map(
                Effect.callback((resume) => (waiting.push(resume), nothing)),
                end
              )
            )
          }
          for (const resume of waiting) resume(Effect.void)
        })
      }
      return promise
    })
  }
}

/** A promise with somebody who waits for it. */
const promises = async (n) => {
  const ignore = () => {}
  const held = []
  const figure = await bytesEach(n, () => {
    new Promise((resolve) => held.push(resolve)).then(ignore)
  })
  const cpu = await cpuMicros(n, async (n) => {
    for (let at = 0; at < n; at += 1_000) {
      const waiting = []
      const upTo = Math.min(at + 1_000, n)
      let last
      for (let one = at; one < upTo; one++) last = new Promise((resolve) => waiting.push(resolve)).then(ignore)
      for (const resolve of waiting) resolve()
      await last
    }
  })
  return {
    "bytes, waits for a callback": figure,
    "bytes, with a finalizer and a map": figure,
    "µs, from fork to end": cpu
  }
}

/** Resumed once, at once or later; finalized when interrupted, and deaf from then on; a signal is aborted; deep stacks unwind. */
const holds = async () => {
  const [Effect, Fiber] = await Promise.all([import("effect/Effect"), import("effect/Fiber")])
  const said = []
  let wake
  const waiting = Effect.callback((resume) => {
    wake = resume
    return Effect.sync(() => said.push("finalized"))
  })
  const fiber = Effect.runFork(waiting)
  wake(Effect.succeed(1))
  wake(Effect.succeed(2))
  expect((await Effect.runPromise(Fiber.join(fiber))) === 1, "the first answer alone")
  expect((await Effect.runPromise(Effect.callback((resume) => resume(Effect.succeed(3))))) === 3, "an answer at once")
  const stopped = Effect.runFork(waiting)
  const exit = await Effect.runPromise(Effect.andThen(Fiber.interrupt(stopped), Fiber.await(stopped)))
  wake(Effect.succeed(4))
  expect(exit._tag === "Failure" && said.join() === "finalized", `one finalizer, got ${said}`)
  let signal
  const listening = Effect.runFork(Effect.callback((_, given) => void (signal = given)))
  await Effect.runPromise(Fiber.interrupt(listening))
  expect(signal.aborted, "an aborted signal")
  const deep = (depth) => (depth === 0 ? Effect.fail("deep") : Effect.map(deep(depth - 1), (n) => n + 1))
  const caught = Effect.match(deep(500), { onFailure: (error) => error, onSuccess: () => "none" })
  expect((await Effect.runPromise(caught)) === "deep", "a failure from the depth")
}

const notCaptured = ['AsyncResource === undefined ? undefined : new AsyncResource("effect/Fiber")', "undefined"]
// The first frames are fields; an array comes with the fourth.
const frames = [
  ["    this._stack = [];", "    this._stack = new Frames();"],
  ["    this._stack.length = 0;", "    this._stack.clear();"],
  [
    "const fiberIdStore = {",
    `class Frames {
  constructor() {
    this.size = 0;
    this.a = this.b = this.c = this.rest = undefined;
  }
  push(frame) {
    switch (this.size++) {
      case 0: this.a = frame; return;
      case 1: this.b = frame; return;
      case 2: this.c = frame; return;
      default: this.rest === undefined ? this.rest = [frame] : this.rest.push(frame);
    }
  }
  pop() {
    if (this.size === 0) return undefined;
    let frame;
    switch (--this.size) {
      case 0: frame = this.a; this.a = undefined; return frame;
      case 1: frame = this.b; this.b = undefined; return frame;
      case 2: frame = this.c; this.c = undefined; return frame;
      default: return this.rest.pop();
    }
  }
  clear() {
    this.size = 0;
    this.a = this.b = this.c = this.rest = undefined;
  }
}
const fiberIdStore = {`
  ]
]
const stop = 'if (typeof yielded === "function") yielded(); else yielded.isOver = true;'
// What waits is one object: the frame that finalizes it, and what a fiber that goes on without it has to tell.
const suspension = [
  [
    "      this._yielded = undefined;\n      yielded();\n    }\n    const exit",
    `      this._yielded = undefined;\n      ${stop}\n    }\n    const exit`
  ],
  [
    "              this._yielded = undefined;\n              yielded();\n",
    `              this._yielded = undefined;\n              ${stop}\n`
  ],
  [
    `      let resumed = false;
      let yielded = false;
      const controller = this.withSignal ? new AbortController() : undefined;
      const onCancel = this.register.call(fiber.cache.scheduler, effect => {
        if (resumed) return;
        resumed = true;
        if (yielded) {
          fiber.evaluate(effect);
        } else {
          yielded = effect;
        }
      }, controller?.signal);
      if (yielded !== false) return yielded;
      yielded = true;
      // V8 pretenures closures assigned to a property; a method argument avoids that and survives minification
      fiber.yieldWith(() => {
        resumed = true;
      });
      if (controller === undefined && onCancel === undefined) {
        return Yield;
      }
      fiber._stack.push(asyncFinalizer(() => {
        resumed = true;
        controller?.abort();
        return onCancel ?? exitVoid;
      }));
      return Yield;`,
    `      const suspension = new Suspension(fiber, this.withSignal ? new AbortController() : undefined);
      const onCancel = this.register.call(fiber.cache.scheduler, suspension.listener(), suspension.controller?.signal);
      if (suspension.fiber === undefined) return suspension.onCancel;
      suspension.isSuspended = true;
      suspension.onCancel = onCancel;
      fiber.yieldWith(suspension);
      if (suspension.controller !== undefined || onCancel !== undefined) fiber._stack.push(suspension);
      return Yield;`
  ],
  [
    "const asyncFinalizer = ",
    `class Suspension {
  constructor(fiber, controller) {
    this.fiber = fiber;
    this.controller = controller;
    this.onCancel = undefined;
    this.isSuspended = false;
    this.isOver = false;
  }
  listener() {
    return effect => this.resume(effect);
  }
  resume(effect) {
    if (this.isOver) return;
    this.isOver = true;
    if (this.isSuspended) return this.fiber.evaluate(effect);
    this.fiber = undefined;
    this.onCancel = effect;
  }
}
{
  const { [contAll]: all } = makePrimitiveProto({ op: "Suspension", [contAll](fiber) {
    if (fiber.interruptible) {
      fiber.interruptible = false;
      fiber._stack.push(setInterruptibleTrue);
    }
  } });
  Suspension.prototype[contAll] = all;
  Suspension.prototype[contE] = function (cause) {
    if (!hasInterrupts(cause)) return failCause(cause);
    this.isOver = true;
    this.controller?.abort();
    return flatMap(combineFinalizerCause(exitFailCause(cause), this.onCancel ?? exitVoid), () => failCause(cause));
  };
}
const asyncFinalizer = `
  ]
]
const patched = (...pairs) => ({ run, check: holds, patches: { "internal/effect.js": pairs } })

await compare(import.meta.filename, {
  title: "A fiber that waits for a callback",
  n: 100_000,
  quick: 500,
  variants: {
    "as it is": { run, check: holds },
    "no async context": patched(notCaptured),
    "frames without an array": patched(...frames),
    "one object for a suspension": patched(...suspension),
    "all three": patched(notCaptured, ...frames, ...suspension),
    "a promise instead": { run: promises }
  }
})
