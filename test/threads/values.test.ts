/** What crosses to a thread and back arrives as it was, and what cannot cross is said. */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Context,
  DateTime,
  Duration,
  Effect,
  Equal,
  Exit,
  Fiber,
  HashMap,
  Layer,
  Option,
  Schema
} from "effect"
import { Worker } from "node:worker_threads"
import { PoolError, WorkerPool } from "../../src/index.ts"
import * as codec from "../../src/threads/codec.ts"
import * as Threads from "../../src/threads/Threads.ts"
import * as asked from "./modules/values.ts"
import { defectOf, execute, isolations, poolOf } from "./support.ts"

const point = new asked.Point({ x: 21, at: new Date(7) })

/** One or more of each kind. */
const values: Record<keyof typeof asked.echoed, ReadonlyArray<unknown>> = {
  Struct: [{ a: 1, b: "b", c: true, d: null }],
  Numbers: [[0, -0, 1.5, Number.NaN, Infinity, -Infinity]],
  BigInt: [2n ** 70n],
  Date: [new Date(1e12)],
  Undefined: [
    { here: undefined, or: undefined },
    { here: undefined, or: "text" }
  ],
  Bytes: [new Uint8Array([0, 255]), new Uint8Array(0), new Uint8Array(2 ** 20).fill(7)],
  Option: [Option.none(), Option.some(new Date(3))],
  OptionBesideBytes: [{ option: Option.some(5n), bytes: new Uint8Array([1, 2, 3]) }],
  Map: [new Map([["a", new Date(1)]])],
  MapOfOptions: [new Map([["a", Option.some(Number.NaN)]])],
  Set: [new Set([1n, 2n])],
  HashMap: [HashMap.make(["a", new Uint8Array([9])])],
  Chunk: [Chunk.make(1, Infinity)],
  Class: [point],
  ClassItself: [point],
  OptionalKeys: [{}, { plain: "p", option: Option.some(1), either: undefined }, { either: Option.none() }],
  Union: [Option.some(1), new Uint8Array([1]), "text", point],
  Tree: [{ name: Option.some("root"), kids: [{ name: Option.none(), kids: [] }] }],
  Record: [{ a: Option.some(new Date(2)), b: Option.none() }],
  Duration: [Duration.millis(1.5), Duration.infinity],
  DateTime: [DateTime.makeUnsafe(1e12)],
  URL: [new URL("https://example.com/a?b#c")],
  RegExp: [/a+b/giu],
  Symbol: [Symbol.for("there"), "there"],
  Void: [undefined],
  Unknown: [{ deep: [Number.NaN, 1n, new Map([[1, new Set([undefined])]])] }, undefined],
  Any: ["any", null]
}

