/** Random commands, and what each does to a world. */
import { Cause, Deferred, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { type Call, PoolError, RetryPolicy } from "../../../src/index.ts"
import type { Options } from "../../../src/durable/Durable.ts"
import type { Reach } from "../../../src/durable/memory/faults.ts"
import type { Random } from "../../support/random.ts"
import { Act, type Behaviour, behaviours } from "./acts.ts"
import { close, start } from "./starting.ts"
import { type Asked, mostDeliveries, type Process, type World } from "./world.ts"

export type Command =
  | {
      readonly do: "submit" | "execute"
      readonly key: number
      readonly by: number
      readonly behaviour: Behaviour
      readonly times: number
      readonly base: number
      readonly options: Call.Options
    }
  | { readonly do: "submit-again" | "cancel" | "resubmit"; readonly key: number; readonly by: number }
  | { readonly do: "set-priority"; readonly key: number; readonly by: number; readonly priority: number }
  | { readonly do: "give-up" | "finish" | "fail"; readonly key: number }
  | { readonly do: "crash" | "freeze" | "thaw" | "drain"; readonly nth: number }
  /** Of one that has something to do, for so long that it is given up. */
  | { readonly do: "stand-still"; readonly nth: number }
  | { readonly do: "start"; readonly as: Process["as"]; readonly options: Options & { readonly maxHeld: number } }
  | { readonly do: "reach"; readonly reach: Reach }
  /** For all of them, for so long that each would be given up, were it alone. Then it is slow. */
  | { readonly do: "outage"; readonly pace: number }
  | { readonly do: "lose-notices"; readonly lost: boolean }
  | { readonly do: "pace"; readonly pace: readonly [number, number] }
  | { readonly do: "pause"; readonly by: number; readonly paused: boolean; readonly key: string | undefined }
  | { readonly do: "advance"; readonly millis: number }

/** Which faults a sequence has: of some there is more to say where others are left out. */
export type Fault = "crash" | "freeze" | "away" | "answersLost" | "flaky" | "notices" | "slow" | "drain" | "poison"
const faults: ReadonlyArray<Fault> = [
  "crash",
  "freeze",
  "away",
  "answersLost",
  "flaky",
  "notices",
  "slow",
  "drain",
  "poison"
]

export const faultsOf = (random: Random): ReadonlySet<Fault> => {
  const roll = random.below(10)
  if (roll < 2) return new Set()
  if (roll < 4) return new Set([random.of(faults)])
  if (roll < 5) return new Set<Fault>(["away", "notices", "slow"])
  if (roll < 6) return new Set<Fault>(["away"])
  return new Set(faults.filter(() => random.below(2) === 0))
}

/** How long a call waits for the store, in every process. */
export const storeTimeoutMillis = 5_000

export const startOf = (random: Random, as: Process["as"]): Command => ({
  do: "start",
  as,
  options: {
    minWorkers: random.of([0, 1, 2]),
    maxWorkers: random.of([2, 3, 4]),
    scaling: random.below(3) === 0 ? undefined : "none",
    maxHeld: random.of([2, 3, 10]),
    deliveries: mostDeliveries,
    timeout: random.of(["none", "none", 20_000]),
    drainDeadline: random.of([100, 2_000]),
    drainGrace: 200,
    storeTimeout: storeTimeoutMillis
  }
})

/** Keys of requests, whose they are. */
const owners = ["", "", "a", "b"]

export const commandsOf = (random: Random, length: number, faults: ReadonlySet<Fault>): ReadonlyArray<Command> => {
  let lastKey = 0
  // Much that is under way when something goes wrong.
  const slow: ReadonlyArray<Behaviour> = ["gate", "gate", "long", "long"]
  const some = [...behaviours, ...slow].filter((behaviour) => behaviour !== "poison" || faults.has("poison"))
  const anyKey = () => 1 + random.below(Math.max(1, lastKey))
  const by = () => random.below(8)
  return Array.from({ length }, (): Command => {
    const roll = random.below(100)
    if (roll < 34) {
      return {
        do: random.of(["submit", "submit", "execute"] as const),
        key: ++lastKey,
        by: by(),
        behaviour: random.of(some),
        times: random.of([0, 0, 2]),
        base: random.of([10, 1_000, 15_000]),
        options: {
          key: random.of(owners),
          priority: random.of([0, 0, 5]),
          timeout: random.of([undefined, undefined, 3_000]),
          expiresIn: random.of([undefined, undefined, undefined, 50, 8_000])
        }
      }
    }
    if (roll < 38) return { do: "submit-again", key: anyKey(), by: by() }
    if (roll < 43) return { do: "cancel", key: anyKey(), by: by() }
    if (roll < 45) return { do: "give-up", key: anyKey() }
    if (roll < 47) return { do: "resubmit", key: anyKey(), by: by() }
    if (roll < 49) return { do: "set-priority", key: anyKey(), by: by(), priority: random.of([-5, 0, 10]) }
    if (roll < 55) return { do: random.of(["finish", "finish", "fail"] as const), key: anyKey() }
    if (roll < 58) return startOf(random, random.of(["layer", "layerWorker", "layerClient"] as const))
    if (roll < 60) return { do: "pause", by: by(), paused: random.below(2) === 0, key: random.of([undefined, "a"]) }
    if (roll < 78) return faultyCommand(random, faults) ?? { do: "advance", millis: 1 }
    return { do: "advance", millis: random.of([0, 1, 5, 50, 200, 500, 1_000, 3_000, 7_000, 16_000, 16_000]) }
  })
}

const faultyCommand = (random: Random, faults: ReadonlySet<Fault>): Command | undefined => {
  const fault = random.of([...faults])
  const nth = random.below(8)
  switch (fault) {
    case undefined:
    case "poison":
      return undefined
    case "crash":
    case "drain":
      return { do: fault, nth }
    case "freeze":
      return { do: random.of(["freeze", "thaw", "stand-still", "stand-still"] as const), nth }
    case "away":
      if (random.below(2) === 0) return { do: "outage", pace: random.of([0, 40, 150, 400]) }
      return { do: "reach", reach: random.of([fault, "here"] as const) }
    case "answersLost":
    case "flaky":
      return { do: "reach", reach: random.of([fault, "here"] as const) }
    case "notices":
      return { do: "lose-notices", lost: random.below(3) > 0 }
    case "slow":
      return { do: "pace", pace: [random.of([0, 1, 40]), random.of([0, 1, 40])] }
  }
}

/** Whatever takes time goes on by itself. */
const aside = (world: World, effect: Effect.Effect<unknown>) =>
  Effect.map(Effect.forkDetach(effect, { startImmediately: true }), (fiber) => {
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) world.breaches.push(Cause.pretty(exit.cause))
    })
  })

