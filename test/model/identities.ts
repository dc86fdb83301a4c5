/** Calls of the same identity, in groups, and for later, over the random commands; and what of them must hold whatever happens. */
import { Cause, Exit } from "effect"
import { type Call, type Outcome, RetryBudget } from "../../src/index.ts"
import type * as PoolConfig from "../../src/PoolConfig.ts"
import type { Core } from "../../src/internal/core.ts"
import type { PoolRequest } from "../../src/internal/request.ts"
import { requestsOf } from "../../src/internal/worker.ts"
import type { Random } from "../support/random.ts"

type Options = Call.Options
const policies = ["allow", "join", "reject", "replace", "latest"] as const
type Policy = (typeof policies)[number]
export const groups = ["g", "h"]

/** What is not used is the same as ever. */
export const budgetOf = (random: Random): Pick<PoolConfig.Options, "retryBudget" | "maxScheduled"> => ({
  retryBudget: random.of(["none", RetryBudget.make({ ratio: 0.5, minPerSecond: random.of([0, 5]) })] as const),
  maxScheduled: random.of([1, 3, undefined])
})

export class Identities {
  /** Each call says for itself what it is to others; otherwise all of one primary key say the same. */
  private readonly isMixed: boolean
  private readonly policyOf: ReadonlyMap<string, Policy>
  private readonly random: Random
  /** By call. */
  private readonly called = new Map<number, Options>()
  private readonly running = new Map<string, Set<number>>()

  /** `undefined`: nobody has any. */
  constructor(random: Random) {
    this.random = random
    this.isMixed = random.below(2) === 0
    this.policyOf = new Map(["p", "q"].map((key) => [key, random.of(policies)]))
  }

  /** More options for this call. */
  optionsOf(call: number): Options {
    const { random } = this
    const primaryKey = random.of(["p", "p", "q"])
    const duplicate = this.isMixed ? random.of(policies) : this.policyOf.get(primaryKey)!
    const debounce = random.of([5, 15])
    const options: Options = {
      ...(random.below(5) > 0 && { primaryKey, duplicate }),
      ...(random.below(2) === 0 && { group: random.of(groups) }),
      ...(random.below(4) === 0 && { delay: random.of([1, 20, 60]) }),
      ...((duplicate === "replace" || duplicate === "latest") &&
        random.below(3) === 0 && { duplicate, debounce, debounceAtMost: random.of([undefined, 30]) })
    }
    this.called.set(call, options)
    return options
  }

  /** Those of a part join each other, where nobody waits for somebody who waits for him. */
  optionsOfPart(part: number): Options {
    const options: Options = part % 3 === 0 ? { primaryKey: "part", duplicate: "join" } : {}
    this.called.set(part, options)
    return options
  }

  /** Whether it may stand elsewhere than where it came. */
  isMoved(call: number): boolean {
    const options = this.called.get(call)
    return options !== undefined && (options.primaryKey !== undefined || options.delay !== undefined)
  }

  /** A body of this call's request begins. Of the others of its identity, those in `deaf` do not end when they are to. */
  begins(call: number, isDeaf: (call: number) => boolean): ReadonlyArray<string> {
    const { duplicate, primaryKey } = this.called.get(call) ?? {}
    if (primaryKey === undefined || call >= 100_000) return []
    const running = this.running.get(primaryKey) ?? new Set()
    this.running.set(primaryKey, running)
    const others = [...running].filter((other) => !isDeaf(other) && this.called.get(other)?.duplicate !== "allow")
    running.add(call)
    if (duplicate !== "latest" || others.length === 0) return []
    return [`request ${call} begins, and ${others.join(", ")} of its identity has not ended`]
  }

  ends(call: number): void {
    const { primaryKey } = this.called.get(call) ?? {}
    if (primaryKey !== undefined) this.running.get(primaryKey)?.delete(call)
  }

  /** One has ended; `runs`: its body has not. */
  hasEnded({ exit, id }: Outcome.Outcome, runs: boolean): ReadonlyArray<string> {
    return runs && tagOf(exit) === "RequestReplaced" ? [`request ${id} was replaced while it ran`] : []
  }