for (const isolation of isolations) {
  describe(`values that cross to a ${isolation}`, () => {
    // Another one than the thread's, where the same number crosses.
    const pool = poolOf(asked.group, "valueHandlers.ts", {
      isolation,
      answerWithin: "10 seconds",
      killAfter: "20 seconds"
    }).pipe(Layer.provide(Layer.succeed(asked.Factor, 10)))

    it.layer(pool, { timeout: "30 seconds", excludeTestServices: true })((it) => {
      for (const [tag, some] of Object.entries(values)) {
        it.effect(`${tag} comes back as it was`, () =>
          Effect.gen(function* () {
            for (const value of some) {
              const back = yield* execute(asked.echo(tag as keyof typeof asked.echoed), value)
              if (value instanceof URL) assert.strictEqual(String(back), String(value))
              else if (typeof value === "symbol") assert.strictEqual(back, value)
              else assert.isTrue(Equal.equals(back, value) || same(back, value), `${tag}: ${String(back)}`)
              assert.strictEqual(prototypeOf(back), prototypeOf(value))
            }
          })
        )
      }

      it.effect("an instance has its methods there", () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* execute(asked.Doubled, { point }), 42)
        })
      )

      it.effect("a schema may take its time, and ask for services of both sides", () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* execute(asked.Multiplied, { n: 5 }), 5)
        })
      )

      it.effect("a typed error is an instance of its class, its fields included", () =>
        Effect.gen(function* () {
          const error: asked.TooFar = yield* Effect.flip(execute(asked.Ends, { how: "fail" }))
          assert.instanceOf(error, asked.TooFar)
          assert.instanceOf(error.at, asked.Point)
          assert.strictEqual(error.by, 3n)
          assert.strictEqual(error.at.at.getTime(), 5)
        })
      )

      it.effect("several causes cross together", () =>
        Effect.gen(function* () {
          const { outcome } = yield* outcomeOf(asked.Ends, { how: "fail and die" })
          const reasons = Exit.isFailure(outcome) ? outcome.cause.reasons : []
          assert.deepStrictEqual(
            reasons.map(({ _tag }) => _tag),
            ["Fail", "Die"]
          )
          assert.instanceOf((reasons[0] as Cause.Fail<unknown>).error, asked.TooFar)
          const { defect } = reasons[1] as Cause.Die
          assert.deepInclude(defect, { name: "RangeError", message: "besides" })
        })
      )

      it.effect("of a defect its name and message cross, and its stack where the Rpc says so", () =>
        Effect.gen(function* () {
          const defect = yield* defectOf(asked.Ends, { how: "die" })
          assert.deepInclude(defect, { name: "TypeError", message: "boom" })
          assert.notInclude(defect.stack ?? "", "valueHandlers")
          const withStack = yield* defectOf(asked.WithStack, undefined)
          assert.deepInclude(withStack, { name: "TypeError", message: "boom" })
          assert.include(withStack.stack, "valueHandlers")
        })
      )

      it.effect("a finalizer that dies is told", () =>
        Effect.gen(function* () {
          assert.deepInclude(yield* defectOf(asked.Ends, { how: "finalizer" }), { message: "in its finalizer" })
        })
      )

      it.effect("a handler that interrupts itself is `HandlerInterrupted`", () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(execute(asked.Ends, { how: "interrupt" }))
          assert.instanceOf(error, PoolError.HandlerInterrupted)
        })
      )

      /** Each of these is a defect, and the thread runs the next attempt. */
      const refused: ReadonlyArray<
        readonly [title: string, rpc: any, payload: unknown, ...said: ReadonlyArray<string>]
      > = [
        ["a payload that its schema refuses", asked.Narrow, { n: 1.5 }, 'the payload of "Narrow" cannot be encoded'],
        ["a payload that the thread refuses", asked.Narrow, { n: 2 }, 'the payload of "Narrow" cannot be decoded', "1"],
        [
          "a payload that cannot be cloned",
          asked.Uncloneable,
          { value: () => {} },
          'the payload of "Uncloneable" cannot be sent'
        ],
        [
          "a payload that throws when it is looked at",
          asked.Uncloneable,
          { value: hostile },
          'the payload of "Uncloneable" cannot be sent',
          "looked at"
        ],
        [
          "a result that its schema refuses",
          asked.Answers,
          "a text",
          'the result of "Answers" cannot be encoded',
          "number"
        ],
        [
          "an error that its schema refuses",
          asked.Answers,
          "a failure",
          'the error of "Answers" cannot be encoded',
          "number"
        ],
        [
          "an error among others that its schema refuses",
          asked.Answers,
          "both, wrongly",
          'the end of "Answers" cannot be encoded'
        ],
        [
          "a result that cannot be cloned",
          asked.Uncloneable,
          { value: "function" },
          "what it ended with cannot be sent"
        ],
        [
          "a result that throws when it is looked at",
          asked.Uncloneable,
          { value: "getter" },
          "cannot be sent",
          "looked at"
        ],
        [
          "a schema that throws before",
          asked.Throwing,
          { text: "encode" },
          'the payload of "Throwing" cannot be encoded',
          "thrown in encode"
        ],
        [
          "a schema that throws there",
          asked.Throwing,
          { text: "decode" },
          'the payload of "Throwing" cannot be decoded',
          "thrown in decode"
        ],
        [
          "a schema that throws at the result",
          asked.Throwing,
          { text: "x" },
          'the result of "Throwing" cannot be encoded'
        ],
        [
          "a schema that throws at the error",
          asked.Throwing,
          { text: "fail" },
          'the error of "Throwing" cannot be encoded'
        ],
        ["a schema that throws at home", asked.Throwing, { text: "back" }, 'the result of "Throwing" cannot be decoded']
      ]
      for (const [title, rpc, payload, ...said] of refused) {
        it.effect(`${title} is a defect that says so, and harms no other attempt`, () =>
          Effect.gen(function* () {
            const { message } = yield* defectOf(rpc, payload)
            for (const text of said) assert.include(message, text)
            assert.strictEqual(yield* execute(asked.Doubled, { point }), 42)
            assert.deepInclude(yield* Threads.stats, { started: 1, crashed: 0, killed: 0 })
          })
        )
      }

      it.effect("an encoding that never ends can be interrupted", () =>
        Effect.gen(function* () {
          const exit = yield* Effect.exit(Effect.timeout(execute(asked.NeverEncoded, undefined), 100))
          assert.isTrue(Exit.isFailure(exit))
          assert.strictEqual(yield* execute(asked.Doubled, { point }), 42)
          assert.deepInclude(yield* Threads.stats, { started: 1, crashed: 0, killed: 0 })
        })
      )
    })
  })
}