export const apply = (world: World, command: Command): Effect.Effect<void> => {
  const process = "by" in command ? world.live[command.by % Math.max(1, world.live.length)] : undefined
  if ("by" in command && process === undefined) return Effect.void
  const asked = "key" in command && typeof command.key === "number" ? world.asked.get(command.key) : undefined
  switch (command.do) {
    case "submit":
    case "execute":
      return ask(world, process!, command)
    case "submit-again":
      return asked === undefined ? Effect.void : submit(world, process!, asked, { id: asked.id })
    case "cancel":
      return asked === undefined ? Effect.void : aside(world, Effect.ignore(process!.durable.cancel(asked.id)))
    case "resubmit":
      return asked === undefined ? Effect.void : resubmit(world, process!, asked)
    case "set-priority":
      return asked === undefined
        ? Effect.void
        : aside(
            world,
            Effect.ignore(
              Effect.flatMap(process!.durable.ticket(asked.id, Act), (ticket) => ticket.setPriority(command.priority))
            )
          )
    case "give-up":
      return Effect.sync(() => asked?.callers.forEach((caller) => caller.interruptUnsafe()))
    case "finish":
      return Effect.asVoid(Deferred.succeed(world.gateOf(command.key), "told"))
    case "fail":
      return Effect.asVoid(Deferred.fail(world.gateOf(command.key), "told to fail"))
    case "start":
      return world.live.length > 4 ? Effect.void : aside(world, start(world, command.as, command.options))
    case "crash":
    case "freeze":
    case "drain": {
      const one = world.live[command.nth % Math.max(1, world.live.length)]
      if (one === undefined) return Effect.void
      if (command.do === "drain") {
        world.faults.add("drain")
        return Effect.asVoid(close(one))
      }
      return Effect.sync(() => (command.do === "crash" ? world.crash(one, "crash") : world.freeze(one)))
    }
    case "stand-still":
      return standStill(world, command.nth)
    case "thaw":
      return Effect.sync(() => world.processes.forEach((one) => world.thaw(one)))
    case "reach":
      return Effect.sync(() => world.setReach(command.reach))
    case "outage":
      return outage(world, command.pace)
    case "lose-notices":
      return Effect.sync(() => {
        if (command.lost) world.faults.add("notices")
        world.memory.faults.loseNotices(command.lost)
      })
    case "pace":
      return Effect.sync(() => world.setPace(command.pace))
    case "pause":
      return aside(
        world,
        Effect.ignore(process!.durable.setPause(command.key === undefined ? {} : { key: command.key }, command.paused))
      )
    case "advance":
      return TestClock.adjust(command.millis)
  }
}

