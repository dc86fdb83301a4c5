/** What a schema says is moved to a thread is not copied, and is sent once. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Option } from "effect"
import { RetryPolicy, WorkerPool } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group, Increment, LeftOfLast, Swap } from "./modules/moving.ts"
import { defectOf, execute, poolOf } from "./support.ts"

const options = { excludeTestServices: true } as const
const bytesOf = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
const retry = RetryPolicy.make({ times: 2, base: 1 })

describe("values that are moved", () => {
  it.layer(
    poolOf(group, "movingHandlers.ts", {}, { retry, deadLetters: 10 }),
    options
  )((it) => {
    it.effect("a payload is gone here, and a result is gone there", () =>
      Effect.gen(function* () {
        const bytes = bytesOf(1, 2, 3)
        assert.deepStrictEqual(yield* execute(Increment, { bytes, how: "succeed" }), bytesOf(2, 3, 4))
        assert.strictEqual(bytes.byteLength, 0)
        assert.strictEqual(yield* execute(LeftOfLast, undefined), 0)
      })
    )

    it.effect("only what is named is moved, beside what crosses in another form", () =>
      Effect.gen(function* () {
        const [pixels, kept] = [bytesOf(1, 2), bytesOf(3)]
        const swapped = yield* execute(Swap, { name: Option.some("a"), pixels, kept })
        assert.deepStrictEqual(swapped, { name: Option.some("a"), pixels: bytesOf(3), kept: bytesOf(1, 2) })
        assert.deepStrictEqual([pixels.byteLength, kept.byteLength], [0, 1])
      })
    )

    it.effect("a second attempt is told that its payload is gone, and how the first one ended", () =>
      Effect.gen(function* () {
        const { message } = yield* defectOf(Increment, { bytes: bytesOf(1), how: "fail" })
        assert.include(message, 'the payload of "Increment" was moved to a thread before, and cannot be sent again')
        assert.include(message, "as it was told to")
      })
    )

    it.effect("so is a dead letter that is sent again", () =>
      Effect.gen(function* () {
        const { deadLetters } = yield* WorkerPool.WorkerPool
        const [letter] = yield* deadLetters.list
        const ticket = yield* deadLetters.resubmit(letter!.outcome.id)
        const cause = yield* Effect.flip(Effect.sandbox(ticket.await))
        assert.include((Cause.squash(cause) as Error).message, "cannot be sent again")
      })
    )

    it.effect("memory that is shared stays, is seen by both sides, and can be sent again", () =>
      Effect.gen(function* () {
        const bytes = new Uint8Array(new SharedArrayBuffer(2))
        const error = yield* Effect.flip(execute(Increment, { bytes, how: "fail" }))
        assert.strictEqual(error, "as it was told to")
        assert.deepStrictEqual([...bytes], [3, 3])
      })
    )

    it.effect("what Node shares out in small pieces is copied", () =>
      Effect.gen(function* () {
        const bytes = Buffer.from("abc")
        const neighbour = Buffer.from("neighbour")
        assert.deepStrictEqual([...(yield* execute(Increment, { bytes, how: "succeed" }))], [98, 99, 100])
        assert.strictEqual(neighbour.toString(), "neighbour")
        assert.strictEqual(bytes.toString(), "abc")
      })
    )

    it.effect("a request that is killed on its way has taken its payload with it", () =>
      Effect.gen(function* () {
        const bytes = bytesOf(1)
        yield* Effect.timeoutOption(execute(Increment, { bytes, how: "spin" }), 200)
        assert.strictEqual(bytes.byteLength, 0)
        assert.deepStrictEqual(yield* execute(Increment, { bytes: bytesOf(1), how: "succeed" }), bytesOf(2))
        assert.deepInclude(yield* Threads.stats, { killed: 1, crashed: 0 })
      })
    )
  })
})

describe("values that would be moved, in a process", () => {
  it.layer(
    poolOf(group, "movingHandlers.ts", { isolation: "process" }, { retry }),
    options
  )((it) => {
    it.effect("are copied, and can be sent again", () =>
      Effect.gen(function* () {
        const bytes = bytesOf(1, 2, 3)
        assert.deepStrictEqual(yield* execute(Increment, { bytes, how: "succeed" }), bytesOf(2, 3, 4))
        assert.deepStrictEqual(bytes, bytesOf(1, 2, 3))
        assert.strictEqual(yield* Effect.flip(execute(Increment, { bytes, how: "fail" })), "as it was told to")
      })
    )

    it.effect("so is memory that is shared", () =>
      Effect.gen(function* () {
        const bytes = new Uint8Array(new SharedArrayBuffer(2))
        assert.deepStrictEqual(yield* execute(Increment, { bytes, how: "succeed" }), bytesOf(1, 1))
        assert.deepStrictEqual([...bytes], [0, 0])
      })
    )
  })
})
