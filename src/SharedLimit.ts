/**
 * A limit that several processes share: how often all of them together may start something, counted in Redis or in any other store
 * of Effect's `RateLimiter`. An export of its own, `effect-worker-pool/SharedLimit`.
 *
 * No start asks the store. Each process takes a lease of some starts at a time, beside its work, and asks for the next one before
 * that is used up; what finds none waits in the queue, as at any limit.
 */
import { type Duration, Effect, Queue, type Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import * as checks from "./internal/checks.ts"
import * as Limit from "./Limit.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import { makeLeases, type Shared } from "./sharing/leases.ts"

/** What all processes that share it write alike, but for `lease`, `tags`, `whenAway` and `timeout`. */
export interface Options {
  /** Not empty, and another one for each limit of a pool. */
  readonly name: string
  /** Names it in the store. Not empty. Where `per` counts tags, keys or values, each has a name of its own: `key:value`. Default: `name`. */
  readonly key?: string | undefined
  /** The most that start in a window. A whole number, at least 1. */
  readonly limit: number
  /** A finite duration above zero. */
  readonly window: Duration.Input
  /**
   * How the store counts. In any time t it allows at most `limit + t * limit / window` starts, either way. `"fixed-window"` (default):
   * after a rest, or a window that was used up, `limit` may start at once; it counts by the store's clock. `"token-bucket"`: evenly, once
   * those of the rest are used up; on Redis by the clocks of the processes, which should not differ.
   */
  readonly algorithm?: "fixed-window" | "token-bucket" | undefined
  /**
   * The most starts that a process takes from the store at once, for each of what is counted together. It asks for as many as wait, or
   * started lately; what it does not use is lost to others. A whole number from 1 to `limit`. Default: a tenth of `limit`, at least 1.
   */
  readonly lease?: number | undefined
  /** What is counted together. Default `"pool"`: all that it applies to. */
  readonly per?: Limit.Per | undefined
  /** The tags of the requests to which it applies. Default: all. */
  readonly tags?: ReadonlyArray<string> | undefined
  /**
   * While the store fails, or does not answer: `"wait"` (default): once the lease in hand is used up nothing starts. `"allow"`: this
   * process starts as if it were alone, at the whole rate, counted anew. Either way that is logged once, and the store is asked again after
   * 100 ms, and after twice as long each further time, up to 10 s.
   */
  readonly whenAway?: "wait" | "allow" | undefined
  /** How long the store may take for an answer. A finite duration above zero. Default 1 second. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * A limit for `limits` of a pool, or of several, for as long as the scope lasts: then nobody asks the store any more, and nothing starts that has no
 * token in hand. It waits for nothing: the store is asked when something wants to start. It never fails: what is wrong with the options fails the
 * pool that is given it, as with `Limit.make`; `setLimit` cannot change it.
 *
 * In any time t all processes together start at most what the store allows, `limit + t * limit / window`, and what they had in hand when it began: at
 * most `lease` each, for each of what is counted together. So set `limit` lower by that much where it must never be exceeded.
 */
export const make = (options: Options): Effect.Effect<Limit.Limit, never, RateLimiter.RateLimiter | Scope.Scope> =>
  Effect.gen(function* () {
    if (typeof options !== "object" || options === null) return Limit.make(options)
    const limiter = yield* RateLimiter.RateLimiter
    const { key = options.name, lease = Math.max(1, Math.floor(options.limit / 10)) } = options
    const { invalid, shared } = resolve(options, key, lease)
    const leases = yield* makeLeases(limiter, shared)
    const asked = yield* Effect.acquireRelease(Queue.unbounded<Asked>(), Queue.shutdown)
    yield* Queue.take(asked).pipe(
      Effect.flatMap(({ answer, of, tokens }) =>
        Effect.forkChild(
          Effect.map(leases(of === undefined ? key : `${key}:${of}`, tokens()), ({ againMillis, leased }) =>
            answer(leased, againMillis)
          )
        )
      ),
      Effect.forever,
      Effect.forkScoped
    )
    const { limit, windowMillis } = shared
    const lessor: Limit.Lessor = {
      lease,
      leaseMillis: (windowMillis / limit) * lease,
      rate: { limit, periodMillis: windowMillis, burst: limit },
      ask: (of, tokens, answer) => void Queue.offerUnsafe(asked, { answer, of, tokens })
    }
    return Limit.leased(options, lessor, invalid)
  })

interface Asked {
  readonly of: string | undefined
  readonly tokens: () => number
  readonly answer: (leased: number, againMillis: number) => void
}

const resolve = (
  { algorithm = "fixed-window", limit, name, timeout = "1 second", whenAway = "wait", window }: Options,
  key: string,
  lease: number
): { readonly shared: Shared; readonly invalid: InvalidPoolConfig | undefined } => {
  const where = `limits.${name}`
  const windowMillis = checks.millis(`${where}.window`, window)
  const timeoutMillis = checks.millis(`${where}.timeout`, timeout)
  const isLease = Number.isSafeInteger(lease) && lease >= 1 && lease <= limit
  const invalid =
    checks.text(`${where}.key`, key) ??
    checks.wholeFrom(1)(`${where}.limit`, limit) ??
    (typeof windowMillis === "number" ? undefined : windowMillis) ??
    checks.oneOf("fixed-window", "token-bucket")(`${where}.algorithm`, algorithm) ??
    (isLease ? undefined : checks.wrong(`${where}.lease`, `a whole number from 1 to ${limit}`, lease)) ??
    checks.oneOf("wait", "allow")(`${where}.whenAway`, whenAway) ??
    (typeof timeoutMillis === "number" ? undefined : timeoutMillis)
  return {
    shared: {
      name,
      limit,
      algorithm,
      whenAway,
      windowMillis: Number(windowMillis),
      timeoutMillis: Number(timeoutMillis)
    },
    invalid
  }
}
