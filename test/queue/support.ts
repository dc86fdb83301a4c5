/** What tests of the queue share: requests of no pool, an alarm that only notes, disciplines, counts. */
import { HandlerCounters } from "../../src/internal/counters.ts"
import { Details, type Route } from "../../src/internal/request.ts"
import type { Limit } from "../../src/Limit.ts"
import type { Discipline } from "../../src/Discipline.ts"
import type { Alarm } from "../../src/queue/parking.ts"
import { RankedRequest, type Values } from "../../src/queue/ranked.ts"
import * as RequestPolicy from "../../src/RequestPolicy.ts"

/** One that nobody ever rings: a test looks when it would. */
export class NotedAlarm implements Alarm {
  at = Infinity

  set(at: number): void {
    this.at = at
  }

  clear(): void {
    this.at = Infinity
  }
}

/** That of a pool that has said nothing but this. */
export const disciplineOf = (options: Partial<Discipline> = {}): Discipline => ({
  isSet: true,
  key: undefined,
  weight: undefined,
  agingMillis: 30_000,
  limits: [],
  keyCapacity: "none",
  forgetKeys: 10_000,
  order: "fifo",
  shedding: { targetMillis: 100, intervalMillis: 1000 },
  ...options
})

const routes = new Map<string, Route>()

/** The same for each request of a tag, as in a pool. No queue looks at anything else than tag and policy. */
const routeOf = (tag: string): Route => {
  const known = routes.get(tag)
  if (known !== undefined) return known
  const route = { tag, policy: RequestPolicy.defaults, idPrefix: "", counts: new HandlerCounters() } as unknown as Route
  routes.set(tag, route)
  return route
}

let lastSequence = 0

export interface Asked {
  readonly key?: string
  readonly tag?: string
  readonly priority?: number
  readonly values?: Values | undefined
}

/** A request that has come at this instant. */
export const requestOf = ({ key = "", priority = 0, tag = "Work", values }: Asked = {}, now = 0): RankedRequest => {
  const details = new Details()
  details.policy = { ...RequestPolicy.defaults, priority }
  return new RankedRequest(++lastSequence, routeOf(tag), undefined, details, now, key, values)
}

/** Its values, where what the functions of the limits say is to be found in one. */
export const valuesOf = (limits: ReadonlyArray<Limit>, tag: string, payload: unknown): Values | undefined => {
  const valued = limits.flatMap(({ per }) => (typeof per === "function" ? [per(tag, payload)] : []))
  return valued.length === 0 ? undefined : valued
}