describe("what cannot be received", () => {
  it.live("by a thread is a defect of its attempt", () =>
    Effect.gen(function* () {
      const { message } = yield* defectOf(asked.Unreadable, undefined)
      assert.strictEqual(message, "its payload could not be received: not to be read")
      assert.strictEqual(yield* execute(asked.Doubled, { point }), 42)
    }).pipe(Effect.provide(poolOf(asked.group, "valueHandlers.ts")), Effect.provideService(asked.Factor, 10))
  )

  it.live("from a thread ends it: what it does is not known", () => {
    const spawned: Array<Worker> = []
    const spawn = () => {
      const workerData = { module: String(new URL("./modules/valueHandlers.ts", import.meta.url)), exports: "group" }
      const worker = new Worker(new URL("../../src/threads/runner/main.ts", import.meta.url), { workerData })
      spawned.push(worker)
      return worker
    }
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(execute(asked.NeverEncoded, undefined)))
      while ((yield* Threads.stats).busy === 0) yield* Effect.yieldNow
      spawned[0]!.emit("messageerror", new Error("not to be read"))
      const error = yield* Fiber.join(fiber)
      assert.instanceOf(error, PoolError.ThreadCrashed)
      assert.strictEqual(error.detail, "what it has sent cannot be received: not to be read")
      assert.strictEqual(yield* execute(asked.Doubled, { point }), 42)
    }).pipe(Effect.provide(poolOf(asked.group, { spawn })), Effect.provideService(asked.Factor, 10))
  })
})

describe("the form in which values cross", () => {
  it("bytes, dates and numbers stay what they are beside what crosses in another form", () => {
    const schema = Schema.Struct({
      option: Schema.Option(Schema.Number),
      bytes: Schema.Uint8Array,
      date: Schema.Date,
      map: Schema.ReadonlyMap(Schema.String, Schema.BigInt)
    })
    const value = {
      option: Option.some(Number.NaN),
      bytes: new Uint8Array(3),
      date: new Date(1),
      map: new Map([["a", 1n]])
    }
    const encoded = Effect.runSync(codec.encoder(schema, "it", Context.empty())(value)).value as typeof value
    assert.strictEqual(encoded.bytes, value.bytes)
    assert.strictEqual(encoded.date, value.date)
    assert.deepStrictEqual(encoded.map, value.map)
    assert.deepStrictEqual(encoded.option as unknown, { _tag: "Some", value: Number.NaN })
  })
})

const hostile = {
  get it() {
    throw new Error("looked at")
  }
}

const outcomeOf = (rpc: any, payload: unknown) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    const ticket = yield* (pool.submit as any)(rpc, payload) as Effect.Effect<any>
    return { outcome: yield* Effect.exit(ticket.await as Effect.Effect<unknown, unknown>) }
  })

const same = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(a, b)
    return true
  } catch {
    return false
  }
}

const prototypeOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined
