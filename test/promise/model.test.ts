/** A pool of promises against the promises of any pool, over random sequences of commands. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Random, Scope, Exit } from "effect"
import { TestClock } from "effect/testing"
import { Outcome, PoolSnapshot } from "../../src/index.ts"
import type { CallOptions, Options } from "../../src/promise/index.ts"
import { randomOf } from "../support/random.ts"
import { type Behaviour, behaviours, makeWorld, OwnError, type World } from "./world.ts"

const sequences = Number(process.env["MODEL_SEQUENCES"] ?? 1000)
const firstSeed = Number(process.env["MODEL_SEED"] ?? 1)

type Command =
  | {
      readonly do: "run" | "submit"
      readonly key: number
      readonly behaviour: Behaviour
      readonly options: CallOptions
    }
  | { readonly do: "cancel" | "abort" | "finish" | "fail"; readonly key: number }
  | { readonly do: "abort-all" }
  | { readonly do: "pause" | "resume" | "release" }
  | { readonly do: "resize"; readonly workers: number }
  | { readonly do: "advance" | "drain"; readonly millis: number }

type Random = ReturnType<typeof randomOf>

const optionsOf = (random: Random) =>
  ({
    minWorkers: random.of([0, 1, 2]),
    maxWorkers: random.of([2, 3, 4]),
    capacity: random.of([1, 2, 3, 8, "unbounded"] as const),
    strategy: random.of(["suspend", "suspend", "dropping", "sliding"] as const),
    timeout: random.of([10, 30, "none"] as const),
    scaling: random.of(["none", undefined] as const),
    interruptGrace: 25,
    drainGrace: 50,
    drainDeadline: 200,
    maxStuckWorkers: random.of([0, 0, 1])
  }) satisfies Options

const commandsOf = (random: Random, length: number): ReadonlyArray<Command> => {
  let lastKey = 0
  const anyKey = () => 1 + random.below(Math.max(1, lastKey))
  return Array.from({ length }, (): Command => {
    const roll = random.below(100)
    if (roll < 48) {
      const options: CallOptions = {
        timeout: random.of([undefined, undefined, 10, 20, "none"]),
        expiresIn: random.of([undefined, undefined, 10, 25]),
        retry: random.of([undefined, "none", { times: 2, base: random.of([0, 5, 10]) }])
      }
      return { do: random.of(["run", "submit"] as const), key: ++lastKey, behaviour: random.of(behaviours), options }
    }
    if (roll < 68) return { do: random.of(["cancel", "abort", "finish", "fail"] as const), key: anyKey() }
    if (roll < 70) return { do: "abort-all" }
    if (roll < 74) return { do: "resize", workers: random.below(5) }
    if (roll < 80) return { do: random.of(["pause", "resume", "resume", "release"] as const) }
    if (roll < 81) return { do: "drain", millis: random.of([0, 20, 100]) }
    return { do: "advance", millis: random.of([0, 1, 1, 5, 10, 25, 1000]) }
  })
}

/** One signal for every third call. */
const all = new WeakMap<World, AbortController>()

const apply = (world: World, command: Command): Effect.Effect<void> => {
  const { pool } = world
  switch (command.do) {
    case "advance":
      return advance(command.millis)
    case "run":
    case "submit":
      return Effect.sync(() => start(world, command))
    case "cancel":
      return Effect.sync(() => void world.tickets.get(command.key)?.cancel("given up"))
    case "abort":
      return Effect.sync(() => world.callers.get(command.key)?.abort(new Error("gone")))
    case "abort-all":
      return Effect.sync(() => all.get(world)?.abort(new Error("all are gone")))
    case "finish":
      return Effect.sync(() => world.gates.get(command.key)?.resolve(command.key))
    case "fail":
      return Effect.sync(() => world.gates.get(command.key)?.reject(new OwnError("no")))
    case "resize":
      return Effect.sync(() => {
        try {
          pool.resize(command.workers)
        } catch {
          // Out of its bounds, which this pool says.
        }
      })
    case "drain":
      return Effect.sync(() => void pool.drain({ deadline: command.millis }))
    case "pause":
    case "resume":
    case "release":
      return Effect.sync(() => pool[command.do]())
  }
}

const start = (world: World, { behaviour, do: door, key, options }: Command & { readonly do: "run" | "submit" }) => {
  const own = new AbortController()
  const controller = key % 3 === 0 ? (all.get(world) ?? own) : own
  if (key % 3 === 0) all.set(world, controller)
  world.callers.set(key, own)
  const { signal } = controller
  if (door === "run") return void world.ask(key, behaviour, { ...options, signal }).catch(() => {})
  const submitted = world.pool
    .submit(world.task(key, behaviour), { ...options, signal, id: String(key) })
    .then((ticket) => {
      world.tickets.set(key, ticket)
      return ticket.result
    })
  world.recorded(key, submitted, signal).catch(() => {})
}

