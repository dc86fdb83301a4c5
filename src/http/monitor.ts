/** Looks at the pool each second and remembers the last minutes, for whoever watches. */
import { Clock, Duration, Effect, PubSub, type Scope, Stream } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Latencies, ScalingDecision } from "../index.ts"
import { limitsOf } from "./limits.ts"
import { type Decision, type Percentiles, type Point, rated } from "./points.ts"
import type { Service } from "./service.ts"

const everyMillis = 1000
const mostPoints = 600
const mostDecisions = 100

/** Either, numbered in the order in which they came. */
export type Seen = { readonly number: number } & (
  | { readonly name: "point"; readonly data: Point }
  | { readonly name: "decision"; readonly data: Decision }
)

export interface Monitor {
  /** What has been seen since that number, oldest first. */
  readonly since: (number: number) => ReadonlyArray<Seen>
  /** What is seen from the subscription on. */
  readonly stream: Stream.Stream<Seen>
}

export const make = (service: Service): Effect.Effect<Monitor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { ledger, pauses, pool, scaler, stored } = service
    const hub = yield* PubSub.sliding<Seen>(256)
    const points: Array<Seen> = []
    const decisions: Array<Seen> = []
    let number = 0
    const keep = (kept: Array<Seen>, most: number, seen: Seen) => {
      kept.push(seen)
      if (kept.length > most) kept.shift()
      return PubSub.publish(hub, seen)
    }

    const delay = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const delay = monitorEventLoopDelay({ resolution: 10 })
        delay.enable()
        return delay
      }),
      (delay) => Effect.sync(() => delay.disable())
    )
    let before = yield* pool.snapshot
    let latenciesBefore = yield* pool.latencies

    const look = Effect.gen(function* () {
      const snapshot = yield* pool.snapshot
      const latencies = yield* pool.latencies
      const at = yield* Clock.currentTimeMillis
      const seconds = Math.max(0.001, (snapshot.atMillis - before.atMillis) / 1000)
      const rate = (field: (typeof rated)[number]) => [field, (snapshot[field] - before[field]) / seconds]
      const {
        attempts,
        batched,
        deadLetters,
        delayed,
        ending,
        heldBack,
        idle,
        joined,
        keys,
        maxWorkers,
        minWorkers,
        overloaded,
        retriesDenied,
        running,
        scheduled,
        shed,
        state,
        stuck,
        target,
        waiting
      } = {
        ...snapshot,
        // To count those of a store is to read them.
        deadLetters: stored === undefined ? (yield* pool.deadLetters.list).length : null
      }
      const data: Point = {
        at,
        workers: { idle, running, ending, stuck, target },
        waiting,
        heldBack,
        keys,
        limits: limitsOf(snapshot),
        delayed,
        scheduled,
        running,
        batched,
        ...(overloaded !== undefined && { overloaded }),
        attempts,
        joined,
        shed,
        retriesDenied,
        deadLetters,
        rates: Object.fromEntries(rated.map(rate)),
        waited: percentiles(latencies.waited, latenciesBefore.waited),
        ran: percentiles(latencies.ran, latenciesBefore.ran),
        state,
        paused: yield* pauses.isAll,
        held: (yield* scaler.held) ?? null,
        policy: service.policy,
        bounds: { minWorkers, maxWorkers },
        // It counts from the resolution on; a loop that is never late has a delay of about that.
        eventLoopDelayMillis: Math.max(0, delay.max / 1e6 - 10)
      }
      delay.reset()
      before = snapshot
      latenciesBefore = latencies
      ledger.forget(at)
      yield* keep(points, mostPoints, { number: ++number, name: "point", data })
    })
    yield* Effect.forkScoped(Effect.forever(Effect.delay(look, Duration.millis(everyMillis))))

    yield* scaler.decisions.pipe(
      Stream.runForEach((decision) =>
        // A tick that changes nothing is no news.
        decision.after === decision.before
          ? Effect.void
          : keep(decisions, mostDecisions, { number: ++number, name: "decision", data: decisionOf(decision) })
      ),
      Effect.forkScoped
    )

    return {
      since: (from) =>
        [...points, ...decisions].filter(({ number }) => number > from).toSorted((a, b) => a.number - b.number),
      stream: Stream.fromPubSub(hub)
    }
  })

const percentiles = (now: Latencies.HistogramCounts, before: Latencies.HistogramCounts): Percentiles | null => {
  const counts = Latencies.difference(now, before)
  if (counts.count === 0) return null
  const at = (share: number) => Latencies.quantile(counts, share)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

const decisionOf = (decision: ScalingDecision.ScalingDecision): Decision => {
  const { after, before, heldBack, policy, proposed, reason, signals, wanted } = decision
  return {
    at: signals.epochMillis,
    policy,
    before,
    after,
    wanted,
    proposed,
    reason,
    heldBack: heldBack ?? null,
    sentence: ScalingDecision.explain(decision)
  }
}
