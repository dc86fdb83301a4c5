/** Whose turn it is in a pool with keys, priorities and limits, and what of that a body can see when it begins. */
import { Effect } from "effect"
import * as CircuitBreaker from "../../src/CircuitBreaker.ts"
import * as Limit from "../../src/Limit.ts"
import * as NotBefore from "../../src/NotBefore.ts"
import type * as PoolConfig from "../../src/PoolConfig.ts"
import type { Core } from "../../src/internal/core.ts"
import type { Ranked } from "../../src/queue/ranked.ts"
import type { Random } from "../support/random.ts"

export const keys = ["", "a", "b", "c"]
export const priorities = [0, 0, 1, 5]

/** Of those of the commands: what a body asks for stands for itself, so that nobody waits for somebody who waits for him. */
const entityOf = (_: string, { key }: { readonly key: number }) => (key < 100_000 ? `entity ${key % 3}` : undefined)

const rate = { limit: 5, period: 50, burst: 2 }

type Discipline = "limits" | "key" | "aging" | "keyCapacity" | "forgetKeys" | "order"

/** Limits of a pool, and the rest of what says who runs next. */
export const disciplineOf = (random: Random): Pick<PoolConfig.Options, Discipline> => {
  const limits = [
    Limit.serial("key", { name: "serial" }),
    Limit.make({ name: "tag", per: random.of(["tag", "pool"] as const), concurrency: random.of([1, 2, 3]), rate }),
    Limit.make({
      name: "entity",
      per: entityOf,
      concurrency: random.of([1, 2]),
      until: random.of(["attempt", "request"] as const)
    })
  ]
  return {
    // Some have none of it until their first call with a key.
    ...(random.below(5) === 0 ? {} : { limits: limits.filter(() => random.below(3) > 0) }),
    ...(random.below(3) === 0 ? { key: (_: string, { key }: { readonly key: number }) => keys[key % 2] } : {}),
    aging: random.of([1, 20, 1000, "none"] as const),
    keyCapacity: random.of([undefined, "none", 1, 2] as const),
    forgetKeys: random.of([0, 1, 10_000]),
    order: random.of(["fifo", "fifo", "fifo", "lifo"] as const)
  }
}

/** In some pools what fails stops what is like it; a short time open, so that it is in all three states. */
export const breakerOf = (random: Random): CircuitBreaker.CircuitBreaker | undefined =>
  random.below(2) === 0
    ? undefined
    : CircuitBreaker.make({
        tripPolicy: random.of([
          CircuitBreaker.consecutive(1 + random.below(2)),
          CircuitBreaker.rate({ threshold: 0.5, size: 3, minimumCalls: 2 })
        ]),
        openDuration: random.of([5, 20, 60]),
        per: random.of(["tag", "key"]),
        probes: random.of([1, 1, 2]),
        whenOpen: random.of(["wait", "wait", "fail"])
      })

export class Turns {
  /** Several requests run in one attempt: who asks for parts has those in batches of their own, or he could wait for others. */
  readonly inBatches: boolean
  /** Of a pool that makes use of any of it. */
  readonly areUsed: boolean
  /** What is paused in part, until a drain. */
  readonly paused = new Set<string>()
  /** Requests that were given another priority: they stand elsewhere than where they came. */
  readonly moved = new Set<number>()
  private readonly limits: Map<string, Limit.Limit>
  private readonly core: Core
  private readonly partKeys = new Map<number, string>()
  private readonly asked = new Map<number, number>()
  /** By gate the requests whose bodies run there. */
  private readonly inside = new Map<string, Set<number>>()
  private readonly gatesOfRunning = new Map<number, ReadonlyArray<string>>()
  /** Requests of which an attempt has begun, be it one that counts or not. */
  private readonly begun = new Set<number>()
  /** Who has the turn of a key that is served one by one. */
  private readonly serving = new Map<string, number>()

  constructor(core: Core, limits: ReadonlyArray<Limit.Limit>, areUsed: boolean, inBatches: boolean) {
    this.core = core
    this.inBatches = inBatches
    this.areUsed = areUsed
    this.limits = new Map(limits.map((limit) => [limit.name, limit]))
  }

  limit(name: string): Limit.Limit | undefined {
    return this.limits.get(name)
  }

  change(name: string, change: Limit.Change): void {
    const limit = this.limits.get(name)
    if (limit !== undefined) this.limits.set(name, Limit.change(limit, change))
  }

