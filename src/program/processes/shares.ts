/** What each of several processes has of what was asked for in all: the first ones one more where it does not come out even. */
import { Duration } from "effect"
import { Limit } from "../../index.ts"

/** Of `total`, for the process `at` (from 0) of `of`. */
export const shareOf = (total: number, at: number, of: number): number =>
  total === Infinity ? Infinity : Math.floor(total / of) + (at < total % of ? 1 : 0)

/** The `N` of `fixed:N` and of `queueLength:N` is the pool's: each process has its share of it. */
export const sharedPolicy = (text: string, at: number, of: number): string =>
  text.replaceAll(
    /\b(fixed|queueLength):(\d+)/g,
    (_, name: string, n: string) => `${name}:${shareOf(Number(n), at, of)}`
  )

/** The numbers of a policy that are divided. */
export const countsOfPolicy = (text: string): ReadonlyArray<number> =>
  [...text.matchAll(/\b(?:fixed|queueLength):(\d+)/g)].map(([, n]) => Number(n))

interface Bounds {
  readonly concurrency?: number | "none" | undefined
  readonly rate?: { readonly limit: number; readonly burst?: number | undefined } | "none" | undefined
}

/** The first number of a limit that is too small for each process to have a share of it. */
export const undividable = (
  { concurrency, rate }: Bounds,
  of: number
): { readonly field: string; readonly got: number } | undefined => {
  const numbers = { concurrency, "rate.limit": onlyRate(rate)?.limit, "rate.burst": onlyRate(rate)?.burst }
  for (const [field, got] of Object.entries(numbers)) if (typeof got === "number" && got < of) return { field, got }
  return undefined
}

const onlyRate = (rate: Bounds["rate"]) => (typeof rate === "object" ? rate : undefined)

export const sharedLimit = (limit: Limit.Limit, at: number, of: number): Limit.Limit =>
  Limit.make({
    name: limit.name,
    per: limit.per,
    until: limit.until,
    ...(limit.tags && { tags: [...limit.tags] }),
    ...(limit.concurrency !== Infinity && { concurrency: shareOf(limit.concurrency, at, of) }),
    ...(limit.rate && {
      rate: {
        limit: shareOf(limit.rate.limit, at, of),
        period: Duration.millis(limit.rate.periodMillis),
        burst: shareOf(limit.rate.burst, at, of)
      }
    })
  })

/** A change of a limit, as it came as JSON. */
export const sharedChange = <A extends Bounds>(change: A, at: number, of: number): A => {
  const { concurrency, rate } = change
  return {
    ...change,
    ...(typeof concurrency === "number" && { concurrency: shareOf(concurrency, at, of) }),
    ...(typeof rate === "object" && {
      rate: {
        ...rate,
        limit: shareOf(rate.limit, at, of),
        ...(rate.burst !== undefined && { burst: shareOf(rate.burst, at, of) })
      }
    })
  }
}