const standStill = (world: World, nth: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { live } = world
    const locals = yield* Effect.forEach(live, ({ durable }) => durable.local)
    const busy = live.filter((_, at) => locals[at]!.held > 0)
    const one = busy[nth % Math.max(1, busy.length)]
    if (one === undefined) return
    world.freeze(one)
    yield* TestClock.adjust(16_000)
    world.thaw(one)
  })

const outage = (world: World, pace: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    world.setPace([0, 0])
    yield* TestClock.adjust(500)
    world.setReach("away")
    yield* TestClock.adjust(16_000)
    world.setPace([0, pace])
    world.setReach("here")
    yield* TestClock.adjust(4_000)
    world.setPace([0, 0])
  })

type Asking = Extract<Command, { readonly do: "submit" | "execute" }>

const ask = (world: World, process: Process, command: Asking): Effect.Effect<void> => {
  const { base, behaviour, key, times } = command
  const id = process.durable.idOf("Act", `request ${key}`)
  const asked: Asked = { key, id, behaviour, attempts: times + 1, isAcknowledged: false, callers: [] }
  world.asked.set(key, asked)
  const retry = times === 0 ? "none" : RetryPolicy.make({ times, base, cap: 60_000, factor: 1, jitter: "none" })
  const options: Call.Options = { ...command.options, id, retry }
  if (command.do === "submit") return submit(world, process, asked, options)
  return Effect.map(
    Effect.forkDetach(process.pool.execute(Act, { key, behaviour }, options), { startImmediately: true }),
    (fiber) => {
      asked.callers.push(fiber)
      world.executing.push({ process, id, fiber })
      fiber.addObserver((exit) => refuse(world, key, exit))
    }
  )
}

const submit = (world: World, process: Process, asked: Asked, options: Call.Options): Effect.Effect<void> => {
  const { behaviour, id, key } = asked
  return aside(
    world,
    Effect.gen(function* () {
      const call = { process, key, since: world.now }
      world.submitting.add(call)
      const exit = yield* Effect.exit(process.pool.submit(Act, { key, behaviour }, options))
      world.submitting.delete(call)
      if (Exit.isFailure(exit)) return refuse(world, key, exit)
      asked.isAcknowledged = true
      if (exit.value.id !== id) world.breaches.push(`the ticket of ${id} has the id ${exit.value.id}`)
      yield* world.waitFor(process, exit.value)
    })
  )
}

const resubmit = (world: World, process: Process, asked: Asked): Effect.Effect<void> =>
  aside(
    world,
    Effect.gen(function* () {
      const exit = yield* Effect.exit(process.durable.resubmit(asked.id))
      if (Exit.isFailure(exit)) return
      const { id } = exit.value
      if ([...world.asked.values()].some((other) => other.id === id)) return
      const key = 1_000 + world.asked.size
      world.asked.set(key, { ...asked, key, id, isAcknowledged: true, callers: [] })
      yield* world.waitFor(process, exit.value)
    })
  )

/** A call may fail for the store, or for the end of its process, and for nothing else that is not an end. */
const refuse = (world: World, key: number, exit: Exit.Exit<unknown, unknown>): void => {
  if (Exit.isSuccess(exit)) return
  const reason = exit.cause.reasons[0]!
  if (reason._tag === "Interrupt") return
  const error = reason._tag === "Fail" ? reason.error : undefined
  const isFine =
    error instanceof PoolError.StoreUnavailable ||
    error instanceof PoolError.PoolDraining ||
    typeof error === "string" ||
    ends.some((End) => error instanceof End) ||
    (reason._tag === "Die" && world.asked.get(key)!.behaviour === "die")
  if (!isFine) world.breaches.push(`the call of request ${key} failed with ${String(exit.cause)}`)
}

const ends = [
  PoolError.RequestTimeout,
  PoolError.RequestExpired,
  PoolError.RequestCancelled,
  PoolError.DeliveriesExhausted,
  PoolError.RequestInterrupted
]
