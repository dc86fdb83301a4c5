/** What it costs that each suspension of a fiber captures Node's async context. Told in asyncContext.md. */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks"
import { compare, cpuMicros, expect } from "./measure.mjs"

const outstanding = 1_000

/** A fiber for each operation, which suspends once: so is the caller of whatever answers later. */
const shortLived = async (n) => {
  const Effect = await import("effect/Effect")
  const fork = Effect.runForkWith(await Effect.runPromise(Effect.context()))
  return cpuMicros(n, (n) => {
    const { promise, resolve } = Promise.withResolvers()
    let begun = 0
    let ended = 0
    const start = () => {
      begun++
      fork(
        Effect.map(
          Effect.callback((resume) => queueMicrotask(() => resume(Effect.void))),
          end
        )
      )
    }
    const end = () => {
      if (++ended === n) resolve()
      else if (begun < n) queueMicrotask(start)
    }
    for (let at = 0; at < Math.min(outstanding, n); at++) start()
    return promise
  })
}

/** Fibers that live on, and suspend over and over. */
const longLived = async (n) => {
  const Effect = await import("effect/Effect")
  return cpuMicros(n, (n) => {
    let begun = 0
    const once = Effect.callback((resume) => queueMicrotask(() => resume(Effect.void)))
    const loop = Effect.whileLoop({ while: () => begun < n, body: () => (begun++, once), step: () => {} })
    return Effect.runPromise(Effect.all(Array(64).fill(loop), { concurrency: "unbounded", discard: true }))
  })
}

const run = async (n) => ({
  "µs, a fiber that suspends once": await shortLived(n),
  "µs, one more suspension": await longLived(n)
})

/** A fiber that another one resumes goes on in its own context. */
const keepsContext = async () => {
  const Effect = await import("effect/Effect")
  const storage = new AsyncLocalStorage()
  let wake
  const waiting = Effect.callback((resume) => {
    wake = () => resume(Effect.void)
  })
  const seen = storage.run("own", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const seen = []
        for (let at = 0; at < 2; at++) {
          yield* waiting
          seen.push(storage.getStore())
        }
        return seen
      })
    )
  )
  storage.run("the other's", () => wake())
  storage.run("the other's", () => wake())
  expect((await seen).join() === "own,own", `own,own, got ${await seen}`)
}

const capture = 'AsyncResource === undefined ? undefined : new AsyncResource("effect/Fiber")'
const entry = `    } else if (this._asyncContext !== undefined) {
      const asyncContext = this._asyncContext;
      this._asyncContext = undefined;
      try {
        return asyncContext.runInAsyncScope(this.evaluate, this, effect);
      } finally {
        // Each captured context is resumed once, so release it for async_hooks
        // consumers like vitest's detectAsyncLeaks.
        asyncContext.emitDestroy();
      }
    }`

await compare(import.meta.filename, {
  title: "Capturing the async context of a fiber",
  n: 300_000,
  quick: 500,
  variants: {
    "as it is": { run, check: keepsContext },
    // What a reference would do that switches it off: the price, and all that there is to win.
    "not captured": { run, patches: { "internal/effect.js": [[capture, "undefined"]] } },
    // Captured when the fiber first suspends, kept until its end.
    "once per fiber": {
      run,
      check: keepsContext,
      patches: {
        "internal/effect.js": [
          [
            entry,
            `    } else if (this._asyncContext !== undefined && this._isInContext !== true) {
      this._isInContext = true;
      try {
        return this._asyncContext.runInAsyncScope(this.evaluate, this, effect);
      } finally {
        this._isInContext = false;
        if (this._exit !== undefined) {
          this._asyncContext.emitDestroy();
          this._asyncContext = undefined;
        }
      }
    }`
          ],
          [
            "      this._asyncContext = captureAsyncContext();\n      return;",
            "      this._asyncContext ??= captureAsyncContext();\n      return;"
          ],
          [
            "    this._asyncContext = undefined;\n    this.cache",
            "    this._asyncContext = undefined;\n    this._isInContext = false;\n    this.cache"
          ]
        ]
      }
    }
  }
})

/** What the calls of Node take by themselves. */
const call = async (name, once) => {
  const least = await leastOf(5, () =>
    cpuMicros(process.argv.includes("--quick") ? 1_000 : 1_000_000, (n) => {
      for (let at = 0; at < n; at++) once(at)
    })
  )
  console.log(`${name}: ${(1_000 * least).toFixed(0)} ns`)
}

const leastOf = async (times, measure) => {
  let least = Number.POSITIVE_INFINITY
  for (let at = 0; at < times; at++) least = Math.min(least, await measure())
  return least
}

const nothing = () => {}
const kept = new AsyncResource("kept")
let last
await call("\nnew AsyncResource", () => (last = new AsyncResource("made")))
await call("runInAsyncScope", (at) => kept.runInAsyncScope(nothing, last, at))
await call("both, and emitDestroy", (at) => {
  const resource = new AsyncResource("made")
  resource.runInAsyncScope(nothing, last, at)
  resource.emitDestroy()
})
await call("AsyncLocalStorage.snapshot", () => (last = AsyncLocalStorage.snapshot()))