/** What promises do needs turns of the event loop: no timer rings before what the one before it has begun. */
const advance = (millis: number): Effect.Effect<void> =>
  millis <= 5
    ? TestClock.adjust(millis)
    : TestClock.adjust(millis > 100 ? millis - 100 : 5).pipe(
        Effect.andThen(turn),
        Effect.andThen(Effect.suspend(() => advance(millis > 100 ? 100 : millis - 5)))
      )
const turn = Effect.promise(() => new Promise(setImmediate))

/** All that needs no time comes to its end. */
const turns = Effect.promise(async () => {
  for (let turn = 0; turn < 12; turn++) await new Promise(setImmediate)
})

const problemsOf = (world: World, limit: number): ReadonlyArray<string> => {
  const snapshot = world.pool.snapshot()
  const problems = [...PoolSnapshot.lawViolations(snapshot), ...world.breaches]
  if (snapshot.stuck > world.deaf) problems.push(`${snapshot.stuck} are stuck, ${world.deaf} tasks do not listen`)
  if (world.mostBodies > limit) problems.push(`${world.mostBodies} tasks ran at once, ${limit} are allowed`)
  for (const [key, results] of world.results) {
    if (results.length > 1) problems.push(`request ${key} has the results ${results.join(", ")}`)
  }
  return problems
}

/** What callers saw against what the pool says happened. */
const disagreements = (world: World): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const [key, ends] of world.ended) {
    if (ends.length !== 1) problems.push(`request ${key} has the outcomes ${ends.join(", ")}`)
  }
  for (const [key, [result]] of world.results) {
    const ends = world.ended.get(key) ?? []
    const end = ends[0] === "cancelled" ? "gaveUp" : ends[0]
    const fits = result === "refused" || result === "gaveUp" ? end === undefined || end === result : end === result
    if (!fits && !(end === "failed" && world.passingOn.has(key)))
      problems.push(`call ${key} saw ${result}, its request ${end ?? "was never accepted"}`)
  }
  return problems
}

const runSequence = (seed: number): Effect.Effect<PoolSnapshot.PoolSnapshot> =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const options = optionsOf(random)
    const commands = commandsOf(random, 10 + random.below(40))
    const limit = options.maxWorkers + options.maxStuckWorkers
    const scope = yield* Scope.make()
    const world = yield* makeWorld(options).pipe(Scope.provide(scope))
    const done: Array<Command> = []
    const check = (...more: ReadonlyArray<string | false>) => {
      const problems = [...problemsOf(world, limit), ...more.filter((problem) => problem !== false)]
      if (problems.length === 0) return
      const story = done.map((command) => JSON.stringify(command))
      expect.fail([`MODEL_SEED=${seed} MODEL_SEQUENCES=1`, ...problems, JSON.stringify(options), ...story].join("\n"))
    }
    for (const command of commands) {
      done.push(command)
      yield* apply(world, command)
      check()
      if (random.below(3) === 0) yield* turns
    }
    world.pool.resume()
    yield* turns
    yield* advance(10_000)
    yield* turns
    const { delayed, idle, waiting } = world.pool.snapshot()
    check(
      world.asking > 0 && `${world.asking} still wait for what they have asked`,
      delayed > 0 && "a request is forgotten, delayed",
      waiting > 0 && idle > 0 && "a request is forgotten beside an idle worker"
    )
    const closing = world.pool.drain()
    yield* turns
    yield* advance(200)
    yield* turns
    yield* advance(50)
    yield* Effect.promise(() => closing)
    yield* turns
    const last = world.pool.snapshot()
    check(
      ...disagreements(world),
      ...commands.map((command) => {
        const asked = command.do === "run" || command.do === "submit"
        return asked && world.results.get(command.key)?.length !== 1 && `request ${command.key} has no result`
      })
    )
    world.freeAll()
    yield* turns
    yield* advance(100)
    yield* turns
    check(
      world.bodies !== 0 && `${world.bodies} tasks still run`,
      world.pool.snapshot().workers !== 0 && `${world.pool.snapshot().workers} workers are left`
    )
    yield* Scope.close(scope, Exit.void)
    return last
  }).pipe(Effect.orDie)

describe("model", () => {
  it.effect(
    `a pool of promises keeps its own after every command of ${sequences} random sequences`,
    () =>
      Effect.gen(function* () {
        const ends: Record<string, number> = {}
        for (let seed = firstSeed; seed < firstSeed + sequences; seed++) {
          const last = yield* runSequence(seed).pipe(Effect.provide(TestClock.layer()), Random.withSeed(seed))
          for (const end of [...Outcome.ends, "refused", "abandoned"] as const) ends[end] = (ends[end] ?? 0) + last[end]
        }
        if (sequences >= 1000) {
          expect(
            Object.values(ends).every((count) => count > 50),
            JSON.stringify(ends)
          ).toBe(true)
        }
      }),
    120_000
  )
})
