/** A pool whose handlers do what the model says, and a ledger of all that its callers and handlers see. */
import { Clock, Context, Deferred, Effect, Exit, Fiber, Layer, Schema, type Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import {
  Handlers,
  type NotBefore,
  Outcome,
  type PoolError,
  type PoolSnapshot,
  RequestPolicy,
  Scaler,
  ScalingPolicy,
  type Ticket
} from "../../src/index.ts"
import type { Core } from "../../src/internal/core.ts"
import type { FiberWorker } from "../../src/internal/fiberWorker.ts"
import type { Worker } from "../../src/internal/worker.ts"
import * as PoolConfig from "../../src/PoolConfig.ts"
import * as RequestQueue from "../../src/RequestQueue.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { Identities } from "./identities.ts"
import { Turns } from "./turns.ts"
import { type UnsteadyClock, unsteadyClock } from "../support/unsteadyClock.ts"

/**
 * What a body does, once it runs. `gate` waits to be told; `hang` and `deaf` ignore their interruption; `hostile` gives what
 * throws when it is looked at. Those that ask have other requests of the same pool run, and wait for them.
 */
export const behaviours = [
  "sync",
  "gate",
  "sleep",
  "fail",
  "die",
  "give-up",
  "hang",
  "deaf",
  "slow-end",
  "leftovers",
  "steps",
  "hostile",
  "asks",
  "asks-two",
  "asks-by-ticket",
  "not-yet"
] as const
export type Behaviour = (typeof behaviours)[number]

/** Those that ask for more than a worker of whoever comes next: of pools with a discipline. */
export const plainBehaviours = behaviours.filter((behaviour) => behaviour !== "not-yet")

export const Act = Rpc.make("Act", {
  payload: { key: Schema.Number, behaviour: Schema.Literals(behaviours) },
  success: Schema.Number,
  error: Schema.String
})
export class Acts extends RpcGroup.make(Act) {}

/** What one call came to. A call has one result, however it ends. */
export type Result = Exclude<Outcome.End, "cancelled"> | "refused" | "replaced" | "open" | "gaveUp"

export interface World {
  /** Of pools that follow their load. */
  readonly scaler: Scaler.Scaler["Service"] | undefined
  /** The pool's, where that is not the test's own. */
  readonly clock: UnsteadyClock | undefined
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly core: Core
  /** Bodies that run now, finalizers included, and the most there ever were. */
  bodies: number
  mostBodies: number
  /** Of these, the ones that do not listen to their interruption. */
  deaf: number
  readonly deafCalls: Set<number>
  /** Broken promises that only a body can see. */
  readonly breaches: Array<string>
  readonly gates: Map<number, Deferred.Deferred<number, string>>
  /** Opened in the end, so that bodies that ignore their interruption end too. */
  readonly release: Deferred.Deferred<void>
  readonly results: Map<number, Array<Result>>
  /** The outcomes that the pool told of, by request. */
  readonly ended: Map<number, Array<Outcome.End>>
  readonly tickets: Map<number, Ticket.Ticket<number, string>>
  readonly callers: Map<number, Fiber.Fiber<unknown, unknown>>
  leftovers: number
  /** Bodies that wait for what they have asked of their own pool, and the last key that was given to such a request. */
  asking: number
  lastPart: number
  /** Batches of more than one that have begun. */
  together: number
  /** Requests whose bodies run now. */
  readonly running: Set<number>
  /** Parts whose ticket was given up: whoever asked goes on beside them. */
  readonly givenUp: Set<number>
  /** Who may start, where keys, priorities and limits have their say. */
  readonly turns: Turns
  /** What calls are to each other, where that is of interest. */
  readonly identities: Identities | undefined
  /** Whoever waits for all of a group. */
  readonly awaiting: Array<Fiber.Fiber<unknown, unknown>>
}

/** Bodies that may not be more than the pool allows. */
const measure = (world: World): void => {
  const beside = [...world.givenUp].filter((key) => world.running.has(key)).length
  world.mostBodies = Math.max(world.mostBodies, world.bodies - beside)
}

const body = (world: World, key: number, behaviour: Behaviour): Effect.Effect<number, string, Scope.Scope> => {
  switch (behaviour) {
    case "sync":
      return Exit.succeed(key)
    case "gate":
      return Effect.suspend(() => {
        const gate = world.gates.get(key) ?? Deferred.makeUnsafe<number, string>()
        world.gates.set(key, gate)
        return Deferred.await(gate)
      })
    case "sleep":
      return Effect.as(Effect.sleep((key * 7) % 40), key)
    case "fail":
      return Effect.fail("no")
    case "die":
      return Effect.andThen(Effect.yieldNow, Effect.die("bug"))
    case "give-up":
      return Effect.interrupt
    case "hang":
      return Effect.as(Effect.uninterruptible(Deferred.await(world.release)), key)
    case "deaf":
      return Effect.as(Effect.uninterruptible(Effect.sleep(60)), key)
    case "slow-end":
      return Effect.as(Effect.sleep(20), key).pipe(Effect.ensuring(Effect.sleep(15)))
    case "steps":
      return Effect.as(Effect.repeat(Effect.yieldNow, { times: key % 4 }), key)
    case "leftovers":
      return Effect.gen(function* () {
        const come = Effect.sync(() => world.leftovers++)
        const go = Effect.sync(() => world.leftovers--)
        yield* Effect.acquireRelease(come, () => go)
        yield* Effect.forkChild(
          Effect.acquireUseRelease(
            come,
            () => Effect.never,
            () => go
          )
        )
        yield* Effect.sleep(5)
        return key
      })
    case "hostile":
      return Effect.as(Effect.yieldNow, revoked() as number)
    case "not-yet":
      return world.turns.notYet(key)
    case "asks":
      return Effect.as(part(world, new Asker(key), partsOf), key)
    case "asks-two":
      return Effect.suspend(() => {
        const asker = new Asker(key)
        return Effect.as(
          Effect.all([part(world, asker, partsOf), part(world, asker, partsOf)], { concurrency: "unbounded" }),
          key
        )
      })
    case "asks-by-ticket":
      return Effect.as(partByTicket(world, key), key)
  }
}

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** All end by themselves. */
const partsOf: ReadonlyArray<Behaviour> = [
  "sync",
  "asks",
  "sleep",
  "fail",
  "slow-end",
  "asks-two",
  "steps",
  "leftovers",
  "die"
]
const quickPartsOf: ReadonlyArray<Behaviour> = ["sync", "sleep", "steps", "fail"]

/** Keys beyond those of the commands. A body asks for few parts, and these for fewer. */
const nextPart = (world: World, among: ReadonlyArray<Behaviour>) => {
  const key = ++world.lastPart
  return { key, behaviour: world.asking > 6 ? ("steps" as const) : among[key % among.length]! }
}

/** A body that waits for all of its parts is not at work. */
class Asker {
  readonly key: number
  private waits = 0

  constructor(key: number) {
    this.key = key
  }

  waitFor<A, E>(world: World, wait: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        if (this.waits++ > 0) return
        world.asking++
        world.bodies--
      }),
      () => wait,
      () =>
        Effect.sync(() => {
          if (--this.waits > 0) return
          world.asking--
          world.bodies++
          measure(world)
        })
    )
  }
}

