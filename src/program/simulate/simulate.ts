/** Runs the simulations of a plan, one after the other, and says how far they are. */
import { Effect } from "effect"
import * as Simulation from "../../Simulation.ts"
import type { BadUsage } from "../errors.ts"
import { type Plan, refused } from "./settings.ts"
import type { StatusLine } from "../output/statusLine.ts"

export interface Simulated {
  /** The text of its flag. */
  readonly policy: string
  readonly figures: Simulation.Figures
}

export const simulate = (
  plan: Plan,
  statusLine: StatusLine,
  nowMillis: () => number = () => performance.now()
): Effect.Effect<ReadonlyArray<Simulated>, BadUsage> => {
  const say = inShares(statusLine, nowMillis)
  return Effect.forEach(plan.runs, ({ options, policy }, n) =>
    Simulation.run({
      ...options,
      onProgress: (share) => say(`policy ${n + 1} of ${plan.runs.length}, ${policy}: ${Math.floor(100 * share)} %`)
    }).pipe(
      Effect.map((figures) => ({ policy, figures })),
      Effect.mapError(refused)
    )
  ).pipe(Effect.ensuring(Effect.sync(() => statusLine.clear())))
}

const redrawMillis = 125
const plainMillis = 5000

/** Passes on a text now and then: to a terminal as a live line, elsewhere as a plain one. */
export const inShares = (statusLine: StatusLine, nowMillis: () => number = () => performance.now()) => {
  const every = statusLine.isTerminal ? redrawMillis : plainMillis
  let last = nowMillis()
  return (text: string) => {
    const now = nowMillis()
    if (now - last < every) return
    last = now
    if (statusLine.isTerminal) statusLine.draw(text)
    else statusLine.print(`worker-pool: ${text}`)
  }
}
