/** Callers and workers are interrupted at random moments and op budgets: no request is lost, none ends twice. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, type Fiber, Logger, Scheduler, Scope } from "effect"
import { PoolSnapshot } from "../../src/index.ts"
import { randomOf } from "../support/random.ts"
import { Act, disagreements, fiberOf, makeWorld, record, resultOf, type World } from "./world.ts"

const interruptions = Number(process.env["FUZZ_INTERRUPTIONS"] ?? 100_000)
const rounds = 100
const callers = 24

/** Starts a call in the place of the one that stood there. */
const call = (world: World, fibers: Array<Fiber.Fiber<unknown, unknown>>, place: number, key: number) =>
  Effect.map(
    Effect.forkDetach(
      world.pool.execute(Act, { key, behaviour: key % 3 === 0 ? "sync" : "steps" }, { id: String(key) }),
      { startImmediately: true }
    ),
    (fiber) => {
      fibers[place] = fiber
      fiber.addObserver((exit) => record(world, key, resultOf(exit)))
    }
  )

const round = (seed: number, count: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const scope = yield* Scope.make()
    const strategy = random.of(["suspend", "dropping", "sliding"] as const)
    const world = yield* makeWorld({
      minWorkers: 4,
      maxWorkers: 8,
      capacity: random.of([2, 8, "unbounded"] as const),
      strategy,
      timeout: random.of(["1 minute", "none"] as const),
      drainDeadline: "1 minute"
    }).pipe(Scope.provide(scope))
    const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
    let key = 0
    let done = 0
    for (let place = 0; place < callers; place++) yield* call(world, fibers, place, ++key)
    while (done < count) {
      const place = random.below(callers)
      if (fibers[place]!.pollUnsafe() !== undefined) yield* call(world, fibers, place, ++key)
      if (random.below(4) === 0) {
        const workers = world.core.crew.all
        const worker = fiberOf(workers[random.below(workers.length)])
        if (worker !== undefined && worker.pollUnsafe() === undefined) {
          worker.interruptUnsafe()
          done++
        }
      } else if (fibers[place]!.pollUnsafe() === undefined) {
        fibers[place]!.interruptUnsafe()
        done++
      }
      if (random.below(3) === 0) yield* Effect.yieldNow
    }
    yield* Scope.close(scope, Exit.void)
    // An interrupted caller of a request that had ended needs a turn or two more.
    for (let turn = 0; turn < 1000 && world.results.size < key; turn++) yield* Effect.yieldNow
    const snapshot = yield* world.pool.snapshot
    const problems = [...PoolSnapshot.lawViolations(snapshot), ...world.breaches, ...disagreements(world, snapshot)]
    if (world.results.size !== key) problems.push(`${key - world.results.size} of ${key} calls have no result`)
    if (PoolSnapshot.pending(snapshot) + snapshot.workers + world.bodies > 0) problems.push("something still runs")
    if (problems.length > 0) expect.fail([`seed ${seed}, ${strategy}`, ...problems].join("\n"))
    return { done, key }
  })

describe("interruptions", () => {
  it.live(
    `${interruptions} of callers and workers lose no request and give none two outcomes`,
    () =>
      Effect.gen(function* () {
        let done = 0
        let calls = 0
        for (let seed = 1; seed <= rounds; seed++) {
          const budget = 3 + (seed % 62)
          const result = yield* round(seed, Math.ceil(interruptions / rounds)).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, budget),
            Effect.provideService(Logger.CurrentLoggers, new Set())
          )
          done += result.done
          calls += result.key
        }
        expect(done).toBeGreaterThanOrEqual(interruptions)
        expect(calls).toBeGreaterThan(done / 2)
      }),
    120_000
  )
})
