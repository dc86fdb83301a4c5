/** When advice is computed, and for what: without the search itself. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import type { Answer } from "../../../src/http/advisor.ts"
import { make, onThread } from "../../../src/program/advice/advisor.ts"
import { defaultTarget } from "../../../src/program/advice/settings.ts"
import type { Task } from "../../../src/program/advice/task.ts"
import { withPool } from "../../support/bench.ts"

const settings = { targets: undefined, afterMillis: 60_000, mostWorkers: 7, unchanging: {} as Task["unchanging"] }
const today = { policy: "adaptive:waitTarget=50ms", minWorkers: 1, maxWorkers: 4 }

const none = { _tag: "None", why: "a test" } as const

describe("advice", () => {
  it.effect("needs a minimum of requests and of time", () =>
    withPool({ minWorkers: 1 })((bench) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { ask } = (yield* make(bench.pool, settings, () => Effect.succeed(none)))!
          assert.deepStrictEqual(yield* ask(today), { _tag: "TooLittle", requests: 200, millis: 60_000 })
          yield* bench.submitMany(199)
          yield* TestClock.adjust(59_999)
          assert.deepStrictEqual(yield* ask(today), { _tag: "TooLittle", requests: 1, millis: 1 })
          yield* bench.submitMany(1)
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* ask(today))._tag, "Asked")
        })
      )
    )
  )

  it.effect("is computed for one at a time, and holds for five minutes", () =>
    withPool({ minWorkers: 1 })((bench) =>
      Effect.scoped(
        Effect.gen(function* () {
          const tasks: Array<Task> = []
          const gate = yield* Deferred.make<Answer>()
          const compute = (task: Task) => {
            tasks.push(task)
            return tasks.length === 1 ? Deferred.await(gate) : Effect.succeed(none)
          }
          const { ask } = (yield* make(bench.pool, settings, compute))!
          const answer = Effect.flatMap(ask(today), (asked) =>
            asked._tag === "Asked" ? asked.answer : Effect.die(asked)
          )
          yield* bench.submitMany(300)
          yield* TestClock.adjust(60_000)
          const first = yield* Effect.forkChild(answer)
          // However long that takes.
          yield* TestClock.adjust(400_000)
          const second = yield* Effect.forkChild(answer)
          yield* TestClock.adjust(0)
          assert.strictEqual(tasks.length, 1)
          yield* Deferred.succeed(gate, { ...none, why: "the first" })
          for (const fiber of [first, second])
            assert.deepStrictEqual(yield* Fiber.join(fiber), { ...none, why: "the first" })
          assert.deepStrictEqual(yield* answer, none)
          yield* TestClock.adjust(299_999)
          yield* answer
          assert.strictEqual(tasks.length, 2)
          yield* TestClock.adjust(1)
          yield* answer
          assert.deepStrictEqual(
            tasks.map(({ atMillis, heard, mostWorkers, targets, today }) => [
              atMillis,
              heard.requests,
              mostWorkers,
              targets,
              today
            ]),
            [60_000, 460_000, 760_000].map((at) => [at, 300, 7, ["p99(wait) <= 50ms"], today])
          )
        })
      )
    )
  )
})

describe("a thread that advises", () => {
  const module = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`)
  const answers = `
import { parentPort, workerData } from "node:worker_threads"
parentPort.postMessage({ _tag: "None", why: workerData.targets[0] })`

  for (const [what, text, told] of [
    ["cannot be computed", `throw new Error("no idea")`, "Error: no idea"],
    ["has gone", `process.exit(3)`, "the thread ended with 3"],
    ["has no module", undefined, "Cannot find module"]
  ] as const) {
    it.effect(`whose advice ${what} says so, and the next one may answer`, () =>
      withPool({ minWorkers: 1 })((bench) =>
        Effect.scoped(
          Effect.gen(function* () {
            const lines: Array<string> = []
            const logger = Logger.make(({ message }) => void lines.push([message].flat().map(String).join(" ")))
            let asked = 0
            const compute = (task: Task) =>
              onThread(
                asked++ > 0 ? module(answers) : text === undefined ? new URL("gone.ts", import.meta.url) : module(text)
              )(task)
            const { ask } = (yield* make(bench.pool, settings, compute))!
            const answer = Effect.flatMap(ask(today), (asked) =>
              asked._tag === "Asked" ? asked.answer : Effect.die(asked)
            )
            yield* bench.submitMany(200)
            yield* TestClock.adjust(60_000)
            assert.deepStrictEqual(yield* Effect.provide(answer, Logger.layer([logger])), {
              _tag: "None",
              why: "The advice could not be computed; the log of the service says why"
            })
            assert.include(lines.join(), "advice could not be computed")
            assert.include(lines.join(), told)
            yield* TestClock.adjust(300_000)
            assert.deepStrictEqual(yield* answer, { _tag: "None", why: "p99(wait) <= 50ms" })
          })
        )
      )
    )
  }
})

it("has the wait target of the policy for its own", () => {
  const all = [
    "adaptive",
    "adaptive:cooldown=1s:waitTarget=2s,gradient",
    "fixed:4",
    "gradient, adaptive:waitTarget=0.05s"
  ]
  assert.deepStrictEqual(
    all.map(defaultTarget),
    [100, 2000, 100, 50].map((millis) => `p99(wait) <= ${millis}ms`)
  )
})
