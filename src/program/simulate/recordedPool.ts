/** How a recorded pool was set in what is not the same for all, and what no recording has of it. */
import { type Beside, besides, type Settings } from "../../recording/header.ts"
import type { QueueFlags } from "./queueFlags.ts"

/** What its pool had that is not in a recording, and that no flag says. */
export const missingOf = (
  { limit, retryBudget, weight }: Pick<QueueFlags, "limit" | "weight"> & { readonly retryBudget: string | undefined },
  { besides: had = [] }: Settings
): ReadonlyArray<string> => {
  const said: Readonly<Record<Beside, readonly [name: string, isSaid: boolean]>> = {
    limits: ["limits", limit.length > 0],
    weights: ["weights", weight.length > 0],
    breaker: ["a breaker", false],
    retryBudget: ["a retry budget", retryBudget !== undefined]
  }
  const missing = besides.filter((name) => had.includes(name) && !said[name][1]).map((name) => said[name][0])
  return missing.length === 0
    ? []
    : [
        `the pool of the recording had ${missing.join(" and ")}, which no recording has: they are simulated if they are said`
      ]
}

export const sheddingIn = (recorded: Settings | undefined) => {
  if (recorded?.shedding === undefined) return undefined
  const { intervalMillis, targetMillis } = recorded.shedding
  return { target: targetMillis, interval: intervalMillis }
}
