/** Several processes of one store against what a durable pool promises, over random sequences of commands and faults. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Random, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { ends } from "../../src/Outcome.ts"
import { randomOf } from "../support/random.ts"
import { breaches, deafRuns, finalBreaches, lateRuns } from "./model/checks.ts"
import { apply, type Command, commandsOf, faultsOf, startOf } from "./model/commands.ts"
import { close } from "./model/starting.ts"
import { makeWorld, type World } from "./model/world.ts"

const sequences = Number(process.env["MODEL_SEQUENCES"] ?? 400)
const firstSeed = Number(process.env["MODEL_SEED"] ?? 1)

const story = (seed: number, problems: ReadonlyArray<string>, done: ReadonlyArray<Command>, { log }: World) =>
  [`seed ${seed}`, ...problems, ...done.map((command) => JSON.stringify(command)), ...log].join("\n")

/** Lets fibers that have something to do do it. */
const turns = Effect.flatMap(Scheduler.MaxOpsBeforeYield, (budget) =>
  Effect.repeat(Effect.yieldNow, { times: 10 + Math.ceil(300 / budget) })
)

/** Nothing goes wrong any more, and there is somebody to work. */
const heal = (world: World) =>
  Effect.gen(function* () {
    world.isHealed = true
    world.setPace([0, 0])
    world.setReach("here")
    world.memory.faults.loseNotices(false)
    for (const process of world.processes) world.thaw(process)
    // What was under way has happened by then, and each process has had its beat.
    yield* turns
    yield* TestClock.adjust(8_000)
    yield* turns
    const late = yield* lateRuns(world)
    for (const { key } of world.asked.values()) yield* apply(world, { do: "finish", key })
    for (const pause of [{}, { key: "a" }]) yield* Effect.orDie(world.observer.setPause(pause, false))
    yield* apply(world, startOf(randomOf(1), "layer"))
    return late
  })

const isDone = (world: World) =>
  Effect.map(Effect.orDie(world.observer.counts), ({ claimed, delayed, waiting }) => {
    const open = ({ process }: World["waiters"][number] | World["executing"][number]) =>
      !world.isGone(process) && process.state !== "closing"
    return (
      claimed + delayed + waiting === 0 &&
      world.waiters.every((waiter) => waiter.answer !== undefined || !open(waiter)) &&
      world.executing.every((caller) => caller.fiber.pollUnsafe() !== undefined || !open(caller))
    )
  })

const runSequence = (seed: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const faults = faultsOf(random)
    const commands: Array<Command> = [
      startOf(random, random.of(["layer", "layerClient"] as const)),
      startOf(random, "layer"),
      ...commandsOf(random, 10 + random.below(30), faults)
    ]
    const world = yield* makeWorld
    const done: Array<Command> = []
    const fail = (problems: ReadonlyArray<string>) =>
      problems.length === 0 ? Effect.void : Effect.sync(() => expect.fail(story(seed, problems, done, world)))
    // To end by its deliveries a request needs the time in which as many processes are missed.
    if (faults.has("poison")) for (let time = 0; time < 3; time++) commands.push({ do: "advance", millis: 16_000 })
    for (const command of commands) {
      done.push(command)
      world.step++
      yield* apply(world, command)
      // Somebody looks after them, as a rule.
      if (world.workers === 0 && random.below(4) > 0) yield* apply(world, startOf(random, "layer"))
      const haveTurns = random.below(3) > 0
      if (haveTurns) yield* turns
      yield* fail([...(yield* breaches(world)), ...(haveTurns ? deafRuns(world) : [])])
    }
    yield* fail(yield* heal(world))
    for (let seconds = 0; seconds < 150 && !(yield* isDone(world)); seconds += 5) {
      yield* turns
      yield* TestClock.adjust(5_000)
      yield* turns
    }
    // Who has lost a claim hears of it at its next beat.
    yield* TestClock.adjust(5_000)
    yield* turns
    yield* fail(yield* finalBreaches(world))
    const living = world.live
    for (const process of living) yield* close(process)
    yield* turns
    yield* TestClock.adjust(2_500)
    yield* turns
    const open = living.filter(({ state }) => state !== "closed").map(({ name }) => `${name} has not closed in time`)
    yield* fail([...open, ...(yield* breaches(world))])
    return { counts: yield* Effect.orDie(world.observer.counts), world }
  })

describe("model", () => {
  it.effect(
    `a durable pool keeps its promises in ${sequences} random sequences`,
    () =>
      Effect.gen(function* () {
        const reached: Record<string, number> = { fenced: 0, redelivered: 0, exhausted: 0 }
        for (let seed = firstSeed; seed < firstSeed + sequences; seed++) {
          const budget = 3 + (seed % 62)
          const { counts, world } = yield* runSequence(seed).pipe(
            Effect.provide(TestClock.layer()),
            Effect.provideService(Scheduler.MaxOpsBeforeYield, budget),
            Random.withSeed(seed)
          )
          for (const end of ends) reached[end] = (reached[end] ?? 0) + counts[end]
          reached["fenced"]! += world.fenced
          reached["redelivered"]! += world.received.filter(({ claim }) => claim.deliveries > 1).length
          reached["exhausted"]! += [...world.ends.values()].filter((end) => end.includes("DeliveriesExhausted")).length
        }
        if (process.env["MODEL_TELLS"] !== undefined) process.stdout.write(`${JSON.stringify(reached)}\n`)
        // What is not reached is not put to the test. Nothing evicts in a store, and nobody is interrupted for good.
        if (sequences >= 1000) {
          const { evicted: _, interrupted: __, ...all } = reached
          expect(
            Object.values(all).every((count) => count > 20),
            JSON.stringify(reached)
          ).toBe(true)
        }
      }),
    Math.max(120_000, sequences * 200)
  )
})
