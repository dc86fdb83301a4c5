/** What the routes of the service share: the pool, what is kept of its requests, and how they are answered. */
import { Clock, Effect, Exit, Cause, Option, type Scope } from "effect"
import { Durable } from "../durable/service.ts"
import { Handlers, Outcome, OutcomeJson, PoolSnapshot, Scaler, type ScalingPolicy, WorkerPool } from "../index.ts"
import type { Advisor } from "./advisor.ts"
import { DeadLetterBytes } from "./deadLetterBytes.ts"
import * as Ended from "./ended.ts"
import { type Entry, Ledger } from "./ledger.ts"
import { logCause } from "./logCause.ts"
import * as Pauses from "./pauses.ts"
import * as Room from "./stored/room.ts"
import * as Tenants from "./tenants.ts"

export interface Options {
  /** Stands before the number in each id; the pool's `idPrefix`. */
  readonly idPrefix: string
  readonly keepEnds: number
  readonly keepBytes: number
  readonly keepForMillis: number
  /** The most that `Prefer: wait` gives. */
  readonly maxWaitMillis: number
  readonly maxBodyBytes: number
  readonly version: string
  /** Default: nobody is one. */
  readonly tenants?: Tenants.Tenants
  /** The policy at the start, as `parsePolicy` takes it. */
  readonly policy: string
  /** A policy as text, from a `PATCH`. */
  readonly parsePolicy: (
    text: string,
    bounds: { readonly minWorkers: number; readonly maxWorkers: number }
  ) => Effect.Effect<ScalingPolicy.ScalingPolicy, { readonly message: string }>
  /** Default: nobody advises. */
  readonly advisor?: Advisor | undefined
  /** A duration as text. */
  readonly millisOf: (text: string) => number | undefined
}

export interface Service {
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly scaler: Scaler.Scaler["Service"]
  readonly handlers: Handlers.Handlers["Service"]
  /** What is told of an end that the ledger does not have. */
  readonly tell: (outcome: Outcome.Outcome) => Effect.Effect<Ended.Ended>
  readonly tenants: Tenants.Tenants
  /** Of requests that are in this process alone. */
  readonly ledger: Ledger
  /** Where requests are stored: then none is in the ledger. */
  readonly stored: Room.Room | undefined
  readonly pauses: Pauses.Pauses
  readonly deadLetterBytes: DeadLetterBytes
  readonly advisor: Advisor | undefined
  readonly options: Options
  /** Requests that were accepted and have not ended. */
  readonly pending: () => number
  /** Whole seconds after which it is worth to ask a full queue again. */
  readonly retryAfter: () => number
  /** The policy in force, with its numbers. */
  policy: string
  /** Whether those who route requests may send more. */
  ready: boolean
  /** The process is about to end, and takes no more requests. */
  stopping: boolean
}

/** With `Durable` in the context the pool is a durable one, and the service answers for all that is in its store. */
export const make = (
  options: Options
): Effect.Effect<Service, never, WorkerPool.WorkerPool | Scaler.Scaler | Handlers.Handlers | Scope.Scope> =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    const handlers = yield* Handlers.Handlers
    const durable = Option.getOrUndefined(yield* Effect.serviceOption(Durable))
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const now = () => clock.currentTimeMillisUnsafe()
    const pace = new Pace(now)
    const pending = () => PoolSnapshot.pending(Effect.runSync(pool.snapshot))
    const run = Effect.runForkWith(context)
    const encode = OutcomeJson.encoder(handlers)
    const tell = (outcome: Outcome.Outcome) => Effect.mapEager(encode(outcome), (told) => Ended.make(outcome, told))
    const deadLetterBytes = new DeadLetterBytes({
      deadLetters: pool.deadLetters,
      // Those of a store are the store's to bound.
      mostBytes: durable === undefined ? options.keepBytes : Infinity,
      unknownBytes: options.maxBodyBytes,
      tell
    })
    const ledger = new Ledger({
      ...options,
      now,
      run,
      write: (entry, outcome) => {
        pace.count()
        const defect = defectOf(outcome)
        if (defect !== undefined) run(report(entry, defect))
        return Effect.mapEager(encode(outcome), (told) => {
          const misfit = misfitOf(outcome, told)
          if (misfit !== undefined) run(Effect.logError(misfit))
          const ended = Ended.make(outcome, told)
          if (outcome.end === "failed" || outcome.end === "timedOut") {
            run(deadLetterBytes.add(entry.id, entry.payloadBytes + Buffer.byteLength(ended.text)))
          }
          return ended
        })
      }
    })
    return {
      pool,
      scaler: yield* Scaler.Scaler,
      handlers,
      tell,
      tenants: options.tenants ?? Tenants.none,
      ledger,
      stored: durable && (yield* Room.make(durable, { pool, handlers, tell })),
      pauses: durable === undefined ? Pauses.ofPool(pool) : Pauses.ofStore(pool, durable),
      deadLetterBytes,
      advisor: options.advisor,
      options,
      pending,
      retryAfter: durable === undefined ? () => pace.secondsFor(pending()) : () => storedRetryAfter,
      policy: options.policy,
      ready: true,
      stopping: false
    }
  })

/** A store takes what it is given: what it refuses it may take in a moment, whoever asks again. */
const storedRetryAfter = 5

/** The log is told what does not fit the schema that it was declared with, or cannot be written: the client is not. */
const misfitOf = ({ id, tag }: Outcome.Outcome, told: OutcomeJson.OutcomeJson): string | undefined => {
  if (told.isTyped !== false) return undefined
  const { _tag, message } = told.error as { readonly _tag: string; readonly message: string }
  const what = _tag === "InvalidResult" ? "result" : _tag === "InvalidError" ? "error" : undefined
  if (what === undefined) return undefined
  return `the ${what} of the handler of "${tag}" does not fit its schema (request ${id}): ${message}`
}

const defectOf = ({ end, exit }: Outcome.Outcome): Cause.Cause<unknown> | undefined =>
  end === "failed" && Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? exit.cause : undefined

/** The client is not told what a defect says, so the log must. */
const report = ({ id, span, type }: Entry, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const line = logCause(`the handler of "${type}" died (request ${id})`, cause)
  return span === undefined ? line : Effect.withParentSpan(line, span)
}

/** How many requests end in a second, from the last few of them. */
class Pace {
  private readonly now: () => number
  private since: number
  private ends = 0
  private perSecond = 0

  constructor(now: () => number) {
    this.now = now
    this.since = now()
  }

  count(): void {
    this.ends++
  }

  /** From 1 to 60: how long so many requests take. */
  secondsFor(requests: number): number {
    const seconds = (this.now() - this.since) / 1000
    if (seconds >= 1 || this.perSecond === 0) this.perSecond = this.ends / Math.max(seconds, 0.001)
    if (seconds >= 5) {
      this.since = this.now()
      this.ends = 0
    }
    return this.perSecond === 0 ? 60 : Math.min(60, Math.max(1, Math.ceil(requests / this.perSecond)))
  }
}
