/** The whole pool against its promises, over random sequences of commands. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Scheduler, Scope, Exit, Random } from "effect"
import { TestClock } from "effect/testing"
import { Outcome, PoolSnapshot } from "../../src/index.ts"
import { apply, type Command, commandsOf, poolOptions, withIdentities } from "./commands.ts"
import { budgetOf, groups, Identities, keptBy } from "./identities.ts"
import type { PoolRequest } from "../../src/internal/request.ts"
import { randomOf } from "../support/random.ts"
import { breakerOf, disciplineOf, keys } from "./turns.ts"
import { disagreements, makeWorld, type Scaling, timers, type World } from "./world.ts"

const sequences = Number(process.env["MODEL_SEQUENCES"] ?? 2000)
const firstSeed = Number(process.env["MODEL_SEED"] ?? 1)

const mostInBatch = 4

const check = (world: World, limit: number, seed: number, done: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const snapshot = yield* world.pool.snapshot
    const problems = [...PoolSnapshot.lawViolations(snapshot), ...world.breaches]
    problems.push(...(world.identities?.tooMany(world.core) ?? []))
    // A clock that steps ahead ends a grace at once.
    if (world.clock === undefined && snapshot.stuck > world.deaf)
      problems.push(`${snapshot.stuck} are stuck, ${world.deaf} bodies do not listen`)
    const attempts = snapshot.running + snapshot.ending + snapshot.stuck
    const most = 2 * (world.turns.inBatches ? mostInBatch * (attempts - snapshot.batched) : attempts)
    if (world.leftovers > most) problems.push(`${world.leftovers} leftovers of ${attempts} attempts`)
    // One for all gates that open by themselves, and one of each attempt that waits for what is behind one.
    const gates = snapshot.heldBack > 0 ? 1 + snapshot.running : 0
    // A request has its expiry and either a delay or an attempt's timeout; a worker that ends, its grace; a drain, two.
    const due =
      snapshot.blocked + snapshot.waiting + 2 * snapshot.delayed + 2 * snapshot.running + snapshot.ending + 2 + gates
    if (timers(world) > due) problems.push(`${timers(world)} timers are set, at most ${due} are of use`)
    // Those of a batch run side by side.
    if (world.mostBodies > limit && !world.turns.inBatches)
      problems.push(`${world.mostBodies} bodies ran at once, ${limit} are allowed`)
    const { maxWorkers, minWorkers, target } = snapshot
    if (target < minWorkers || target > maxWorkers) problems.push(`${target} workers are asked for, out of bounds`)
    for (const [key, results] of world.results) {
      if (results.length > 1) problems.push(`request ${key} has ${results.length} results: ${results.join(", ")}`)
    }
    for (const { after, before, cause } of yield* world.scaler?.recent ?? Effect.succeed([])) {
      if (cause === "shortage" && after <= before) problems.push(`an early look went from ${before} to ${after}`)
    }
    if (problems.length > 0) expect.fail(story(seed, problems, done))
    return snapshot
  })

const story = (seed: number, problems: ReadonlyArray<string>, done: ReadonlyArray<Command>) =>
  [
    `MODEL_SEED=${seed} MODEL_SEQUENCES=1`,
    ...problems,
    ...done.map((command) =>
      JSON.stringify(command, (key, value) =>
        key === "retry" && value?.times ? `retry ${value.times} after ${value.baseMillis}` : value
      )
    )
  ].join("\n")

/** With a small budget a fiber needs many turns, though no time, before it sleeps. */
const turns = Effect.flatMap(Scheduler.MaxOpsBeforeYield, (budget) =>
  Effect.repeat(Effect.yieldNow, { times: 20 + Math.ceil(600 / budget) })
)

/** Nobody who may start waits beside a worker who has nothing to do. */
const isAtWork = (world: World, seed: number, done: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    yield* turns
    const { heldBack, idle, paused, state, waiting } = yield* world.pool.snapshot
    if (paused || state === "closed" || idle === 0) return
    // Beside a clock that does not keep up a gate opens late.
    const problems = world.clock === undefined ? [...world.turns.forgotten] : []
    if (waiting > heldBack) problems.push(`${waiting - heldBack} wait beside ${idle} idle workers`)
    if (problems.length > 0) expect.fail(story(seed, problems, done))
  })

const resumeParts = (world: World) =>
  Effect.forEach(
    [{ tag: "Act" }, ...keys.map((key) => ({ key })), { limit: "serial" }, { limit: "tag" }, { limit: "entity" }],
    (what) => Effect.ignore(apply(world, { do: "resume-only", what }))
  )

/** It starts when another one of its identity has ended, which may never do so. */
const waitsForOthers = (world: World, request: PoolRequest): boolean => {
  if (request.details?.sharing === undefined) return false
  for (const _ of world.core.identities.before(request)) return true
  return false
}

/** The last counts of the pool, how often it was scaled without waiting for a tick, and how often several ran in one attempt. */
type Reached = PoolSnapshot.PoolSnapshot & { readonly early: number; readonly together: number }

