/** Several processes of one store, all under one TestClock, and a ledger of all that callers and handlers see. */
import { Cause, Clock, Deferred, Effect, type Fiber, type Scope } from "effect"
import type { Durable } from "../../../src/durable/Durable.ts"
import type { Reach } from "../../../src/durable/memory/faults.ts"
import { type MemoryStore, make as makeMemory } from "../../../src/durable/memory/store.ts"
import type { Claim, EndRecord, Session } from "../../../src/durable/Store.ts"
import type { Outcome, Ticket, WorkerPool } from "../../../src/index.ts"
import type { Behaviour } from "./acts.ts"

/** How often a request may be delivered, in every process. */
export const mostDeliveries = 3

export interface Process {
  readonly name: string
  readonly as: "layer" | "layerWorker" | "layerClient"
  readonly maxHeld: number
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly durable: Durable["Service"]
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
  /** Calls that are not stored yet, and since when. */
  readonly submitting = new Set<{ readonly process: Process; readonly key: number; readonly since: number }>()
  readonly received: Array<Received> = []
  readonly breaches: Array<string> = []
  readonly gates = new Map<number, Deferred.Deferred<string, string>>()
  /** Starts of handlers, by the id of the request. */
  readonly runs = new Map<string, number>()
  /** What was done to them. */
  readonly faults = new Set<string>()
  /** Ends as they were first seen. */
  readonly ends = new Map<string, string>()
  /** The commands after which they were. */
  readonly endedAt = new Map<string, number>()
  /** What processes did, in its order. */
  readonly log: Array<string> = []
  readonly observer: Session
  readonly memory: MemoryStore
  private readonly clock: Clock.Clock
  reach: Reach = "here"
  pace: readonly [number, number] = [0, 0]
  private slowUntil = -Infinity
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
    /** The command during which it began. */
    readonly step: number
  }>()
  /** How many commands there were. */
  step = 0

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

  get now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  setReach(reach: Reach): void {
    if (reach !== "here") this.faults.add(reach)
    // The answers to what is under way are lost.
    if (reach === "away" && this.now < this.slowUntil) this.faults.add("answersLost")
    this.reach = reach
    this.memory.faults.setReach(reach)
  }

  setPace(pace: readonly [number, number]): void {
    const [before, after] = this.pace
    this.slowUntil = pace[0] + pace[1] > 0 ? Infinity : this.now + before + after + 1
    this.pace = pace
    this.memory.faults.setPace(...pace)
  }

  /** Somebody waits in this process, to the end. */
  readonly waitFor = (process: Process, ticket: Ticket.Ticket<unknown, unknown>): Effect.Effect<void> => {
    const waiter: Waiter = { process, id: ticket.id, answer: undefined }
    this.waiters.push(waiter)
    return Effect.matchCause(ticket.outcome, {
      onSuccess: (outcome) => void (waiter.answer = outcome),
      // Its process has ended, and says so.
      onFailure: (cause) => {
        if (process.state === "live") this.breaches.push(Cause.pretty(cause))
      }
    })
  }

  gateOf(key: number): Deferred.Deferred<string, string> {
    const gate = this.gates.get(key) ?? Deferred.makeUnsafe<string, string>()
    this.gates.set(key, gate)
    return gate
  }

  /** For whoever reads of a failure. */
  note(process: string, what: string): void {
    this.log.push(`${this.now} ms: ${process} ${what}`)
  }
}

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
