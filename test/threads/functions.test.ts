/** The two sides of functions on threads, each for itself: what happens when messages cross, and what crosses. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { setImmediate as turn } from "node:timers/promises"
import { Capacity, NotBefore } from "../../src/index.ts"
import { make } from "../../src/threads/functions.ts"
import { From, type FromThread, To, type ToThread } from "../../src/threads/messages.ts"
import { move, movesOf } from "../../src/threads/move.ts"
import { runExports } from "../../src/threads/runner/functions.ts"
import * as Settings from "../../src/threads/settings.ts"
import { fromThrown, postReason, toThrown } from "../../src/threads/thrown.ts"
import { folder } from "./observing.ts"

/** A thread's side, whose other one is here. */
const exported = (module: Record<string, unknown>) => {
  const posted: Array<FromThread> = []
  const left: Array<number> = []
  let tell!: (message: ToThread) => void
  runExports(
    {
      post: (message) => void posted.push(message),
      listen: (listener) => void (tell = listener),
      leave: (code) => void left.push(code)
    },
    module
  )
  return { posted, left, tell, run: (name: string, input?: unknown) => tell([To.run, name, input, "id", 1, undefined]) }
}

describe("the thread's side of functions", () => {
  it("says at once that it has heard of an interruption, and only while something runs", async () => {
    let seen: AbortSignal | undefined
    const ending = Promise.withResolvers<string>()
    const { posted, run, tell } = exported({
      lasts: (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
        seen = signal
        return ending.promise
      }
    })
    const why = toThrown(new TypeError("enough"))
    tell([To.interrupt, why])
    run("lasts")
    tell([To.interrupt, why])
    assert.strictEqual(seen?.reason.message, "enough")
    assert.deepStrictEqual(posted.splice(0), [[From.ready, ["lasts"]], [From.heard]])
    ending.resolve("late")
    await turn()
    // That it has ended was on its way when it was to end: the next one is not meant.
    tell([To.interrupt, why])
    assert.deepStrictEqual(posted, [[From.value, "late"]])
  })

  it("goes when it is told to", () => {
    const { left, tell } = exported({})
    tell([To.end])
    assert.deepStrictEqual(left, [0])
  })

  it("has functions that can be called, and no classes", async () => {
    const { posted, run } = exported({ one: () => 1, two: async () => 2, Three: class extends Map {}, four: 4 })
    assert.deepStrictEqual(posted.splice(0), [[From.ready, ["one", "two"]]])
    for (const name of ["Three", "four", "five"]) {
      run(name)
      await turn()
      const [kind, told] = posted.pop() as [number, { readonly name: string; readonly message: string }]
      assert.deepStrictEqual(
        [kind, told.name, told.message],
        [From.error, "TypeError", `the module exports no function "${name}"`]
      )
    }
  })
})

describe("the pool's side of functions", () => {
  const module = new URL("../promise/modules/functions.ts", import.meta.url)
  const attempt = (signal = new AbortController().signal) => ({ attempt: 1, id: "id", signal })
  const failure = (call: Promise<unknown>) =>
    Effect.promise(() =>
      call.then(
        () => assert.fail("it has succeeded"),
        (error: unknown) => error
      )
    )

  it.live("makes no attempt where there is no thread for it, and ends one that is given up already", () =>
    Effect.gen(function* () {
      const places = new Capacity.Places({ name: "threads" })
      const settings = yield* Effect.fromResult(Settings.make({ min: 1, max: 1, spare: 0, answerWithin: 20_000 }))
      const functions = yield* make({ ...settings, killAfterMillis: 20_000 }, { module }, places)
      const early = yield* failure(functions.call("add", { a: 1, b: 2 }, attempt()))
      assert.instanceOf(early, NotBefore.NotBefore)
      assert.deepInclude(early, { at: "threads", countsAsAttempt: false })
      yield* functions.named
      assert.include(functions.names()!, "add")
      const given = yield* failure(functions.call("note", undefined, attempt(AbortSignal.abort("enough"))))
      assert.strictEqual(given, "enough")
      assert.strictEqual(yield* Effect.promise(() => functions.call("noted", undefined, attempt())), "enough")
    }).pipe(Effect.scoped)
  )

  it.live("tells of an input that cannot be sent also where it has waited for a thread", () =>
    Effect.gen(function* () {
      const { path, write } = yield* folder
      const places = new Capacity.Places({ name: "threads" })
      const settings = yield* Effect.fromResult(Settings.make({ min: 1, max: 1, spare: 0 }))
      const functions = yield* make(settings, { module: `${path}/module.mjs` }, places)
      // Its first thread has failed: attempts are let in to be told so, or to wait for the next one.
      while (functions.counts().total.crashed === 0) yield* Effect.sleep(5)
      yield* write(`${path}/module.mjs`, "export const add = () => 3")
      const unsent: any = yield* failure(functions.call("add", () => 1, attempt()))
      assert.strictEqual(unsent.name, "DataCloneError")
      assert.strictEqual(yield* Effect.promise(() => functions.call("add", 1, attempt())), 3)
    }).pipe(Effect.provide(Logger.layer([])), Effect.scoped)
  )
})

