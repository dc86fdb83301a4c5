/** Options of the pool that several commands take, and how one is told that the library refuses. */
import { type PoolError, RetryPolicy } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { withForms } from "./quantities.ts"

export const retryOf = (times: number) => (times === 0 ? "none" : RetryPolicy.make({ times }))

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
