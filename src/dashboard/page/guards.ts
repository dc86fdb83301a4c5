/** What protects the pool, as the page knows it: breakers, shedding, the budget of retries, and calls that are for later or joined. */
import { computed } from "@preact/signals"
import type { BreakerCounts, Point } from "../../http/points.ts"
import type { Gate, Recurring } from "./api.ts"
import { latest, points, pool } from "./state.ts"
import { gates } from "./turns.ts"

export interface Breakers {
  readonly type: string
  /** Among the limits. */
  readonly name: string
  readonly counts: BreakerCounts
  /** What waits at them. */
  readonly heldBack: number
}

/** Of each type that has any. */
export const breakers = computed((): ReadonlyArray<Breakers> =>
  Object.entries(latest.value?.limits ?? {}).flatMap(([name, { breaker, heldBack }]) =>
    breaker === undefined ? [] : [{ type: name.replace(/^breaker:/, ""), name, counts: breaker, heldBack }]
  )
)

/** A gate that is a breaker, and lets nothing through, or only probes. */
export type Tripped = Gate & { readonly breaker: NonNullable<Gate["breaker"]> }

/** Those that are not closed, the ones that hold most back first. */
export const tripped = computed((): ReadonlyArray<Tripped> =>
  gates.value
    .filter((gate): gate is Tripped => gate.breaker !== undefined && gate.breaker !== "Closed")
    .toSorted((a, b) => b.heldBack - a.heldBack)
)

export const recurring = computed((): ReadonlyArray<Recurring> => pool.value?.recurring ?? [])

const counted = ["shed", "retriesDenied", "joined", "scheduled", "batched"] as const

/** Whether the pool has, or has had since the page knows it, anything of it. One that uses none of it shows none of it. */
export const isProtected = computed(
  () =>
    latest.value?.overloaded !== undefined ||
    breakers.value.length > 0 ||
    recurring.value.length > 0 ||
    points.value.some((point) => counted.some((count) => point[count] > 0))
)

/** What was added to a count in the last minute, as far as the page knows. */
export const ofLate = (count: (point: Point) => number): number => {
  const [first, ...others] = points.value.slice(-60)
  const last = others.at(-1)
  return first === undefined || last === undefined ? 0 : Math.max(0, count(last) - count(first))
}
