/** The same simulation with a scaler that looks a little earlier or later: how much of what it came to is chance? */
import { millisOf } from "../settings/quantities.ts"
import type { Plan } from "./settings.ts"
import type { Simulated } from "./simulate.ts"

/** Milliseconds by which a look of a real pool may be off: its timers ring late, and it may have something else to do. */
const shifts = [-5, -2, -1, 1, 2, 5]
/** Where nobody knows when the looks were, all over the interval. */
const parts = 8

export interface Looks {
  /** To run beside the plan's own. */
  readonly runs: Plan["runs"]
  /** How they differ from that, for people. */
  readonly how: string
}

/** For a first policy that has decided something; where it decides nothing it does not matter when it looks. */
export const looksOf = ({ runs: [first] }: Plan, { figures }: Simulated): Looks => {
  const { options, policy } = first!
  if (figures.decisions.length === 0) return { runs: [], how: "" }
  const interval = millisOf(String(options.pool?.scalingInterval)) ?? 1000
  const { firstTick } = options
  const all =
    firstTick === undefined
      ? Array.from({ length: parts - 1 }, (_, n) => ((n + 1) * interval) / parts)
      : shifts.map((shift) => positive((firstTick as number) + shift, interval))
  return {
    runs: all.map((millis) => ({ policy, options: { ...options, firstTick: Math.max(1, Math.ceil(millis)) } })),
    how: firstTick === undefined ? "whenever it looks" : "with looks up to 5 ms earlier or later"
  }
}

/** Above 0, and up to an interval. */
const positive = (millis: number, interval: number): number => {
  const rest = ((millis % interval) + interval) % interval
  return rest > 0 ? rest : interval
}
