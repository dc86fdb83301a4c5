/** The options of threads: defaults, and what is refused in which words. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { availableParallelism } from "node:os"
import * as Settings from "../../src/threads/settings.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group } from "./modules/crashGroup.ts"
import { crashing, isolations } from "./observing.ts"

const defaults = {
  name: "threads",
  isolation: "thread",
  min: 1,
  max: availableParallelism(),
  spare: 1,
  idleForMillis: 10_000,
  answerWithinMillis: 50,
  killAfterMillis: 500,
  memoryLimit: undefined,
  recycleAfter: undefined,
  env: undefined,
  execArgv: undefined
}

const wrong: ReadonlyArray<readonly [options: object, field: string, expected: string, actual: string]> = [
  [{ name: "" }, "name", "a text that is not empty", '""'],
  [{ name: 3 }, "name", "a text that is not empty", "3"],
  [{ min: -1 }, "min", "a whole number, at least 0", "-1"],
  [{ min: 1.5 }, "min", "a whole number, at least 0", "1.5"],
  [{ min: 3, max: 2 }, "min", "at most `max` (2)", "3"],
  [{ max: 0 }, "max", "a whole number, at least 1", "0"],
  [{ max: Infinity }, "max", "a whole number, at least 1", "Infinity"],
  [{ max: "2" }, "max", "a whole number, at least 1", '"2"'],
  [{ spare: -1 }, "spare", "a whole number, at least 0", "-1"],
  [{ idleFor: "soon" }, "idleFor", "a finite duration, at least zero", '"soon"'],
  [{ idleFor: Infinity }, "idleFor", "a finite duration, at least zero", "Infinity"],
  [{ answerWithin: -1 }, "answerWithin", "a finite duration, at least zero", "-1"],
  [{ killAfter: Number.NaN }, "killAfter", "a finite duration, at least zero", "NaN"],
  [{ memoryLimit: 0 }, "memoryLimit", "megabytes, more than 0", "0"],
  [{ memoryLimit: Infinity }, "memoryLimit", "megabytes, more than 0", "Infinity"],
  [{ memoryLimit: "64" }, "memoryLimit", "megabytes, more than 0", '"64"'],
  [{ idleFor: {} }, "idleFor", "a finite duration, at least zero", "{}"],
  [{ recycleAfter: 0 }, "recycleAfter", "a whole number, at least 1", "0"],
  [{ env: "PATH" }, "env", "an object of environment variables", '"PATH"'],
  [{ execArgv: "--inspect" }, "execArgv", "an array of texts", '"--inspect"'],
  [{ execArgv: [1] }, "execArgv", "an array of texts", "[1]"],
  [{ module: undefined }, "module", "a URL or a path, or else `spawn`", "undefined"],
  [{ module: 3 }, "module", "a URL or a path, or else `spawn`", "3"],
  [{ module: "" }, "module", "a URL or a path, or else `spawn`", '""'],
  [
    { module: undefined, spawn: crashing },
    "spawn",
    "a function that starts a thread or a process",
    JSON.stringify(crashing.href)
  ],
  [{ spawn: () => undefined }, "module", "nothing beside `spawn`", JSON.stringify(crashing.href)]
]

describe("the options of threads", () => {
  it("are the documented ones where nothing is set", () => {
    assert.deepStrictEqual(Result.getOrThrow(Settings.make({})), defaults as Settings.Settings)
    const unset = Object.fromEntries(
      ["idleFor", "answerWithin", "killAfter", ...Object.keys(defaults)].map((field) => [field, undefined])
    )
    assert.deepStrictEqual(Result.getOrThrow(Settings.make(unset)), defaults as Settings.Settings)
  })

  it.effect("are refused where the isolation is none", () =>
    Effect.gen(function* () {
      const options = { module: crashing, isolation: "fiber" } as unknown as Threads.Options & Threads.Source
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Threads.layer(group, options))))
      assert.deepInclude(error, {
        _tag: "InvalidPoolConfig",
        field: "threads.isolation",
        expected: '"thread" or "process"',
        actual: '"fiber"'
      })
    })
  )

  describe.each(isolations)("of a %s", (isolation) => {
    it.effect.each(wrong)("are refused before anything is started: %o", ([set, field, expected, actual]) =>
      Effect.gen(function* () {
        const options = { module: crashing, isolation, ...set } as Threads.Options & Threads.Source
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Threads.layer(group, options))))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: `threads.${field}`, expected, actual })
      })
    )
  })
})
