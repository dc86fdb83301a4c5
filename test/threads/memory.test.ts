/** Attempts that take more memory than they may: their thread is killed, and nobody else is hurt. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { PoolError, WorkerPool } from "../../src/index.ts"
import { watchMemory } from "../../src/threads/memory.ts"
import type { Thread } from "../../src/threads/thread.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { Add, Await, Crash } from "./modules/crashGroup.ts"
import { folder, lawHolds, poolOf } from "./observing.ts"

describe("memoryLimit", () => {
  // A process takes far more than its values.
  it.live.each([
    ["thread", "hoard", 100],
    ["thread", "buffers", 100],
    ["process", "hoard", 250],
    ["process", "buffers", 250]
  ] as const)("ends a %s that computes and takes too much (%s)", ([isolation, how, memoryLimit]) =>
    Effect.gen(function* () {
      const { file, write } = yield* folder
      const { execute, submit } = yield* WorkerPool.WorkerPool
      const gate = file()
      const neighbour = yield* submit(Await, { file: gate })
      const error = yield* Effect.flip(execute(Crash, { how }))
      assert.instanceOf(error, PoolError.ThreadCrashed)
      assert.strictEqual(error.reason, "outOfMemory")
      const [, took] = /^(\d+) MB of \d+ MB$/.exec(error.detail)!
      assert.isAbove(Number(took), memoryLimit)
      assert.strictEqual(yield* neighbour.status, "running")
      assert.strictEqual(yield* execute(Add, { a: 1, b: 2 }), 3)
      yield* write(gate)
      assert.strictEqual(yield* neighbour.await, gate)
      assert.deepInclude(yield* lawHolds, { succeeded: 2, failed: 1, running: 0, stuck: 0 })
      assert.deepInclude(yield* Threads.stats, { killed: 1, crashed: 0, busy: 0 })
    }).pipe(Effect.provide(poolOf({ isolation, memoryLimit })), Effect.scoped)
  )
})

/** A thread of which only its memory is looked at. */
const fake = (state: Thread["state"]) => {
  const asked: Array<(bytes: number | undefined) => void> = []
  const thread = { state, usedBytes: () => new Promise((resolve) => void asked.push(resolve)) } as unknown as Thread
  return { asked, thread }
}

const megabyte = 2 ** 20
const settled = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

describe("watching memory", () => {
  const watching = (...threads: ReadonlyArray<Thread>) => {
    const killed: Array<readonly [thread: Thread, detail: string | undefined]> = []
    const fleet = {
      all: threads,
      kill: (thread: Thread, why?: { detail: string }) => void killed.push([thread, why?.detail])
    }
    return Effect.as(Effect.forkChild(watchMemory(fleet, 100)), killed)
  }

  it.effect("asks a busy thread ten times a second, one that does not answer once, and an idle one never", () =>
    Effect.gen(function* () {
      const [busy, deaf, idle] = [fake("busy"), fake("busy"), fake("idle")]
      yield* watching(busy.thread, deaf.thread, idle.thread)
      for (let look = 1; look <= 10; look++) {
        yield* TestClock.adjust(99)
        assert.strictEqual(busy.asked.length, look - 1)
        yield* TestClock.adjust(1)
        assert.strictEqual(busy.asked.length, look)
        busy.asked.at(-1)!(1)
        yield* settled
      }
      assert.deepStrictEqual([deaf.asked.length, idle.asked.length], [1, 0])
      deaf.asked[0]!(undefined)
      yield* settled
      yield* TestClock.adjust(100)
      assert.strictEqual(deaf.asked.length, 2)
    })
  )

  it.effect("kills what is above the limit, and says by how much", () =>
    Effect.gen(function* () {
      const [within, above, unknown] = [fake("busy"), fake("busy"), fake("busy")]
      const killed = yield* watching(within.thread, above.thread, unknown.thread)
      yield* TestClock.adjust(100)
      within.asked[0]!(100 * megabyte)
      above.asked[0]!(100 * megabyte + 1)
      unknown.asked[0]!(undefined)
      yield* settled
      assert.deepStrictEqual(killed, [[above.thread, "101 MB of 100 MB"]])
    })
  )
})