const runSequence = (seed: number): Effect.Effect<Reached> =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    // From a chance of its own: sequences without a discipline are the same as ever.
    const chance = randomOf(-seed)
    const usesTurns = chance.below(2) === 0
    const breaker = breakerOf(randomOf(seed * 7919))
    const ofIdentities = randomOf(seed + 2_000_003)
    const identities = ofIdentities.below(3) === 0 ? new Identities(ofIdentities) : undefined
    const options = {
      ...poolOptions(random),
      ...(usesTurns ? { ...disciplineOf(chance), breaker } : {}),
      ...(identities !== undefined && budgetOf(ofIdentities))
    }
    const ofBatches = randomOf(seed + 1_000_003)
    const batch =
      ofBatches.below(3) === 0
        ? { size: 1 + ofBatches.below(mostInBatch), within: ofBatches.of([0, 5, 20]) }
        : undefined
    const unsteady = random.below(4) === 0
    const scaling = random.of<Scaling>(["none", "none", "adaptive", "hungry"])
    const plain = commandsOf(random, 10 + random.below(40), { scales: scaling !== "none", unsteady, usesTurns })
    const commands = identities === undefined ? plain : withIdentities(plain, identities, ofIdentities)
    const limit = options.maxWorkers + options.maxStuckWorkers
    const scope = yield* Scope.make()
    const world = yield* makeWorld(options, { batch, identities, scaling, unsteady, usesTurns }).pipe(
      Scope.provide(scope)
    )
    const done: Array<Command> = []
    for (const command of commands) {
      done.push(command)
      yield* apply(world, command)
      yield* check(world, limit, seed, done)
      if (random.below(3) === 0) yield* Effect.yieldNow
      if (usesTurns && random.below(6) === 0) yield* isAtWork(world, seed, done)
    }
    // All that time alone can end comes to its end: nothing is delayed for ever.
    yield* world.pool.resume
    yield* resumeParts(world)
    yield* turns
    yield* TestClock.adjust("10 seconds")
    yield* turns
    if (usesTurns) yield* isAtWork(world, seed, done)
    const { delayed, heldBack, idle, waiting } = yield* check(world, limit, seed, done)
    const held = world.core.queue.all("delayed").filter((one) => waitsForOthers(world, one)).length
    const forgotten =
      delayed > held ? "delayed" : waiting > heldBack && idle > 0 ? "waiting beside an idle worker" : undefined
    // Nobody waits for a part of its own for longer than that part takes, unless a probe that never ends is before it.
    if (world.asking > 0 && breaker === undefined)
      expect.fail(story(seed, [`${world.asking} still wait for what they have asked`], done))
    if (forgotten !== undefined) expect.fail(story(seed, [`a request is forgotten, ${forgotten}`], done))
    // Closing the scope drains: within the deadline and the grace everything has an end, whatever went on.
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* turns
    yield* TestClock.adjust(200)
    yield* turns
    yield* TestClock.adjust(50)
    yield* turns
    // Beside a clock that does not keep up an instant may be late, though never lost.
    if (unsteady) yield* Effect.andThen(TestClock.adjust("1 second"), turns)
    const drained = closing.pollUnsafe()
    const last = yield* check(world, limit, seed, done)
    const problems = [...disagreements(world, last)]
    if (drained === undefined) problems.push("closing the pool took longer than its deadline and grace")
    const unsettled = commands.flatMap((command) =>
      (command.do === "submit" || command.do === "execute") && world.results.get(command.key)?.length !== 1
        ? [`request ${command.key} has no result`]
        : []
    )
    yield* Deferred.succeed(world.release, undefined)
    yield* turns
    yield* TestClock.adjust(100)
    yield* turns
    const after = yield* world.pool.snapshot
    if (world.bodies !== 0) problems.push(`${world.bodies} bodies still run`)
    if (timers(world) !== 0) problems.push(`${timers(world)} timers are left`)
    if (world.leftovers !== 0) problems.push(`${world.leftovers} things that attempts started are still there`)
    if (after.workers !== 0) problems.push(`${after.workers} workers are left`)
    problems.push(...unsettled, ...keptBy(world.core))
    for (const group of identities === undefined ? [] : groups) {
      const { blocked, delayed, running, waiting, ...ends } = yield* world.pool.group(group).counts
      const told = identities!.endsOf(group, world.ended)
      for (const [end, count] of Object.entries({ ...ends, going: blocked + delayed + running + waiting })) {
        if (count !== (told[end] ?? 0)) problems.push(`${count} of group ${group} are ${end}, ${told[end] ?? 0} told`)
      }
    }
    if (world.awaiting.some((fiber) => fiber.pollUnsafe() === undefined)) problems.push("somebody waits for a group")
    if (problems.length > 0) expect.fail(story(seed, problems, done))
    yield* Fiber.await(closing)
    const decisions = yield* world.scaler?.recent ?? Effect.succeed([])
    return { ...last, early: decisions.filter(({ cause }) => cause === "shortage").length, together: world.together }
  }).pipe(Effect.orDie)

describe("model", () => {
  it.effect(
    `the promises hold after every command of ${sequences} random sequences`,
    () =>
      Effect.gen(function* () {
        const ends: Record<string, number> = {}
        for (let seed = firstSeed; seed < firstSeed + sequences; seed++) {
          // Below 3 a fiber spends its whole budget on coming back from its last yield.
          const budget = 3 + (seed % 62)
          const last = yield* runSequence(seed).pipe(
            Effect.provide(TestClock.layer()),
            Effect.provideService(Scheduler.MaxOpsBeforeYield, budget),
            Random.withSeed(seed)
          )
          for (const end of [...Outcome.ends, "refused", "abandoned", "early", "together"] as const) {
            ends[end] = (ends[end] ?? 0) + last[end]
          }
        }
        // The sequences reach every way in which a request can end, or the promises were not put to the test.
        if (sequences >= 1000)
          expect(
            Object.values(ends).every((count) => count > 50),
            JSON.stringify(ends)
          ).toBe(true)
      }),
    Math.max(120_000, sequences * 200)
  )
})
