/** Options of the pool that several commands take, and how one is told that the library refuses. */
import { Result } from "effect"
import { type Limit, type PoolConfig, type PoolError, RetryBudget, RetryPolicy } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { withForms } from "./quantities.ts"

export const retryOf = (times: number) => (times === 0 ? "none" : RetryPolicy.make({ times }))

export const retryBudgetOf = (ratio: number | "none" | undefined): PoolConfig.Options["retryBudget"] =>
  ratio === undefined || ratio === "none" ? "none" : RetryBudget.make({ ratio })

/** The limits, or what is wrong with the first that is, said of where they came from. */
export const limitsFrom = (
  limits: Result.Result<ReadonlyArray<Limit.Limit>, PoolError.InvalidPoolConfig> | undefined,
  label: string
): Result.Result<ReadonlyArray<Limit.Limit> | undefined, BadUsage> => {
  if (limits === undefined || Result.isSuccess(limits)) return Result.succeed(limits?.success)
  return Result.fail(limitError(limits.failure, label))
}

/** What the library refuses of a limit. */
export const limitError = ({ actual, expected, field }: PoolError.InvalidPoolConfig, label: string): BadUsage => {
  const what = field === "limits" ? label : `\`${field}\` of ${label}`
  return new BadUsage({ reason: `Expected ${what} to be ${withForms(expected)}, got ${actual}` })
}

/** What two settings ask for; nothing where neither is set, since only one strategy has a use for it. */
export const sheddingOf = (target: never | undefined, interval: never | undefined): PoolConfig.Options["shedding"] =>
  target === undefined && interval === undefined ? undefined : { target, interval }

const flagNames: Record<string, string> = { "retry.times": "retries" }

/** Names the flag of an option that the library refuses. `names` are those that are called differently. */
export const flagError = (
  { actual, expected, field }: PoolError.InvalidPoolConfig,
  names: Readonly<Record<string, string>> = flagNames
) => {
  const toFlag = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return new BadUsage({
    reason: `Expected --${names[field] ?? toFlag(field)} to be ${withForms(expected)}, got ${actual}`
  })
}
