/** The limits of a pool as they are shown: in JSON there is no `Infinity`. */
import type { PoolSnapshot } from "../index.ts"
import type { LimitCounts } from "./points.ts"

export const limitsOf = ({ limits }: PoolSnapshot.PoolSnapshot): Readonly<Record<string, LimitCounts>> =>
  Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => {
      const { breaker, concurrency, gates, heldBack, paused, rate, running, started, threads } = limit
      return [
        name,
        {
          concurrency: concurrency === Infinity ? "none" : concurrency,
          rate: rate === undefined ? "none" : { limit: rate.limit, period: rate.periodMillis, burst: rate.burst },
          paused,
          running,
          heldBack,
          started,
          gates,
          ...(breaker && { breaker }),
          ...(threads && { threads: { ...threads, startMillis: threads.startMillis ?? null } })
        }
      ]
    })
  )
