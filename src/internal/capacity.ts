/** Where somebody outside says how many may run or start: the limits that come of it, and how what he says reaches the workers. */
import { Effect, type Scope } from "effect"
import type { Discipline } from "../Discipline.ts"
import type { Handlers } from "../Handlers.ts"
import * as Limit from "../Limit.ts"
import type { PoolConfig } from "../PoolConfig.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { Gate } from "../queue/gate.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import { withBreakers } from "./breaking.ts"
import * as checks from "./checks.ts"
import type { Crew } from "./crew.ts"
import type { Events } from "./events.ts"
import type { Turn } from "./runtime.ts"

/** With what the pool's breaker and the handlers ask for. A limit for a tag that nobody handles would limit nobody; where tags come later, that is not known. */
export const disciplineOf = (
  config: PoolConfig["Service"],
  handlers: Handlers["Service"]
): Effect.Effect<Discipline, InvalidPoolConfig> =>
  Effect.flatMap(withPlaces(config, handlers), (discipline) => withBreakers(discipline, config, handlers))

const withPlaces = (
  { discipline }: PoolConfig["Service"],
  handlers: Handlers["Service"]
): Effect.Effect<Discipline, InvalidPoolConfig> => {
  const known = [...handlers.keys(), "run"]
  const isComplete = discipline.limits.every(({ places }) => places === undefined)
  for (const { name, tags = [] } of isComplete ? discipline.limits : []) {
    const unknown = [...tags].find((tag) => !known.includes(tag))
    if (unknown !== undefined)
      return Effect.fail(checks.wrong(`limits.${name}.tags`, `some of ${known.join(", ")}`, unknown))
  }
  const bounded = Map.groupBy(handlers, ([, { capacity }]) => capacity)
  bounded.delete(undefined)
  if (bounded.size === 0) return Effect.succeed(discipline)
  const limits = [...discipline.limits]
  for (const [places, some] of bounded) {
    const { invalid, name } = places!
    if (invalid !== undefined) return Effect.fail(invalid)
    if (limits.some((limit) => limit.name === name))
      return Effect.fail(checks.wrong(`limits.${name}.name`, "another name than that of a capacity", name))
    limits.push(Limit.ofPlaces(places!, new Set(some.map(([tag]) => tag))))
  }
  return Effect.succeed({ ...discipline, limits, isSet: true })
}

/** For as long as the scope lasts, the pool hears of places that have come free, of what is behind them, and of starts that others allow. To be called before its drain is set up, which needs them. */
export const connectPlaces = ({
  crew,
  events,
  now,
  queue,
  turn
}: {
  readonly crew: Crew
  readonly events: Events
  readonly now: () => number
  readonly queue: WaitingRequests
  readonly turn: Turn
}): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const onLeased = (gate: Gate, leased: number, againMillis: number) => {
      const at = now()
      gate.tokens!.answered(at, leased, againMillis)
      queue.fair!.gates.letGo(gate, at)
      crew.wakeFreed(0)
    }
    for (const state of queue.fair?.gates.limits.all ?? []) {
      const { lessor, places } = state.limit
      if (lessor !== undefined) {
        state.onLeased = (gate, leased, againMillis) => turn.run(now(), () => onLeased(gate, leased, againMillis))
        yield* Effect.addFinalizer(() => Effect.sync(() => (state.onLeased = () => {})))
      }
      if (places === undefined) continue
      const onOpened = () => {
        const { flows, gates } = queue.fair!
        gates.open(state, flows.all, now())
        crew.wakeFreed(0)
      }
      state.onFree = () => turn.run(now(), onOpened)
      state.isHeard = () => events.on
      state.onThread = (change) => events.publish({ _tag: "ThreadChanged", name: places.name, ...change })
      const detach = places.attach(state)
      yield* Effect.addFinalizer(() => Effect.sync(detach))
    }
  })
