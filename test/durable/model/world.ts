/** Several processes of one store, all under one TestClock, and a ledger of all that callers and handlers see. */
import { Clock, Context, Deferred, Effect, Exit, type Fiber, Layer, Logger, Schema, Scope, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as Durable from "../../../src/durable/Durable.ts"
import { type MemoryStore, make as makeMemory } from "../../../src/durable/memory/store.ts"
import type { Services } from "../../../src/durable/pool.ts"
import type { Claim, EndRecord, Session } from "../../../src/durable/Store.ts"
import { Handlers, type Outcome, type Ticket, WorkerPool } from "../../../src/index.ts"
import type { Reach } from "../../../src/durable/memory/faults.ts"

/** What a handler does. `poison` ends its process; `gate` waits to be told; `fails-first` fails in each process that has it first. */
export const behaviours = [
  "quick",
  "sleep",
  "long",
  "gate",
  "fail",
  "die",
  "fails-first",
  "fails-twice",
  "poison"
] as const
export type Behaviour = (typeof behaviours)[number]

export const Act = Rpc.make("Act", {
  payload: { key: Schema.Number, behaviour: Schema.Literals(behaviours) },
  success: Schema.String,
  error: Schema.String
})
class Acts extends RpcGroup.make(Act) {}

/** How often a request may be delivered, in every process. */
export const mostDeliveries = 3

export interface Process {
  readonly name: string
  readonly as: "layer" | "layerWorker" | "layerClient"
  readonly maxHeld: number
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly durable: Durable.Durable["Service"]
  readonly scope: Scope.Closeable
  /** The ids of claims that it was told to have lost. */
  readonly lapsed: Set<string>
  state: "live" | "frozen" | "crashed" | "closing" | "closed"
}

/** One request, by its number in the sequence. */
export interface Asked {
  readonly key: number
  readonly id: string
  readonly behaviour: Behaviour
  /** The most attempts of one delivery. */
  readonly attempts: number
  /** Whether any process was told that it is stored. */
  isAcknowledged: boolean
  readonly callers: Array<Fiber.Fiber<unknown, unknown>>
}

/** Somebody who waits for an outcome, in one process. */
export interface Waiter {
  readonly process: Process
  readonly id: string
  answer: Outcome.Outcome | undefined
}

/** A claim whose answer has reached its process. */
export interface Received {
  readonly process: string
  readonly claim: Claim
  /** Whether that process has said that it gives it back. */
  isReturned: boolean
  /** What that process has made of it. */
  record: EndRecord | undefined
}

export class World {
  readonly processes: Array<Process> = []
  readonly asked = new Map<number, Asked>()
  readonly waiters: Array<Waiter> = []
  /** Callers of `execute`. */
  readonly executing: Array<{
    readonly process: Process
    readonly id: string
    readonly fiber: Fiber.Fiber<unknown, unknown>
  }> = []
  readonly received: Array<Received> = []
  readonly breaches: Array<string> = []
  readonly gates = new Map<number, Deferred.Deferred<string, string>>()
  /** Starts of handlers, by the id of the request. */
  readonly runs = new Map<string, number>()
  /** What was done to them. */
  readonly faults = new Set<string>()
  /** Ends as they were first seen. */
  readonly ends = new Map<string, string>()
  /** What processes did, in its order. */
  readonly log: Array<string> = []
  readonly observer: Session
  readonly memory: MemoryStore
  private readonly clock: Clock.Clock
  reach: Reach = "here"
  pace: readonly [number, number] = [0, 0]
  /** Nothing goes wrong any more, and nobody waits to be told. */
  isHealed = false
  started = 0
  /** Claims that a process has lost, and lives. */
  fenced = 0
  /** Handlers that run now. */
  readonly running = new Set<{
    readonly process: Process
    readonly id: string
    readonly key: number
    readonly deliveries: number
  }>()

  constructor(memory: MemoryStore, observer: Session, clock: Clock.Clock) {
    this.memory = memory
    this.clock = clock
    this.observer = observer
  }

  get live(): ReadonlyArray<Process> {
    return this.processes.filter(({ state }) => state === "live")
  }

  /** How many are there to work. */
  get workers(): number {
    return this.live.filter(({ as }) => as !== "layerClient").length
  }

  isGone({ state }: Process): boolean {
    return state === "crashed" || state === "closed"
  }

  /** Stops a process for good. */
  crash(process: Process, by: "crash" | "poison"): void {
    if (this.isGone(process)) return
    process.state = "crashed"
    this.faults.add(by)
    this.memory.faults.freeze(process.durable.process)
  }

  freeze(process: Process): void {
    if (process.state !== "live") return
    process.state = "frozen"
    this.faults.add("freeze")
    this.memory.faults.freeze(process.durable.process)
  }

  thaw(process: Process): void {
    if (process.state !== "frozen") return
    process.state = "live"
    this.memory.faults.thaw(process.durable.process)
  }

  setReach(reach: Reach): void {
    if (reach !== "here") this.faults.add(reach)
    // The answers to what is under way are lost.
    if (reach === "away" && this.faults.has("slow")) this.faults.add("answersLost")
    this.reach = reach
    this.memory.faults.setReach(reach)
  }

  setPace(pace: readonly [number, number]): void {
    if (pace[0] + pace[1] > 0) this.faults.add("slow")
    this.pace = pace
    this.memory.faults.setPace(...pace)
  }

  /** What a handler does in this process, counted. */
  readonly run = (made: Deferred.Deferred<Process>, key: number, behaviour: Behaviour): Effect.Effect<string, string> =>
    Effect.gen({ self: this }, function* () {
      const process = yield* Deferred.await(made)
      const delivery = yield* Durable.Delivery
      if (delivery === undefined) return yield* Effect.die("a handler without a delivery")
      const standStill = this.memory.faults.whileFrozen(process.durable.process)
      yield* standStill
      const { deliveries, id } = delivery
      this.note(process.name, `runs ${key}, delivery ${deliveries}`)
      this.runs.set(id, (this.runs.get(id) ?? 0) + 1)
      const others = [...this.running].filter((other) => other.id === id)
      if (others.length > 0 && this.faults.size === 0) this.breaches.push(`two attempts of request ${key} run at once`)
      const run = { process, id, key, deliveries }
      this.running.add(run)
      return yield* Effect.ensuring(
        this.body(process, key, behaviour, deliveries, standStill),
        Effect.sync(() => this.running.delete(run))
      )
    })

  private readonly body = (
    process: Process,
    key: number,
    behaviour: Behaviour,
    deliveries: number,
    standStill: Effect.Effect<void>
  ): Effect.Effect<string, string> => {
    const done = Effect.as(standStill, `${process.name} ${deliveries}`)
    switch (behaviour) {
      case "quick":
        return done
      case "sleep":
        return Effect.andThen(Effect.sleep(40), done)
      case "long":
        return Effect.andThen(Effect.sleep(4_000), done)
      case "gate":
        return this.isHealed ? done : Effect.andThen(Deferred.await(this.gateOf(key)), done)
      case "fail":
        return Effect.fail("no")
      case "die":
        return Effect.die("bug")
      case "fails-first":
      case "fails-twice": {
        const failures = behaviour === "fails-first" ? 1 : 2
        return Effect.suspend(() =>
          this.runs.get(this.asked.get(key)!.id)! <= failures ? Effect.fail("not yet") : done
        )
      }
      case "poison":
        if (this.isHealed) return done
        this.crash(process, "poison")
        return Effect.never
    }
  }

  /** Somebody waits in this process, to the end. */
  readonly waitFor = (process: Process, ticket: Ticket.Ticket<unknown, unknown>): Effect.Effect<void> => {
    const waiter: Waiter = { process, id: ticket.id, answer: undefined }
    this.waiters.push(waiter)
    return Effect.map(ticket.outcome, (outcome) => void (waiter.answer = outcome))
  }

  gateOf(key: number): Deferred.Deferred<string, string> {
    const gate = this.gates.get(key) ?? Deferred.makeUnsafe<string, string>()
    this.gates.set(key, gate)
    return gate
  }

  /** Starts a process. It takes the time that joining takes. */
  readonly start = (as: Process["as"], options: Durable.Options & { readonly maxHeld: number }): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      const name = `p${++this.started}`
      const scope = yield* Scope.make("sequential")
      const made = Deferred.makeUnsafe<Process>()
      const handlers = Handlers.layer(Acts).pipe(
        Layer.provide(Acts.toLayer({ Act: ({ behaviour, key }) => this.run(made, key, behaviour) }))
      )
      const layer: Layer.Layer<Services, any, Handlers.Handlers | Durable.Store> =
        as === "layerClient" ? Durable.layerClient({ ...options, groups: [Acts] }) : Durable[as](options)
      const store = { kind: "memory" as const, join: this.watchedJoin(name) }
      const clock = yield* Clock.Clock
      let process: Process | undefined
      const standsStill = Effect.suspend(() =>
        process === undefined ? Effect.void : this.memory.faults.whileFrozen(process.durable.process)
      )
      const exit = yield* layer.pipe(
        Layer.provide([handlers, Layer.succeed(Durable.Store, store)]),
        Layer.build,
        Scope.provide(scope),
        Effect.provideService(Clock.Clock, {
          ...clock,
          sleep: (duration) => Effect.andThen(clock.sleep(duration), standsStill)
        }),
        Effect.exit
      ) as Effect.Effect<Exit.Exit<Context.Context<Services>, unknown>>
      if (Exit.isFailure(exit)) return yield* Scope.close(scope, exit)
      const durable = Context.get(exit.value, Durable.Durable)
      const pool = Context.get(exit.value, WorkerPool.WorkerPool)
      const { maxHeld } = options
      process = { name, as, maxHeld, pool, durable, scope, lapsed: new Set(), state: "live" }
      this.processes.push(process)
      Deferred.doneUnsafe(made, Exit.succeed(process))
      const { lapsed } = process
      const heard = Stream.runForEach(pool.events, (event) =>
        Effect.sync(() => {
          if (event._tag === "ClaimLapsed") lapsed.add(event.id)
        })
      )
      yield* Effect.forkIn(heard, scope, { startImmediately: true })
    }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))

  /** Closes it as a program would. */
  readonly close = (process: Process): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      process.state = "closing"
      return Effect.forkDetach(
        Effect.ensuring(
          Scope.close(process.scope, Exit.void),
          Effect.sync(() => {
            if (process.state === "closing") process.state = "closed"
          })
        ),
        { startImmediately: true }
      )
    })

  private readonly watchedJoin =
    (process: string): Durable.Store["Service"]["join"] =>
    (member) =>
      Effect.map(this.memory.store.join(member), (session): Session => {
        const { claim, giveBack, settle } = session
        const receivedOf = (one: Claim) => this.received.find((each) => each.claim.fence === one.fence)
        return {
          ...session,
          claim: (tags, most) =>
            Effect.tap(claim(tags, most), (claims) =>
              Effect.sync(() => {
                for (const claim of claims) {
                  this.note(process, `claims ${keyOf(claim)}, delivery ${claim.deliveries}`)
                  this.received.push({ process, claim, isReturned: false, record: undefined })
                }
              })
            ),
          giveBack: (returns) =>
            Effect.suspend(() => {
              for (const { claim } of returns) {
                this.note(process, `gives ${keyOf(claim)} back`)
                Object.assign(receivedOf(claim) ?? {}, { isReturned: true })
              }
              return giveBack(returns)
            }),
          settle: (ends) =>
            Effect.suspend(() => {
              for (const { claim, record } of ends) {
                this.note(process, `ends ${keyOf(claim)}: ${record.end}`)
                Object.assign(receivedOf(claim) ?? {}, { record })
              }
              return settle(ends)
            })
        }
      })

  /** For whoever reads of a failure. */
  private note(process: string, what: string): void {
    this.log.push(`${this.clock.currentTimeMillisUnsafe()} ms: ${process} ${what}`)
  }
}

const keyOf = ({ request }: Claim) => (request.payload as { readonly key: number }).key

export const makeWorld: Effect.Effect<World> = Effect.gen(function* () {
  const memory = yield* makeMemory
  // It has left, so that nobody misses it.
  const observer = yield* Effect.scoped(
    memory.store.join({
      id: crypto.randomUUID(),
      pool: "observer",
      host: "here",
      pid: 0,
      role: "client",
      tags: ["Act"],
      deliveries: mostDeliveries,
      keepOutcomesMillis: 7 * 86_400_000
    })
  )
  return new World(memory, observer, yield* Clock.Clock)
}).pipe(Effect.orDie)
