/** Random commands, and what each does to a world. */
import { Deferred, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { type PoolConfig, RetryPolicy, type Call, type Limit } from "../../src/index.ts"
import type { Pausable } from "../../src/Selection.ts"
import type { Random } from "../support/random.ts"
import { groups, type Identities } from "./identities.ts"
import { keys, priorities } from "./turns.ts"
import { Act, type Behaviour, behaviours, fiberOf, plainBehaviours, record, resultOf, type World } from "./world.ts"

export type Command =
  | {
      readonly do: "submit" | "execute"
      readonly key: number
      readonly behaviour: Behaviour
      readonly options: Call.Options
    }
  | { readonly do: "cancel" | "interrupt-caller" | "finish" | "fail" | "die"; readonly key: number }
  | { readonly do: "kill-worker"; readonly nth: number }
  | { readonly do: "resize"; readonly workers: number }
  | { readonly do: "advance"; readonly millis: number }
  | { readonly do: "drain"; readonly millis: number }
  | { readonly do: "pause" | "resume" | "release" }
  | { readonly do: "hold"; readonly workers: number }
  | { readonly do: "pause-only" | "resume-only"; readonly what: Pausable }
  | { readonly do: "set-limit"; readonly name: string; readonly change: Limit.Change }
  | { readonly do: "set-priority"; readonly key: number; readonly priority: number }
  | {
      readonly do: "cancel-all"
      readonly filter: { readonly key: string; readonly phase: "waiting" | "running" | "delayed" }
    }
  | { readonly do: "cancel-group" | "await-group"; readonly group: string }
  /** The clock of the host is disturbed, while its timers go on as they should. */
  | { readonly do: "stall-clock" | "free-clock" }
  | { readonly do: "step-clock" | "set-wall-clock"; readonly millis: number }

export const poolOptions = (
  random: Random
): PoolConfig.Options & { readonly maxWorkers: number; readonly maxStuckWorkers: number } => ({
  minWorkers: random.of([0, 1, 2]),
  maxWorkers: random.of([2, 3, 4]),
  capacity: random.of([1, 2, 3, 8, "unbounded"] as const),
  ...random.of([
    { strategy: "suspend" },
    { strategy: "suspend" },
    { strategy: "dropping" },
    { strategy: "sliding" },
    { strategy: "shedding", shedding: { target: 15, interval: 20 } }
  ] as const),
  timeout: random.of([10, 30, "none"] as const),
  interruptGrace: 25,
  drainGrace: 50,
  drainDeadline: 200,
  maxStuckWorkers: random.of([0, 0, 1]),
  deadLetters: 3
})

const callOptions = (random: Random, usesTurns: boolean): Call.Options => ({
  ...(usesTurns && random.below(4) > 0 ? { key: random.of(keys), priority: random.of(priorities) } : {}),
  timeout: random.of([undefined, undefined, 10, 20, "none"]),
  expiresIn: random.of([undefined, undefined, 10, 25]),
  retry: random.of([undefined, "none", RetryPolicy.make({ times: 2, base: random.of([0, 5, 10]), defects: true })])
})

/** Some with a clock that does not keep up. Then instants may be late, so that what is told of times is left out. */
export const commandsOf = (
  random: Random,
  length: number,
  { scales, unsteady, usesTurns }: { readonly scales: boolean; readonly unsteady: boolean; readonly usesTurns: boolean }
): ReadonlyArray<Command> => {
  let lastKey = 0
  const behavioursOf = usesTurns ? behaviours : plainBehaviours
  const anyKey = () => 1 + random.below(Math.max(1, lastKey))
  return Array.from({ length }, (): Command => {
    const roll = random.below(100)
    if (roll < 45) {
      const what = random.of(["submit", "execute"] as const)
      return { do: what, key: ++lastKey, behaviour: random.of(behavioursOf), options: callOptions(random, usesTurns) }
    }
    if (usesTurns && random.below(6) === 0) return turnsCommand(random, anyKey())
    if (roll < 65) {
      return { do: random.of(["cancel", "interrupt-caller", "finish", "fail", "die"] as const), key: anyKey() }
    }
    if (roll < 68) return { do: "kill-worker", nth: random.below(4) }
    if (roll < 73) return { do: "resize", workers: random.below(5) }
    if (roll < 79) return { do: random.of(["pause", "resume", "resume"] as const) }
    if (roll < 80) return { do: "drain", millis: random.of([0, 20, 100]) }
    if (scales && roll < 82) {
      return random.below(2) === 0 ? { do: "release" } : { do: "hold", workers: random.below(5) }
    }
    if (unsteady && roll < 84) {
      return random.of<Command>([
        { do: "stall-clock" },
        { do: "free-clock" },
        { do: "step-clock", millis: random.of([-1000, -20, 20, 3_600_000]) },
        { do: "set-wall-clock", millis: random.of([-3_600_000, -20, 20, 3_600_000]) }
      ])
    }
    return { do: "advance", millis: random.of([0, 1, 1, 5, 10, 25, 1000]) }
  })
}

/** The same, of calls that are something to each other, belong to groups, or are for later. */
export const withIdentities = (
  commands: ReadonlyArray<Command>,
  identities: Identities,
  random: Random
): ReadonlyArray<Command> =>
  commands.flatMap((command): ReadonlyArray<Command> => {
    const group = random.of(groups)
    const roll = random.below(40)
    const more: ReadonlyArray<Command> =
      roll === 0 ? [{ do: "cancel-group", group }] : roll < 3 ? [{ do: "await-group", group }] : []
    return command.do === "submit" || command.do === "execute"
      ? [{ ...command, options: { ...command.options, ...identities.optionsOf(command.key) } }, ...more]
      : [command, ...more]
  })

const turnsCommand = (random: Random, key: number): Command => {
  const roll = random.below(10)
  if (roll < 3) return { do: "set-priority", key, priority: random.of(priorities) }
  if (roll < 5) {
    const change = {
      concurrency: random.of([1, 2, 4]),
      ...(random.below(2) === 0 ? {} : { rate: { limit: 8, period: 40, burst: random.of([1, 8]) } })
    }
    return { do: "set-limit", name: random.of(["tag", "entity"]), change }
  }
  if (roll < 6)
    return {
      do: "cancel-all",
      filter: { key: random.of(keys), phase: random.of(["waiting", "running", "delayed"] as const) }
    }
  const what = random.of<Pausable>([{ tag: "Act" }, { key: random.of(keys) }, { limit: "serial" }, { limit: "tag" }])
  return { do: roll < 8 ? "pause-only" : "resume-only", what }
}

export const apply = (world: World, command: Command): Effect.Effect<void> => {
  if ("key" in command && world.identities?.isMoved(command.key) === true) world.turns.moved.add(command.key)
  switch (command.do) {
    case "execute":
      return Effect.map(Effect.forkDetach(execute(world, command), { startImmediately: true }), (fiber) => {
        world.callers.set(command.key, fiber)
        fiber.addObserver((exit) => record(world, command.key, resultOf(exit)))
      })
    case "submit":
      return Effect.map(
        Effect.forkDetach(submit(world, command), { startImmediately: true }),
        (fiber) => void world.callers.set(command.key, fiber)
      )
    case "cancel":
      return world.tickets.get(command.key)?.cancel.pipe(Effect.asVoid) ?? Effect.void
    case "interrupt-caller":
      return Effect.sync(() => world.callers.get(command.key)?.interruptUnsafe())
    case "kill-worker":
      return Effect.sync(() => fiberOf(world.core.crew.all[command.nth])?.interruptUnsafe())
    case "resize":
      return Effect.ignore(world.pool.resize(command.workers))
    case "hold":
      return Effect.ignore(world.scaler?.hold(command.workers) ?? Effect.void)
    case "release":
      return world.scaler?.release ?? Effect.void
    case "pause":
      return world.pool.pause
    case "resume":
      return world.pool.resume
    case "pause-only":
      return Effect.ignore(
        Effect.tap(Effect.andThen(world.pool.pauseOnly(command.what), world.pool.snapshot), ({ state }) =>
          Effect.sync(() => void (state === "open" && world.turns.paused.add(nameOf(command.what))))
        )
      )
    case "resume-only":
      return Effect.ignore(
        Effect.andThen(
          Effect.sync(() => void world.turns.paused.delete(nameOf(command.what))),
          world.pool.resumeOnly(command.what)
        )
      )
    case "set-limit":
      return Effect.ignore(
        Effect.andThen(
          Effect.sync(() => world.turns.change(command.name, command.change)),
          world.pool.setLimit(command.name, command.change)
        )
      )
    case "set-priority":
      return Effect.ignore(
        Effect.suspend(() => {
          world.turns.moved.add(command.key)
          world.turns.moved.add(Number(world.tickets.get(command.key)?.id))
          return world.tickets.get(command.key)?.setPriority(command.priority) ?? Effect.void
        })
      )
    case "cancel-all":
      return Effect.asVoid(Effect.orDie(world.pool.cancelAll(command.filter)))
    case "cancel-group":
      return Effect.asVoid(world.pool.group(command.group).cancel)
    case "await-group":
      return Effect.map(
        Effect.forkDetach(world.pool.group(command.group).awaitAll, { startImmediately: true }),
        (fiber) => void world.awaiting.push(fiber)
      )
    case "drain":
      world.turns.paused.clear()
      return Effect.asVoid(
        Effect.forkDetach(world.pool.drain({ deadline: command.millis }), { startImmediately: true })
      )
    case "advance":
      return TestClock.adjust(command.millis)
    case "stall-clock":
      return Effect.sync(() => world.clock?.stall())
    case "free-clock":
      return Effect.sync(() => world.clock?.goOn())
    case "step-clock":
      return Effect.sync(() => world.clock?.step(command.millis))
    case "set-wall-clock":
      return Effect.sync(() => world.clock?.setWall(command.millis))
    default:
      return Effect.sync(() => {
        const gate = world.gates.get(command.key)
        world.gates.delete(command.key)
        if (gate === undefined) return
        const exit =
          command.do === "finish"
            ? Exit.succeed(command.key)
            : command.do === "fail"
              ? Exit.fail("no")
              : Exit.die("bug")
        Deferred.doneUnsafe(gate, exit)
      })
  }
}

const nameOf = ({ key, limit, tag }: Pausable): string =>
  tag !== undefined ? `tag ${tag}` : key !== undefined ? `key ${key}` : `limit ${limit}`

/** A caller that is interrupted before it has its ticket gives up its place; with a ticket it changes nothing. */
/** Every third caller is called back, and cancels when it is interrupted. */
const execute = (world: World, command: Extract<Command, { readonly do: "submit" | "execute" }>) => {
  const options = { ...command.options, id: String(command.key) }
  return command.key % 3 > 0
    ? world.pool.execute(Act, command, options)
    : Effect.callback<string, unknown>((resume) =>
        Effect.sync(world.pool.executeCallback(Act, command, (exit) => resume(exit as Exit.Exit<never>), options))
      )
}

const submit = (world: World, command: Extract<Command, { readonly do: "submit" | "execute" }>) =>
  world.pool.submit(Act, command, { ...command.options, id: String(command.key) }).pipe(
    Effect.onExit((exit) =>
      Effect.gen(function* () {
        if (exit._tag === "Failure") return record(world, command.key, resultOf(exit))
        world.tickets.set(command.key, exit.value)
        const waiting = yield* Effect.forkDetach(exit.value.outcome, { startImmediately: true })
        waiting.addObserver((exit) =>
          record(world, command.key, exit._tag === "Success" ? resultOf(exit.value.exit) : "refused")
        )
      })
    )
  )
