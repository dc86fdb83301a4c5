/** A pool of promises against the promises of any pool, over random sequences of commands. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Random, Scope, Exit } from "effect"
import { TestClock } from "effect/testing"
import { Outcome, PoolSnapshot } from "../../src/index.ts"
import { type CallOptions, Limit, type Options, type Pausable } from "../../src/promise/index.ts"
import { randomOf } from "../support/random.ts"
import { type Behaviour, behaviours, makeWorld, OwnError, tenantOf, type World } from "./world.ts"

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
  /** Those of which a pool makes something only if keys, priorities or limits have their say. */
  | { readonly do: "pause-only" | "resume-only"; readonly what: Pausable }
  | { readonly do: "cancel-some"; readonly of: string }
  | { readonly do: "prioritize"; readonly key: number; readonly priority: number }
  | { readonly do: "set-limit"; readonly concurrency: number; readonly rate: number }
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

/** Who runs next, for every other sequence. Of each tenant one runs at once, whatever else holds. */
const disciplineOf = (random: Random): Options => {
  if (random.below(2) === 0) return {}
  const until = random.of(["attempt", "request"] as const)
  let nobodies = 0
  return {
    // Two that keep what the other one waits for wait for ever: with places that are kept, what tasks ask for has keys of its own.
    key: until === "request" ? () => `nobody ${++nobodies}` : undefined,
    weight: (key) => key.length,
    aging: random.of([10, 1000, "none"] as const),
    order: random.of(["fifo", "fifo", "lifo"] as const),
    keyCapacity: random.of(["dynamic", "none", 1, 2] as const),
    forgetKeys: random.of([0, 1, 10_000]),
    limits: [
      Limit.make({ name: "tenant", per: "key", concurrency: 1, until }),
      {
        name: "api",
        concurrency: random.of([1, 2, 9]),
        rate: { limit: random.of([1, 3]), period: random.of([5, 20]), burst: random.of([1, 3]) }
      }
    ]
  }
}

const allParts: ReadonlyArray<Pausable> = [
  { tag: "run" },
  { key: "t0" },
  { key: "t1" },
  { key: "" },
  { limit: "tenant" },
  { limit: "api" }
]

const commandsOf = (random: Random, length: number, isFair: boolean): ReadonlyArray<Command> => {
  let lastKey = 0
  const anyKey = () => 1 + random.below(Math.max(1, lastKey))
  return Array.from({ length }, (): Command => {
    const roll = random.below(100)
    if (roll < 48) {
      const options: CallOptions = {
        timeout: random.of([undefined, undefined, 10, 20, "none"]),
        expiresIn: random.of([undefined, undefined, 10, 25]),
        retry: random.of([undefined, "none", { times: 2, base: random.of([0, 5, 10]) }]),
        ...(isFair && { priority: random.of([undefined, 0, 1, -10]), key: tenantOf(lastKey + 1) })
      }
      return { do: random.of(["run", "submit"] as const), key: ++lastKey, behaviour: random.of(behaviours), options }
    }
    if (roll < 68) return { do: random.of(["cancel", "abort", "finish", "fail"] as const), key: anyKey() }
    if (roll < 70) return { do: "abort-all" }
    if (roll < 74) return { do: "resize", workers: random.below(5) }
    if (roll < 80) return { do: random.of(["pause", "resume", "resume", "release"] as const) }
    if (roll < 81) return { do: "drain", millis: random.of([0, 20, 100]) }
    if (isFair && roll < 90) {
      if (roll < 84) return { do: random.of(["pause-only", "resume-only"] as const), what: random.of(allParts) }
      if (roll < 85) return { do: "cancel-some", of: random.of(["t0", "t1", ""]) }
      if (roll < 88) return { do: "prioritize", key: anyKey(), priority: random.of([-10, 0, 3]) }
      return { do: "set-limit", concurrency: random.of([1, 2, 9]), rate: random.of([1, 4]) }
    }
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
    case "pause-only":
      return Effect.sync(() => pool.pauseOnly(command.what))
    case "resume-only":
      return Effect.sync(() => pool.resumeOnly(command.what))
    case "cancel-some":
      return Effect.sync(() => void pool.cancelAll({ key: command.of, where: ({ attempts }) => attempts < 2 }))
    case "prioritize":
      return Effect.sync(() => void world.tickets.get(command.key)?.setPriority(command.priority))
    case "set-limit":
      return Effect.sync(() =>
        pool.setLimit("api", { concurrency: command.concurrency, rate: { limit: command.rate, period: 10 } })
      )
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
    const discipline = disciplineOf(random)
    const isFair = discipline.limits !== undefined
    const bounds = optionsOf(random)
    const options = { ...bounds, ...discipline }
    const commands = commandsOf(random, 10 + random.below(40), isFair)
    const limit = bounds.maxWorkers + bounds.maxStuckWorkers
    const scope = yield* Scope.make()
    const world = yield* makeWorld(options, isFair).pipe(Scope.provide(scope))
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
    if (isFair) for (const what of allParts) world.pool.resumeOnly(what)
    yield* turns
    yield* advance(10_000)
    yield* turns
    const { delayed, heldBack, idle, waiting } = world.pool.snapshot()
    check(
      // What is at work for ever may have the last place of a limit.
      world.asking > 0 && (!isFair || world.bodies === 0) && `${world.asking} still wait for what they have asked`,
      delayed > 0 && "a request is forgotten, delayed",
      waiting > heldBack && idle > 0 && "a request is forgotten beside an idle worker"
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
