/** What the pool takes from the fiber runtime that is not in its public types: an upgrade of Effect must not break it unseen. */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Latch, Option, Scheduler, Scope, Tracer } from "effect"
import { inherit, isInterrupted, liveChildren, Turn, withoutStack } from "../../src/internal/runtime.ts"

describe("runtime", () => {
  it.effect("an uninterruptible fiber shows that it was asked to stop", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const fiber = yield* Effect.forkChild(Effect.uninterruptible(latch.await), { startImmediately: true })
      expect(isInterrupted(fiber)).toBe(false)
      fiber.interruptUnsafe()
      expect(fiber.pollUnsafe()).toBeUndefined()
      expect(isInterrupted(fiber)).toBe(true)
      yield* latch.open
      yield* Fiber.await(fiber)
    })
  )

  it.effect("a fiber knows its children, while they live", () =>
    Effect.withFiber((self) =>
      Effect.gen(function* () {
        const child = yield* Effect.forkChild(Effect.never, { startImmediately: true })
        expect(liveChildren(self)?.has(child)).toBe(true)
        yield* Fiber.interrupt(child)
        expect(liveChildren(self)?.has(child) ?? false).toBe(false)
      })
    )
  )

  it("neither the scope, nor the span, nor a synchronous scheduler of the build is inherited", () => {
    const span = new Tracer.NativeSpan({
      name: "boot",
      parent: Option.none(),
      annotations: Context.empty(),
      links: [],
      startTime: 0n,
      kind: "internal",
      sampled: true
    })
    const context = Context.make(Scope.Scope, Scope.makeUnsafe()).pipe(
      Context.add(Tracer.ParentSpan, span),
      Context.add(Scheduler.Scheduler, new Scheduler.MixedScheduler("sync"))
    )
    const own = inherit(context as never)
    expect([...own.mapUnsafe.keys()]).toEqual([])
    expect(Context.get(own, Scheduler.Scheduler).executionMode).toBe("async")
  })

  it("an error is made without its stack, and the next one with it", () => {
    expect(withoutStack(() => new Error("bare")).stack).not.toContain("at ")
    expect(new Error("whole").stack).toContain("at ")
  })
})

describe("Turn", () => {
  it.effect("those who wait go on in their order, as many in one turn as it has time for", () =>
    Effect.gen(function* () {
      const turn = new Turn(yield* Effect.context<never>(), () => {})
      const order: Array<string> = []
      let now = 0
      const waits = (name: string) =>
        Effect.map(turn.wait, () => {
          // The first of each turn uses it up.
          order.push(`${name}${turn.isOver(now) ? " too late" : ""}`)
          now += 10
          turn.isOver(now)
        })
      turn.isOver(now)
      const all = yield* Effect.forkChild(
        Effect.forEach(["a", "b", "c"], waits, { concurrency: "unbounded", discard: true })
      )
      yield* Fiber.join(all)
      expect(order).toEqual(["a", "b", "c"])
    })
  )

  it.effect("one whose step throws holds nobody up", () =>
    Effect.gen(function* () {
      const heard: Array<unknown> = []
      const turn = new Turn(yield* Effect.context<never>(), (defect) => heard.push(defect))
      const first = yield* Effect.forkChild(turn.wait, { startImmediately: true })
      first.addObserver(() => {
        throw "an observer"
      })
      const second = yield* Effect.forkChild(turn.wait, { startImmediately: true })
      yield* Fiber.await(second)
      expect(heard).toEqual(["an observer"])
    })
  )
})