const optionsOfPart = (world: World, asker: number, part: number) => ({
  ...world.turns.partOf(asker, part),
  ...world.identities?.optionsOfPart(part)
})

const part = (world: World, asker: Asker, among: ReadonlyArray<Behaviour>) =>
  Effect.suspend(() => {
    const act = nextPart(world, among)
    return asker.waitFor(world, world.pool.execute(Act, act, optionsOfPart(world, asker.key, act.key))).pipe(
      Effect.onExit((exit) => Effect.sync(() => record(world, act.key, resultOf(exit)))),
      Effect.ignore
    )
  })

const partByTicket = (world: World, key: number) =>
  Effect.suspend(() => {
    const act = nextPart(world, quickPartsOf)
    const asker = new Asker(key)
    // One that had to wait for its place may have the slot, while whoever asked goes on.
    const submitted = Effect.tap(world.pool.submit(Act, act, optionsOfPart(world, key, act.key)), () =>
      Effect.sync(() => world.givenUp.add(act.key))
    )
    return asker.waitFor(world, submitted).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure") return record(world, act.key, resultOf(exit))
          exit.value.onEnd((outcome) => record(world, act.key, resultOf(outcome.exit)))
        })
      ),
      Effect.flatMap((ticket) =>
        asker.waitFor(
          world,
          Effect.onInterrupt(
            Effect.suspend(() => {
              world.givenUp.delete(act.key)
              return ticket.await
            }),
            () => {
              world.givenUp.add(act.key)
              return ticket.cancel
            }
          )
        )
      ),
      Effect.ignore
    )
  })

const isDeaf = (behaviour: Behaviour) => behaviour === "hang" || behaviour === "deaf"