/** As it comes out on the other side. */
const crossed = (error: unknown): any => fromThrown(structuredClone(toThrown(error)))

describe("what is thrown", () => {
  it("crosses with causes that go in a circle, to a depth", () => {
    const circle = new Error("round")
    circle.cause = circle
    let depth = 0
    for (let at = crossed(circle); at !== undefined; at = at.cause) depth++
    assert.strictEqual(depth, 9)
    const several: any = new AggregateError([], "all")
    several.errors.push(several)
    assert.instanceOf(crossed(several).errors[0], AggregateError)
  })

  it("crosses by its text where it, or what it has of its own, cannot be cloned", () => {
    const error = Object.assign(new RangeError("held", { cause: Symbol("why") }), { held: { method: () => 1 } })
    assert.throws(() => crossed(error), /could not be cloned/)
    const made: any = fromThrown(structuredClone(toThrown(error, false)))
    assert.instanceOf(made, RangeError)
    assert.deepStrictEqual([made.message, made.cause, Object.keys(made)], ["held", "Symbol(why)", []])
    assert.strictEqual(fromThrown(toThrown(Symbol("alone"), false)), "Symbol(alone)")
  })

  it("is of a class that its name is the name of, and of no other", () => {
    assert.instanceOf(crossed(new SyntaxError("a")), SyntaxError)
    assert.instanceOf(crossed(new DOMException("a", "DataError")), DOMException)
    for (const name of ["toString", "Odd", "AbortError"]) {
      const made = crossed(Object.assign(new Error("a"), { name }))
      assert.strictEqual(Object.getPrototypeOf(made), Error.prototype)
      assert.strictEqual(made.name, name)
    }
  })

  it("says when to come back, and stays without a stack where it had none", () => {
    const busy = Object.assign(new Error("busy"), { [NotBefore.RetryAfter]: { after: 5, at: "pool" } })
    assert.deepStrictEqual(crossed(busy)[NotBefore.RetryAfter], { after: 5, at: "pool" })
    assert.isFalse(NotBefore.RetryAfter in crossed(new Error("not busy")))
    const bare = new Error("bare")
    delete bare.stack
    assert.isUndefined(crossed(bare).stack)
  })

  it("is posted as a reason as far as it can be", () => {
    const posted = (reason: unknown): any => {
      const told: Array<unknown> = []
      postReason(reason, (thrown) => void told.push(structuredClone(thrown)))
      assert.lengthOf(told, 1)
      return told[0] === undefined ? undefined : fromThrown(told[0] as never)
    }
    const hostile = new Error("hostile")
    Object.defineProperty(hostile, "name", { get: () => assert.fail("hands off") })
    assert.strictEqual(
      posted(Object.assign(new Error("held"), { held: () => [Symbol()], of: [() => 1] })).message,
      "held"
    )
    assert.deepStrictEqual([null, "text", Symbol("a"), undefined, hostile].map(posted), [
      null,
      "text",
      undefined,
      undefined,
      undefined
    ])
  })
})

describe("what is to be moved", () => {
  it("is known to all copies of what marks it", async () => {
    const another = "../../src/threads/move.ts?another"
    const copy: typeof import("../../src/threads/move.ts") = await import(another)
    assert.notStrictEqual(copy.move, move)
    const bytes = new Uint8Array(3)
    copy.move(bytes)
    assert.deepStrictEqual(movesOf(bytes), [bytes.buffer])
    assert.deepStrictEqual([undefined, null, "text", {}].map(movesOf), Array(4).fill(undefined))
  })
})
