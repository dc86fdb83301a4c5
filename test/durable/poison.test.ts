/** A request under which processes end: it ends itself, is told to whoever waits, and takes no other with it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import { PoolError } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster
const errorOf = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? (exit.cause.reasons[0] as { readonly error?: unknown }).error : undefined

/** Two processes, each started again a second after it has ended; the poison ends whoever runs it. */
const withPoison = (innocents: number, deliveries: number) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.make
    const client = yield* cluster.start("client", { deliveries }, "layerClient")
    const doomed = new Set<string>()
    cluster.on("poison", (_, process) =>
      Effect.andThen(
        Effect.sync(() => doomed.add(process)),
        Effect.never
      )
    )
    let started = 0
    const start = Effect.suspend(() => cluster.start(`w${++started}`, { deliveries, maxWorkers: 8, timeout: "none" }))
    const running = [yield* start, yield* start]
    const waiting = [
      yield* client.pool.submit(Work, { id: "poison" }),
      ...(yield* Effect.forEach(Array.from({ length: innocents }), (_, at) => {
        cluster.on(`innocent ${at}`, (id) => Effect.as(Effect.sleep("2 seconds"), id))
        return client.pool.submit(Work, { id: `innocent ${at}` })
      }))
    ]
    const outcomes: Array<{
      readonly id: string
      readonly exit: Exit.Exit<unknown, unknown>
      readonly deliveries?: number
    }> = []
    for (const ticket of waiting) ticket.onEnd((outcome) => outcomes.push(outcome))
    for (let seconds = 0; outcomes.length < waiting.length && seconds < 300; seconds++) {
      yield* TestClock.adjust("500 millis")
      for (const [at, process] of running.entries()) {
        if (!doomed.has(process.name)) continue
        yield* process.kill
        running[at] = yield* start
      }
      yield* TestClock.adjust("500 millis")
    }
    const of = (id: string) => outcomes.find((outcome) => outcome.id === id)!
    const [poison, ...others] = waiting.map(({ id }) => of(id))
    assert.deepStrictEqual(Durable.lawViolations(yield* client.durable.counts), [])
    return { poison: poison!, others, started }
  })

describe("a poison request", () => {
  it.effect("ends with `DeliveriesExhausted`, and its caller hears of it", () =>
    Effect.gen(function* () {
      const { poison, started } = yield* withPoison(0, 3)
      assert.deepStrictEqual(errorOf(poison.exit), new PoolError.DeliveriesExhausted({ tag: "Work", deliveries: 3 }))
      assert.strictEqual(poison.deliveries, 3)
      assert.strictEqual(started, 2 + 3)
    })
  )

  it.effect("takes none of forty others with it: from its third delivery on it runs alone", () =>
    Effect.gen(function* () {
      const { others, poison } = yield* withPoison(40, 5)
      assert.instanceOf(errorOf(poison.exit), PoolError.DeliveriesExhausted)
      assert.strictEqual(others.filter(({ exit }) => Exit.isSuccess(exit)).length, 40)
    })
  )
})
