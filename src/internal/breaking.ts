/** Which breakers a pool has, and what becomes of what waits when one opens. */
import { Cause, Effect, Exit, Result } from "effect"
import * as CircuitBreaker from "../CircuitBreaker.ts"
import type { Discipline } from "../Discipline.ts"
import type { Handlers } from "../Handlers.ts"
import { breakerName } from "../Limit.ts"
import type { PoolConfig } from "../PoolConfig.ts"
import { type InvalidPoolConfig, RequestTimeout } from "../PoolError.ts"
import type { BreakerGate } from "../queue/breaker.ts"
import type { Lane } from "../queue/flow.ts"
import { keyOf } from "../queue/ranked.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Admission } from "./admission.ts"
import * as checks from "./checks.ts"
import { isWithinProbe, openExit } from "./circuitOpen.ts"
import type { Crew } from "./crew.ts"
import type { Events } from "./events.ts"
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"
import type { Settle } from "./settle.ts"

/** With the breakers that the pool and its handlers ask for. */
export const withBreakers = (
  discipline: Discipline,
  { breaker }: PoolConfig["Service"],
  handlers: Handlers["Service"]
): Effect.Effect<Discipline, InvalidPoolConfig> => {
  const own = new Map<string, CircuitBreaker.CircuitBreaker | undefined>()
  for (const [tag, { policy }] of handlers) {
    if (policy.breaker === undefined) continue
    const invalid = CircuitBreaker.invalidOf(`${tag}.breaker`, policy)
    if (invalid !== undefined) return Effect.fail(invalid)
    own.set(tag, policy.breaker === "none" ? undefined : policy.breaker)
  }
  const breakerOf = (tag: string) => (own.has(tag) ? own.get(tag) : breaker)
  const tags = [...handlers.keys(), "run"].filter((tag) => breakerOf(tag) !== undefined)
  if (tags.length === 0) return Effect.succeed(discipline)
  const taken = tags.map(breakerName).find((name) => discipline.limits.some((limit) => limit.name === name))
  return taken === undefined
    ? Effect.succeed({ ...discipline, breakerOf, isSet: true })
    : Effect.fail(checks.wrong(`limits.${taken}.name`, "another name than that of a breaker", taken))
}

/** Makes the pool act on what its breakers do. */
export const connectBreakers = ({
  admission,
  crew,
  events,
  log,
  now,
  queue,
  settle,
  tags,
  turn
}: {
  readonly admission: Admission
  readonly crew: Crew
  readonly events: Events
  readonly log: (line: Effect.Effect<void>) => void
  readonly now: () => number
  readonly queue: WaitingRequests
  readonly settle: Settle
  readonly tags: Iterable<string>
  readonly turn: Turn
}): void => {
  const gates = queue.fair?.gates
  const breakers = gates?.breakers
  if (breakers === undefined) return
  // Whoever looks sees those of tags that have not come yet, too.
  for (const tag of tags) gates!.tag(tag)
  /** What is to end, in a step of its own: whoever has changed a breaker is in the middle of one. */
  let ending: Array<readonly [PoolRequest, BreakerGate, Exit.Exit<unknown, unknown> | undefined]> = []
  const later = (request: PoolRequest, gate: BreakerGate, exit: Exit.Exit<unknown, unknown> | undefined) => {
    if (ending.push([request, gate, exit]) === 1) turn.defer(endAll)
  }
  const endAll = (): void => {
    const all = ending
    ending = []
    for (const [at, [request, gate, exit]] of all.entries()) {
      const time = now()
      if (turn.isOver(time)) {
        ending = [...all.slice(at), ...ending]
        return turn.defer(endAll)
      }
      if (gate.state === "Closed" || isWithinProbe(request, gate)) continue
      if (request.phase === "blocked") admission.refuseOpen(request, openExit(gate, time))
      else if (request.phase === "waiting") {
        queue.withdraw(request, time)
        settle(request, isTimeout(exit, request) ? "timedOut" : "failed", exit ?? openExit(gate, time), time)
        admission.onPlace()
      }
    }
    crew.wakeFreed(0)
  }
  breakers.onChange = (gate, from) => {
    const { key, options, state, tag } = gate
    if (events.on) events.publish({ _tag: "BreakerChanged", tag, key, from, to: state })
    if (state !== "Open" || options.whenOpen !== "fail") return
    // First who would have a place of theirs.
    for (const request of queue.all("blocked")) {
      if (request.tag === tag && (key === undefined || keyOf(request) === key)) later(request, gate, undefined)
    }
    for (const lane of gate.lines) for (const request of lane as Lane) later(request, gate, undefined)
  }
  const told = new Set<string>()
  breakers.onStrange = ({ options, tag }, what) => {
    if (told.has(tag)) return
    told.add(tag)
    const name = options.classify === undefined ? "failures" : "classify"
    const expected = name === "failures" ? "true or false" : '"Success", "Failure" or "Ignored"'
    log(
      Effect.logWarning(
        `\`${name}\` of the breaker of "${tag}" has not answered ${expected}: nothing is learnt of such attempts`,
        what
      )
    )
  }
  // It may have failed before: that it hears, and not that it was not let through once more.
  breakers.onRefused = (request) => later(request, request.lane!.breaker!, request.exit)
  breakers.onLetGo = () => turn.defer(() => crew.wakeFreed(0))
}

/** Whether that exit is its own attempt's timeout, and not a handler's answer. */
const isTimeout = (exit: Exit.Exit<unknown, unknown> | undefined, { attempts, tag }: PoolRequest): boolean => {
  const error = exit === undefined || Exit.isSuccess(exit) ? undefined : Cause.findError(exit.cause)
  if (error === undefined || Result.isFailure(error) || !(error.success instanceof RequestTimeout)) return false
  return error.success.tag === tag && error.success.attempt === attempts
}
