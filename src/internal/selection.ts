/** What is asked of, or done to, some of a pool's requests: lists, counts by key, cancelling, pauses and limits. */
import { Effect } from "effect"
import * as Limit from "../Limit.ts"
import { InvalidRequestOption, type Phase } from "../PoolError.ts"
import { Filling } from "../queue/batching.ts"
import { BreakerGate } from "../queue/breaker.ts"
import type { Flow } from "../queue/flow.ts"
import type { Gate } from "../queue/gate.ts"
import { keyOf } from "../queue/ranked.ts"
import type { Filter, GateView, Pausable, RequestView, Waiters } from "../Selection.ts"
import { cancelMany } from "./cancelling.ts"
import * as checks from "./checks.ts"
import type { Core } from "./core.ts"
import { fitsWhere, wrongFilter } from "./filters.ts"
import { countsBy } from "./countsBy.ts"
import type { PoolRequest } from "./request.ts"
import { startsInMillis } from "./scheduled.ts"
import { requestsOf } from "./worker.ts"

export const makeSelection = (core: Core) => {
  const { config, crew, drain, events, now, queue, routes, runRoute } = core

  /** The places in which a request can be, in the order of a list. */
  const inPhase = (phase: Phase): ReadonlyArray<PoolRequest> =>
    phase === "running" ? crew.all.flatMap(requestsOf).filter(({ phase }) => phase === "running") : queue.all(phase)

  const select = (filter: Filter): Array<PoolRequest> => {
    const at = now()
    return phases
      .filter((phase) => filter.phase === undefined || filter.phase === phase)
      .flatMap((phase) => inPhase(phase).filter((request) => fits(filter, request, at)))
  }

  const fits = (filter: Filter, request: PoolRequest, at: number): boolean => {
    const { group, key, tag } = filter
    return (
      (tag === undefined || request.tag === tag) &&
      (key === undefined || keyOf(request) === key) &&
      (group === undefined || request.details?.group?.id === group) &&
      fitsWhere(filter, () => viewOf(request, at))
    )
  }

  const viewOf = (request: PoolRequest, at: number): RequestView => ({
    ...groupOf(request),
    id: request.id,
    tag: request.tag,
    key: keyOf(request),
    priority: request.policy.priority,
    phase: request.phase as Phase,
    attempts: request.attempts,
    millis: at - request.since,
    heldBackBy: request.phase === "waiting" ? nameOf(queue.obstacle(request, at)) : undefined,
    startsInMillis: startsInMillis(request, at)
  })

  const setPaused = (what: Pausable, paused: boolean): InvalidRequestOption | undefined => {
    const parts = Object.entries({ tag: what.tag, key: what.key, limit: what.limit }).filter(
      ([, of]) => of !== undefined
    )
    if (parts.length > 1) {
      return new InvalidRequestOption({
        field: "what",
        expected: "one of tag, key and limit",
        actual: parts.map(([name]) => name).join(" and ")
      })
    }
    // A drain has taken all of them back, and could not end.
    if (paused && drain.state !== "open") return undefined
    const { flows, gates } = queue.rank()
    const at = now()
    if (what.tag !== undefined) {
      if (!routes.has(what.tag) && what.tag !== runRoute.tag) return wrong("tag", [...routes.keys()], what.tag)
      gates.pause(gates.tag(what.tag), paused, at)
    } else if (what.key !== undefined) {
      const flow: Flow = flows.of(what.key)
      gates.pause(flow, paused, at)
      flows.release(flow)
    } else {
      const limit = gates.limits.find(what.limit)
      if (limit === undefined)
        return wrong(
          "limit",
          gates.limits.all.map(({ limit }) => limit.name),
          what.limit
        )
      gates.pauseLimit(limit, paused, flows.all, at)
    }
    if (events.on) events.publish({ _tag: paused ? "Paused" : "Resumed", only: what })
    if (!paused) crew.wakeAll()
    return undefined
  }

  const pauseOnly = (paused: boolean) => (what: Pausable) =>
    Effect.suspend(() => setPaused(what, paused) ?? Effect.void)

  return {
    list: (
      filter: Filter = {},
      options: { readonly limit?: number | undefined; readonly after?: string | undefined } = {}
    ) =>
      Effect.sync((): ReadonlyArray<RequestView> => {
        const { after, limit = 100 } = options
        const found = select(filter)
        const from = after === undefined ? 0 : found.findIndex(({ id }) => id === after) + 1
        const at = now()
        return found.slice(from, from + Math.max(0, limit)).map((request) => viewOf(request, at))
      }),
    cancelAll: (filter: Filter): Effect.Effect<number, InvalidRequestOption> =>
      Effect.suspend(() => wrongFilter(filter) ?? cancelMany(core, () => select(filter))),
    waitingBy: (what: "tag" | "key", options: { readonly top?: number | undefined } = {}) =>
      Effect.sync((): ReadonlyArray<Waiters> => countsBy(what, queue, crew.all, options.top ?? 20, now())),
    pauseOnly: pauseOnly(true),
    resumeOnly: pauseOnly(false),
    setLimit: (name: string, change: Limit.Change) =>
      Effect.suspend(() => {
        const state = queue.fair?.gates.limits.find(name)
        if (state?.limit.lessor !== undefined)
          return Effect.fail(checks.wrong("limit", "one that is this pool's own: others share this one", name))
        if (state === undefined || state.limit.places !== undefined || state.breaker !== undefined) {
          const names = config.discipline.limits.map(({ name }) => `"${name}"`)
          return Effect.fail(checks.wrong("limit", names.join(" or ") || "the name of one; the pool has none", name))
        }
        const limit = Limit.change(state.limit, change)
        if (limit.invalid !== undefined) return Effect.fail(limit.invalid)
        queue.fair!.gates.change(state, limit, queue.fair!.flows.all, now())
        if (events.on) events.publish({ _tag: "LimitChanged", name })
        crew.wakeAll()
        return Effect.void
      }),
    gates: (options: { readonly limit?: number | undefined } = {}) =>
      Effect.sync((): ReadonlyArray<GateView> => {
        const at = now()
        const held = queue.fair?.heldBackAt(at)
        const gates = queue.fair?.gates.inUse(options.limit ?? 100) ?? []
        return gates.map((gate) => gateView(gate, held!.of(gate), config.name, at))
      })
  }
}

const groupOf = ({ details }: PoolRequest) => (details?.group === undefined ? undefined : { group: details.group.id })

const phases = ["running", "waiting", "delayed", "blocked"] as const

const nameOf = (gate: Gate | undefined): string | undefined =>
  gate === undefined ? undefined : gate instanceof Filling ? "batch" : gate.kind === "limit" ? gate.name : gate.kind

const breakerView = ({ since, state }: BreakerGate, now: number): Pick<GateView, "breaker" | "breakerMillis"> => ({
  breaker: state,
  ...(since !== -Infinity && { breakerMillis: now - since })
})

const gateView = (gate: Gate, heldBack: number, pool: string, now: number): GateView => {
  const { isPaused, kind, name, of, opensAt, running, started } = gate
  return {
    kind,
    name: kind === "pool" ? pool : name,
    of,
    paused: isPaused,
    running,
    heldBack,
    started,
    ...(gate instanceof BreakerGate && breakerView(gate, now)),
    opensInMillis: gate.isOpen(now) ? 0 : opensAt > now && opensAt !== Infinity ? opensAt - now : undefined
  }
}

const wrong = (field: string, known: ReadonlyArray<string>, actual: unknown): InvalidRequestOption =>
  checks.ofCall(checks.wrong(field, known.join(" or ") || "the name of one; the pool has none", actual))
