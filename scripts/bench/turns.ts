/** How long the host had to wait: the longest time without a turn of the event loop while something runs. */
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { Measurement } from "./load.ts"

/**
 * A timer of Node's own that runs no JavaScript, and rings at most once in a millisecond: it does not disturb, and what it
 * says is exact to about one millisecond.
 */
export const withTurns = async (work: () => Promise<Measurement>): Promise<Measurement> => {
  const turns = monitorEventLoopDelay({ resolution: 1 })
  turns.enable()
  await aTurn(turns)
  const measured = await work()
  // What has not given the event loop a turn until its end is seen with the first one after it.
  await aTurn(turns)
  turns.disable()
  return { ...measured, turnMillis: turns.max / 1e6 }
}

/** Until the time since the turn before has been recorded. */
const aTurn = async (turns: ReturnType<typeof monitorEventLoopDelay>): Promise<void> => {
  const { count } = turns
  while (turns.count === count) await new Promise(setImmediate)
}