  /** What has not ended must be no more than its policy allows. */
  tooMany({ crew, queue }: Core): ReadonlyArray<string> {
    const all = new Set<PoolRequest>(crew.all.flatMap(requestsOf))
    for (const phase of ["blocked", "waiting", "delayed"] as const) for (const one of queue.all(phase)) all.add(one)
    const counts = new Map<string, { running: number; others: number }>()
    for (const { details, phase } of all) {
      const key = details?.primaryKey
      if (key === undefined || phase === "ended" || details!.sharing === undefined) continue
      const count = counts.get(key) ?? { running: 0, others: 0 }
      counts.set(key, count)
      if (phase === "running") count.running++
      else count.others++
    }
    return [...counts].flatMap(([key, { others, running }]) => {
      const policy = key === "part" ? "join" : this.isMixed ? "allow" : this.policyOf.get(key)
      const isOne = policy === "join" || policy === "reject"
      const fits = isOne ? others + running <= 1 : policy !== "latest" || (others <= 1 && running <= 1)
      return fits ? [] : [`${key}, ${policy}: ${running} run and ${others} do not`]
    })
  }

  /** Whether a call without a request of its own may have seen this: it has joined one that ended so. */
  mayHaveJoined(call: number, end: string, ended: ReadonlyMap<number, ReadonlyArray<string>>): boolean {
    const { duplicate, primaryKey } = this.called.get(call) ?? {}
    if (duplicate !== "join") return false
    return [...ended].some(([other, [its]]) => its === end && this.called.get(other)?.primaryKey === primaryKey)
  }

  /** How those of a group have ended, by what was told of them. */
  endsOf(group: string, ended: ReadonlyMap<number, ReadonlyArray<Outcome.End>>): Record<string, number> {
    const ends: Record<string, number> = {}
    for (const [call, [end]] of ended) {
      if (this.called.get(call)?.group === group) ends[end!] = (ends[end!] ?? 0) + 1
    }
    return ends
  }
}

const tagOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return undefined
  try {
    return (Cause.squash(exit.cause) as { readonly _tag?: unknown } | undefined)?._tag
  } catch {
    return undefined
  }
}

/** What a closed pool, of which no body runs, still keeps of anything. */
export const keptBy = ({ groups, identities, nesting, queue }: Core): ReadonlyArray<string> => {
  const { early, fair, overload } = queue as unknown as {
    readonly early: { readonly requests: ReadonlySet<unknown> }
    readonly fair: (typeof queue)["fair"]
    readonly overload: { readonly watched: { readonly size: number } } | undefined
  }
  const kept: Record<string, number> = {
    identities: identities.size,
    groups: (groups as unknown as { readonly going: ReadonlySet<unknown> }).going.size,
    hosts: (nesting as unknown as { readonly hosts: ReadonlySet<unknown> }).hosts.size,
    "early ones": early.requests.size,
    crowds: overload?.watched.size ?? 0
  }
  if (fair !== undefined) {
    const gates = fair.gates as unknown as {
      readonly crowded: ReadonlySet<unknown>
      readonly timed: { readonly size: number }
      readonly paused: ReadonlySet<unknown>
    }
    kept["crowded gates"] = gates.crowded.size
    kept["timed gates"] = gates.timed.size
    kept["paused gates"] = gates.paused.size
    kept["held back"] = fair.gates.heldBack
    kept["along"] = fair.gates.batches.takeAlong().length
    for (const flow of fair.flows.all) {
      kept[`of key ${flow.key}`] = flow.places + flow.running + flow.heldBack
      kept[`lanes of ${flow.key}`] = [...flow.lanes()].filter(({ running, size }) => running + size > 0).length
    }
    for (const state of fair.gates.limits.all) {
      kept[`at ${state.limit.name}`] = state.running + state.heldBack
      for (const gate of state.tripped) {
        const { lines, waiting } = gate as unknown as { readonly lines: ReadonlySet<unknown>; readonly waiting: number }
        kept[`behind ${state.limit.name} ${gate.of}`] = lines.size + waiting + gate.running
      }
    }
  }
  return Object.entries(kept).flatMap(([what, count]) => (count === 0 ? [] : [`${count} are kept: ${what}`]))
}
