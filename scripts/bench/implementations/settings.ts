/** What this pool is told of a load, by each of its doors. */
import type { Load } from "../load.ts"

export const settings = ({ capacity, concurrency, patienceMillis, timeoutMillis }: Load) =>
  ({
    minWorkers: concurrency,
    maxWorkers: concurrency,
    scaling: "none",
    capacity: capacity ?? "unbounded",
    strategy: capacity === undefined ? "suspend" : "dropping",
    timeout: timeoutMillis,
    expiresIn: patienceMillis
  }) as const
/** For a load that has what fails tried again. */
export const retry = { times: 3, base: 0, jitter: "none" } as const
