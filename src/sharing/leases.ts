/** Leases from a store that others use too, and what is to be done while it is away. */
import { Cause, Clock, Context, Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"

/** So many starts are allowed or, of none, it may be asked again after so long. */
export interface Lease {
  readonly leased: number
  readonly againMillis: number
}

/** What is shared, checked. */
export interface Shared {
  readonly name: string
  readonly limit: number
  readonly windowMillis: number
  readonly algorithm: "fixed-window" | "token-bucket"
  readonly whenAway: "wait" | "allow"
  readonly timeoutMillis: number
}

/** After the first failure it is asked again so soon, and after each further one after twice as long, up to the most. */
const firstBackoffMillis = 100
const longestBackoffMillis = 10_000

/** Asks `limiter` for up to so many starts under a key. It never fails: a store that is away answers as `whenAway` says. */
export const makeLeases = (
  limiter: RateLimiter.RateLimiter,
  shared: Shared
): Effect.Effect<(key: string, tokens: number) => Effect.Effect<Lease>> =>
  Effect.map(Clock.Clock, (clock) => {
    const { name, timeoutMillis, whenAway } = shared
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    /** Until then nobody asks the store. */
    let awayUntil = -Infinity
    let failures = 0
    /** What this process allows itself meanwhile. */
    let own: RateLimiter.RateLimiter | undefined

    const onBack = Effect.suspend(() => {
      if (failures === 0) return Effect.void
      failures = 0
      awayUntil = -Infinity
      own = undefined
      return Effect.logInfo(`The store of limit ${name} is back`)
    })
    const onAway = (cause: Cause.Cause<unknown>) =>
      Effect.suspend(() => {
        const backoffMillis = Math.min(longestBackoffMillis, firstBackoffMillis * 2 ** failures)
        awayUntil = now() + backoffMillis
        if (failures++ > 0) return Effect.void
        const what = whenAway === "wait" ? "nothing that it limits starts" : "this process starts as if it were alone"
        return Effect.logWarning(`The store of limit ${name} is away: until it is back ${what}`, cause)
      })

    const meanwhile = (key: string, tokens: number): Effect.Effect<Lease> =>
      Effect.suspend(() => {
        if (whenAway === "wait") return Effect.succeed({ leased: 0, againMillis: awayUntil - now() })
        return Effect.flatMap(own === undefined ? makeOwn : Effect.succeed(own), (limiter) =>
          Effect.orDie(leaseOf((own = limiter), shared, key, tokens))
        )
      })

    return (key, tokens) =>
      Effect.suspend(() => {
        if (tokens < 1) return Effect.succeed({ leased: 0, againMillis: 0 })
        const at = now()
        if (at < awayUntil) return meanwhile(key, tokens)
        // Of those that ask now, one finds out whether it is back.
        if (failures > 0) awayUntil = at + timeoutMillis
        // Whatever it does, and be it that it throws or stops itself: whoever asks gets an answer, as nobody else asks until then.
        return Effect.suspend(() => leaseOf(limiter, shared, key, tokens)).pipe(
          Effect.timeout(timeoutMillis),
          Effect.tap(onBack),
          Effect.catchCause((cause) => Effect.andThen(onAway(cause), meanwhile(key, tokens)))
        )
      })
  })

/** In the memory of this process. */
const makeOwn = Effect.scoped(
  Effect.map(
    Layer.build(Layer.fresh(RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory)))),
    Context.get(RateLimiter.RateLimiter)
  )
)

/**
 * A store gives all that is asked for or nothing: of what is too much half is asked for, down to one. Where there is not even
 * that, it is asked again when there is as much as was wanted first.
 */
const leaseOf = (
  limiter: RateLimiter.RateLimiter,
  shared: Shared,
  key: string,
  tokens: number
): Effect.Effect<Lease, RateLimiter.RateLimiterError> =>
  consume(limiter, shared, key, tokens).pipe(
    Effect.as({ leased: tokens, againMillis: 0 }),
    Effect.catch((error) => {
      const { reason } = error
      if (reason._tag !== "RateLimitExceeded") return Effect.fail(error)
      const none: Lease = { leased: 0, againMillis: Math.max(1, Math.ceil(Duration.toMillis(reason.retryAfter))) }
      if (tokens === 1) return Effect.succeed(none)
      const less = leaseOf(limiter, shared, key, Math.floor(tokens / 2))
      return Effect.map(less, (lease) => (lease.leased > 0 ? lease : none))
    })
  )

const consume = (
  limiter: RateLimiter.RateLimiter,
  { algorithm, limit, windowMillis }: Shared,
  key: string,
  tokens: number
): Effect.Effect<unknown, RateLimiter.RateLimiterError> =>
  limiter.consume({ algorithm, key, limit, onExceeded: "fail", tokens, window: windowMillis })