/** One body, watched: two bodies of a request never run at once, and never more than the pool may run. */
const watched = (world: World, key: number, behaviour: Behaviour) => {
  const { running } = world
  const effect = body(world, key, behaviour)
  const isDeafCall = (call: number) => world.deafCalls.has(call)
  const begin = () =>
    world.breaches.push(...world.turns.begins(key), ...(world.identities?.begins(key, isDeafCall) ?? []))
  const end = () => {
    world.turns.ends(key)
    world.identities?.ends(key)
  }
  if (Exit.isExit(effect)) {
    begin()
    end()
    return effect
  }
  const come = Effect.sync(() => {
    if (running.has(key)) world.breaches.push(`two attempts of request ${key} run at once`)
    running.add(key)
    if (isDeaf(behaviour)) world.deafCalls.add(key)
    begin()
    world.bodies++
    measure(world)
    if (isDeaf(behaviour)) world.deaf++
  })
  const go = Effect.sync(() => {
    running.delete(key)
    end()
    world.bodies--
    if (isDeaf(behaviour)) world.deaf--
  })
  return Effect.acquireUseRelease(
    come,
    () => effect,
    () => go
  )
}

type Payload = typeof Act.payloadSchema.Type

/** Each does what it does, side by side. Some batches come to nothing. */
const inBatch = (
  world: World,
  payloads: ReadonlyArray<Payload>,
  { size }: RequestPolicy.Batch,
  one: (payload: Payload) => Effect.Effect<number, string, Scope.Scope>
) => {
  const { length } = payloads
  if (length === 0 || length > size) return Effect.die(`a batch of ${length}, at most ${size} are asked for`)
  if (length > 1) world.together++
  const each = Effect.forEach(payloads, (payload) => Effect.exit(one(payload)), { concurrency: "unbounded" })
  const { key } = payloads[0]!
  if (key % 11 === 0) return Effect.andThen(each, Effect.fail("no"))
  if (key % 13 === 0) return Effect.map(each, (exits) => exits.slice(1))
  if (key % 17 === 0) return Effect.andThen(each, Effect.die("bug"))
  return each
}

/** Each look wants as much as waits, so that early looks have something to do; adaptive wants what it has measured. */
const policies: Readonly<Record<string, ScalingPolicy.ScalingPolicy>> = {
  adaptive: ScalingPolicy.adaptive(),
  hungry: ScalingPolicy.make("hungry", ({ running, waiting }) => running + waiting)
}
export type Scaling = "none" | "adaptive" | "hungry"

export const makeWorld = Effect.fnUntraced(function* (
  options: PoolConfig.Options,
  {
    batch,
    identities,
    scaling = "none",
    unsteady = false,
    usesTurns = false
  }: {
    readonly scaling?: Scaling
    readonly unsteady?: boolean
    readonly usesTurns?: boolean
    readonly batch?: RequestPolicy.Batch | undefined
    readonly identities?: Identities | undefined
  } = {}
) {
  const clock = unsteady ? unsteadyClock(yield* Clock.Clock) : undefined
  let world: World
  const Several = Act.annotate(RequestPolicy.RequestPolicy, { batch })
  class SeveralActs extends RpcGroup.make(Several) {}
  const one = ({ behaviour, key }: Payload) => watched(world, key, behaviour)
  const handlers = SeveralActs.toLayer({
    Act: batch === undefined ? one : Handlers.batched(Several, (payloads) => inBatch(world, payloads, batch, one))
  })
  const inside = Layer.effectContext(
    Effect.gen(function* () {
      const { core, pool } = yield* WorkerPool.make("elastic")
      const policy = policies[scaling]
      const scaler =
        policy === undefined
          ? undefined
          : yield* Effect.provideService(Scaler.make(policy), WorkerPool.WorkerPool, pool)
      return Context.make(Made, { core, pool, scaler })
    })
  )
  const context = yield* Layer.build(
    inside.pipe(
      Layer.provide([RequestQueue.layer, Layer.provide(Handlers.layer(SeveralActs), handlers)]),
      Layer.provide(PoolConfig.layer(options))
    )
  ).pipe(Effect.provideService(Clock.Clock, clock ?? (yield* Clock.Clock)))
  const { core, pool, scaler } = Context.get(context, Made)
  world = {
    scaler,
    clock,
    pool,
    core,
    bodies: 0,
    deaf: 0,
    deafCalls: new Set(),
    mostBodies: 0,
    breaches: [],
    gates: new Map(),
    release: Deferred.makeUnsafe(),
    results: new Map(),
    ended: new Map(),
    tickets: new Map(),
    callers: new Map(),
    leftovers: 0,
    asking: 0,
    lastPart: 100_000,
    together: 0,
    running: new Set(),
    givenUp: new Set(),
    turns: new Turns(core, options.limits ?? [], usesTurns, batch !== undefined),
    identities,
    awaiting: []
  }
  // Told synchronously, past the buffer of a subscription: none of it may be missed here.
  Object.defineProperty(core.events, "on", { value: true })
  core.events.publish = (event) => {
    if (event._tag !== "RequestEnded") return
    const key = Number(event.outcome.id)
    world.turns.hasEnded(key)
    world.breaches.push(...(identities?.hasEnded(event.outcome, world.running.has(key)) ?? []))
    world.ended.set(key, [...(world.ended.get(key) ?? []), event.outcome.end])
  }
  return world
})

