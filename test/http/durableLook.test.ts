/** The store is asked for its counts once a second at most, and once at a time, whoever looks. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Counts, ProcessRecord } from "../../src/durable/Store.ts"
import { make } from "../../src/http/stored/look.ts"

const local = { isAway: false, held: 0, unsettled: 0, share: 0, workers: 1, pauses: [] }

/** A store that counts how often it was asked. */
const asked = (answer: Effect.Effect<void> = Effect.void) => {
  const store = { times: 0, atOnce: 0, mostAtOnce: 0, isAway: false }
  const counts = Effect.suspend(() => {
    store.times++
    store.mostAtOnce = Math.max(store.mostAtOnce, ++store.atOnce)
    return Effect.map(answer, () => {
      store.atOnce--
      return { stored: store.times } as Counts
    })
  })
  const durable = {
    counts,
    processes: Effect.succeed([{ leftAt: 5 }, { leftAt: undefined }] as unknown as ReadonlyArray<ProcessRecord>),
    local: Effect.sync(() => ({ ...local, isAway: store.isAway }))
  }
  return { store, durable }
}

it.effect("asks once for all who look within a second, and not at all for nobody", () =>
  Effect.gen(function* () {
    const { durable, store } = asked()
    const look = yield* make(durable)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(store.times, 0)
    assert.strictEqual(look.latest().at, 0)
    const all = yield* Effect.all(
      Array.from({ length: 100 }, () => look.fresh),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(new Set(all.map(({ counts }) => counts?.stored)), new Set([1]))
    assert.deepStrictEqual(all[0]!.processes.length, 1)
    yield* TestClock.adjust(999)
    look.glance()
    assert.strictEqual((yield* look.fresh).counts?.stored, 1)
    yield* TestClock.adjust(1)
    assert.strictEqual((yield* look.fresh).counts?.stored, 2)
    assert.strictEqual(store.times, 2)
  })
)

it.effect("takes a tenth of the store's time at most", () =>
  Effect.gen(function* () {
    const { durable, store } = asked(Effect.sleep(500))
    const look = yield* make(durable)
    for (let millis = 0; millis < 20_000; millis += 100) {
      look.glance()
      yield* TestClock.adjust(100)
    }
    assert.strictEqual(store.times, 4)
  })
)

it.effect("does not ask again while it waits for an answer, nor let anybody wait for ever", () =>
  Effect.gen(function* () {
    const answer = yield* Deferred.make<void>()
    const { durable, store } = asked(Deferred.await(answer))
    const look = yield* make(durable)
    const first = yield* Effect.forkChild(look.fresh, { startImmediately: true })
    yield* TestClock.adjust(1500)
    const second = yield* Effect.forkChild(look.fresh, { startImmediately: true })
    assert.strictEqual(first.pollUnsafe(), undefined)
    // To give up a look of one's own takes it from nobody else.
    yield* Fiber.interrupt(first)
    yield* TestClock.adjust(2000)
    assert.strictEqual((yield* Fiber.join(second)).at, 0)
    assert.strictEqual(store.times, 1)
    yield* Deferred.succeed(answer, undefined)
    yield* TestClock.adjust(0)
    assert.strictEqual(look.latest().counts?.stored, 1)
    // It has taken 3.5 s: the next one comes half a minute after it began, and not sooner.
    yield* TestClock.adjust(26_499)
    assert.strictEqual((yield* look.fresh).counts?.stored, 1)
    yield* TestClock.adjust(1)
    assert.strictEqual((yield* look.fresh).counts?.stored, 2)
    assert.strictEqual(store.mostAtOnce, 1)
  })
)

it.effect("asks nothing of a store that is away, knows nothing of it then, and says so to those who follow", () =>
  Effect.gen(function* () {
    const { durable, store } = asked()
    const look = yield* make(durable)
    const told: Array<number | undefined> = []
    yield* look.follow(({ counts }) => told.push(counts?.stored))
    yield* look.fresh
    store.isAway = true
    yield* TestClock.adjust("1 second")
    const away = yield* look.fresh
    assert.deepStrictEqual([away.counts, away.processes.length, store.times], [undefined, 0, 1])
    store.isAway = false
    yield* TestClock.adjust("1 second")
    yield* look.fresh
    assert.deepStrictEqual(told, [1, undefined, 2])
  })
)