  /** A part is of its asker's key, or of one that nobody else has: it never waits for somebody who waits for its asker. */
  partOf(asker: number, part: number) {
    if (this.inBatches) return { id: String(part), key: `parts of ${asker}` }
    if (!this.areUsed) return { id: String(part) }
    const own = this.partKeys.get(asker) ?? this.requestOf(asker)?.key ?? ""
    const key = part % 2 === 0 ? own : `part ${part}`
    this.partKeys.set(part, key)
    return { id: String(part), key }
  }

  /** Says once or twice that it is too early. */
  notYet(key: number): Effect.Effect<number, string> {
    const asked = (this.asked.get(key) ?? 0) + 1
    this.asked.set(key, asked)
    if (asked > 1 + (key % 2)) return Effect.succeed(key)
    const at = ["key", "tag", "pool", "entity", "serial"][key % 5]!
    return Effect.fail(NotBefore.of(1 + (key % 15), { at, countsAsAttempt: key % 3 === 0 }) as never)
  }

  /**
   * What is wrong with it that a body of this request begins. Those within others may pass where these count, and those that come along
   * with the first of their batch.
   */
  begins(key: number): ReadonlyArray<string> {
    const request = this.requestOf(key)
    if (!this.areUsed || key >= 100_000 || request?.lane === undefined) return []
    const problems: Array<string> = []
    const gates = this.gatesOf(key, request.key ?? "")
    this.gatesOfRunning.set(key, gates)
    for (const gate of gates) {
      const inside = this.inside.get(gate) ?? new Set()
      this.inside.set(gate, inside.add(key))
      const { concurrency } = this.limits.get(gate.split(" ")[0]!)!
      if (inside.size > concurrency) problems.push(`${inside.size} run at ${gate}, ${concurrency} may`)
    }
    const serial = gates.find((gate) => gate.startsWith("serial"))
    if (serial !== undefined) {
      const before = this.serving.get(serial)
      if (before !== undefined && before !== key) problems.push(`request ${key} begins, and ${before} has not ended`)
      this.serving.set(serial, key)
    }
    for (const what of ["tag Act", `key ${request.key}`, ...gates.map((gate) => `limit ${gate.split(" ")[0]}`)]) {
      if (this.paused.has(what)) problems.push(`request ${key} begins, and ${what} is paused`)
    }
    problems.push(...this.overtaken(key, request))
    this.begun.add(key)
    return problems
  }

  /** Of those that are alike the first comes first; of those that have come back, the last to come back may. */
  private overtaken(key: number, request: Ranked): ReadonlyArray<string> {
    const { config, queue } = this.core
    // A pool that has too much to do takes the newest first as well.
    if (config.discipline.order === "lifo" || queue.overload?.isOverloaded === true || this.moved.has(key)) return []
    return queue.all("waiting").flatMap((other: Ranked) => {
      const haveReturned = this.begun.has(key) && this.begun.has(Number(other.id))
      const isBehind =
        haveReturned || other.lane !== request.lane || other.sequence > request.sequence || other.attempts > 0
      return isBehind || this.moved.has(Number(other.id)) ? [] : [`request ${key} begins before ${other.id}`]
    })
  }

  ends(key: number): void {
    for (const gate of this.gatesOfRunning.get(key) ?? []) this.inside.get(gate)!.delete(key)
    this.gatesOfRunning.delete(key)
  }

  hasEnded(key: number): void {
    for (const [gate, by] of this.serving) if (by === key) this.serving.delete(gate)
  }

  /** An open gate before which somebody waits, while there is a worker to be had. */
  get forgotten(): ReadonlyArray<string> {
    const { crew, now, queue } = this.core
    const at = now()
    if (crew.paused) return []
    return (queue.fair?.gates.inUse(1000) ?? [])
      .filter((gate) => gate.heldBack > 0 && gate.isOpen(at))
      .map(({ heldBack, name, of }) => `${heldBack} wait at the open gate ${name} ${of}`)
  }

  private gatesOf(key: number, ofKey: string): ReadonlyArray<string> {
    return [...this.limits.values()].flatMap(({ name, per }) => {
      const of = per === "key" ? ofKey : typeof per === "function" ? per("Act", { key }) : ""
      return of === undefined ? [] : [`${name} ${of}`]
    })
  }

  private requestOf(key: number): Ranked | undefined {
    const id = String(key)
    return this.core.crew.all.find(({ request }) => request?.id === id)?.request
  }
}