class Made extends Context.Service<
  Made,
  {
    readonly core: Core
    readonly pool: WorkerPool.WorkerPool["Service"]
    readonly scaler: Scaler.Scaler["Service"] | undefined
  }
>()("test/Made") {}

/** Deadlines that are set: timeouts, expiries, delays, graces. */
export const timers = (world: World): number => {
  let count = 0
  const { lists } = world.core.deadlines as unknown as {
    readonly lists: Map<number, { head: { next: any } | undefined }>
  }
  for (const list of lists.values()) for (let at = list.head; at !== undefined; at = at.next) count++
  return count
}

/** There is none before the worker's first step. */
export const fiberOf = (worker: Worker | undefined): Fiber.Fiber<unknown, unknown> | undefined =>
  (worker as FiberWorker | undefined)?.fiber

export const record = (world: World, key: number, result: Result): void => {
  const results = world.results.get(key) ?? []
  results.push(result)
  world.results.set(key, results)
}

/** What a caller's exit says about the request. */
export const resultOf = (exit: Exit.Exit<unknown, unknown>): Result => {
  if (exit._tag === "Success") return "succeeded"
  const reason = exit.cause.reasons[0]!
  if (reason._tag === "Interrupt") return "gaveUp"
  if (reason._tag === "Die") return "failed"
  const error = reason.error as PoolError.PoolError | NotBefore.NotBefore | string
  if (typeof error === "string") return "failed"
  switch (error._tag) {
    case "RequestTimeout":
      return "timedOut"
    case "RequestExpired":
      return error.phase === "blocked" ? "gaveUp" : "expired"
    case "RequestEvicted":
    case "RequestShed":
      return "evicted"
    case "RequestCancelled":
      return "gaveUp"
    case "RequestInterrupted":
      return "interrupted"
    case "HandlerInterrupted":
    case "NotBefore":
      return "failed"
    case "RequestReplaced":
      return "replaced"
    case "CircuitOpen":
      return "open"
    default:
      return "refused"
  }
}

/**
 * What callers saw against what the pool says happened: each call has one result, each accepted request one outcome, and
 * they are the same. Only a caller that gave up may have missed an end that came at the same moment.
 */
export const disagreements = (world: World, snapshot: PoolSnapshot.PoolSnapshot): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const counted: Record<string, number> = {}
  for (const [key, ends] of world.ended) {
    for (const end of ends) counted[end] = (counted[end] ?? 0) + 1
    if (ends.length !== 1) problems.push(`request ${key} has the outcomes ${ends.join(", ")}`)
  }
  for (const end of Outcome.ends) {
    if (snapshot[end] !== (counted[end] ?? 0)) problems.push(`${end}: ${snapshot[end]} counted, ${counted[end]} told`)
  }
  for (const [key, results] of world.results) {
    const ends = world.ended.get(key) ?? []
    if (results.length !== 1) problems.push(`call ${key} has the results ${results.join(", ")}`)
    const [result] = results
    // By a breaker a call may be refused, and so may what waits already.
    const isOpen = result === "open" && (ends.length === 0 || ends[0] === "failed")
    const isReplaced = result === "replaced" && (ends.length === 0 || ends[0] === "cancelled")
    const hasJoined = ends.length === 0 && world.identities?.mayHaveJoined(key, result!, world.ended) === true
    const fits =
      isOpen ||
      isReplaced ||
      hasJoined ||
      result === "gaveUp" ||
      (result === "refused" ? ends.length === 0 : ends[0] === result)
    if (!fits) problems.push(`call ${key} saw ${result}, its request ${ends.join(", ") || "was never accepted"}`)
  }
  return problems
}
