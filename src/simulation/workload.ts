/** The requests of a simulation, and what their handlers do: they take their time, and then succeed or fail. */
import { Clock, Context, Data, Effect, Schema } from "effect"
import { Rpc } from "effect/rpc"
import type * as Handlers from "../Handlers.ts"
import type { Arrival, Arrivals } from "./arrivals.ts"
import { type Draw, makeDraw } from "./random.ts"
import type { ServiceTimes } from "./serviceTimes.ts"

/** What the handlers call gets slower the more of them call it: service time x (1 + (running / capacity) ^ exponent). */
export interface Downstream {
  /** With so many attempts at once each takes twice its time. Above zero. Default: none slows another one down. */
  readonly capacity?: number | undefined
  /** How sharply. Above zero. From above 1 on, more at once can do less in all. Default `2`. */
  readonly exponent?: number | undefined
  /** When it is out of order: what begins within such a time fails, at the end of its own. Default: never. */
  readonly outages?: ReadonlyArray<Outage> | undefined
}

/** In milliseconds since the start. */
export interface Outage {
  readonly fromMillis: number
  readonly untilMillis: number
}

/** One request, from its arrival to its end. */
export interface Job extends Arrival {
  /** From 0, in the order of arrival. */
  readonly index: number
  /** What it takes when nothing slows it down. */
  readonly serviceMillis: number
  /** Decides about the failures of its attempts. */
  readonly luck: number
  /** When its first attempt began. */
  startedAt: number | undefined
}

/** The same for the same seed, whatever the pool does with them. */
export const jobs = function* (
  arrivals: Arrivals,
  service: ServiceTimes,
  durationMillis: number,
  seed: string
): Generator<Job> {
  const luck: Draw = makeDraw(`${seed}/failures`)
  const sample = service.sampler(makeDraw(`${seed}/service`))
  let index = 0
  for (const arrival of arrivals.draw(makeDraw(`${seed}/arrivals`), durationMillis)) {
    // Drawn in any case: one that is known moves no other.
    const drawn = sample(arrival.type)
    const serviceMillis = arrival.attempts?.[0]?.millis ?? drawn
    const job: Job = { ...arrival, index, serviceMillis, luck: luck.uniform(), startedAt: undefined }
    index++
    yield job
  }
}

/** How a handler fails in a simulation. */
export class SimulatedFailure extends Data.TaggedError("SimulatedFailure")<{ readonly type: string }> {}

/**
 * A number from 0 to 1 for each attempt of a request: the same whenever it runs, and one says nothing of another (the last
 * steps of MurmurHash3, by A. Appleby).
 */
const luckOf = ({ luck }: Job, attempt: number): number => {
  let bits = Math.trunc(luck * 2 ** 32) ^ Math.imul(attempt, 0x9e37_79b9)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35)
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
}

const shareOf = (failures: WorkloadOptions["failures"], type: string): number =>
  typeof failures === "number" ? failures : Object.hasOwn(failures, type) ? failures[type]! : 0

interface WorkloadOptions {
  readonly failures: number | Readonly<Record<string, number>>
  readonly downstream: Downstream | undefined
  /** Milliseconds since the start. For those whose downstream has outages. */
  readonly now?: (() => number) | undefined
  readonly onStart: (job: Job) => void
  readonly onRetry: (job: Job) => void
  /** An attempt is over, after so many milliseconds. */
  readonly onServed: (job: Job, millis: number) => void
  /** Whether that is told of all requests, and not only of those that are somebody's. */
  readonly isServedAsked?: boolean
}

/** Handlers for all types that a simulation meets. */
export class Workload {
  private running = 0
  readonly handlers: ReadonlyMap<string, Handlers.Handler>
  private readonly options: WorkloadOptions

  constructor(types: ReadonlyArray<string>, options: WorkloadOptions) {
    this.options = options
    this.handlers = new Map(
      types.map((type) => [
        type,
        {
          rpc: Rpc.make(type, { payload: Schema.Any, error: Schema.Any }) as Rpc.AnyWithProps,
          policy: {},
          context: Context.empty(),
          run: (payload, { attempts }) => this.attempt(payload as Job, attempts)
        }
      ])
    )
  }

  private attempt(job: Job, attempt: number): Effect.Effect<void, SimulatedFailure> {
    return Effect.suspend(() => {
      const { downstream, failures, now, onRetry, onStart } = this.options
      if (attempt === 1) onStart(job)
      else onRetry(job)
      const { capacity = Infinity, exponent = 2, outages } = downstream ?? {}
      const at = outages === undefined ? 0 : now!()
      const isOut = outages?.some(({ fromMillis, untilMillis }) => fromMillis <= at && at < untilMillis) === true
      const slowdown = capacity === Infinity ? 1 : 1 + (++this.running / capacity) ** exponent
      const known = job.attempts?.[attempt - 1]
      const fails = isOut || (known === undefined ? luckOf(job, attempt) < shareOf(failures, job.type) : known.fails)
      const work = Effect.andThen(
        Effect.sleep((known?.millis ?? job.serviceMillis) * slowdown),
        fails ? Effect.fail(new SimulatedFailure({ type: job.type })) : Effect.void
      )
      const slowed =
        capacity === Infinity
          ? work
          : Effect.ensuring(
              work,
              Effect.sync(() => void this.running--)
            )
      return job.key === undefined && this.options.isServedAsked !== true ? slowed : this.served(job, slowed)
    })
  }

  private served<A, E>(job: Job, attempt: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.flatMap(Clock.Clock, (clock) => {
      const from = clock.monotonicTimeNanosUnsafe()
      return Effect.ensuring(
        attempt,
        Effect.sync(() => this.options.onServed(job, Number(clock.monotonicTimeNanosUnsafe() - from) / 1e6))
      )
    })
  }
}
