/** Tags of which several requests run in one attempt: what they have of the workers, and how many more of them these would soon begin. */
import type { Handlers, PoolSnapshot } from "../../index.ts"
import * as checks from "../../internal/checks.ts"

interface Batch {
  readonly size: number
  /** How long one may wait here for others. */
  readonly withinMillis: number
}

export class Batches {
  private readonly batches = new Map<string, Batch>()
  /** Those that the pool has, by their tags. */
  private readonly open = new Map<string, number>()
  /** Groups of tags take turns. */
  private turn = 0

  constructor(handlers: Handlers.Handlers["Service"]) {
    for (const [tag, { policy }] of handlers) {
      if (policy.batch === undefined) continue
      const { size, within = 0 } = policy.batch
      this.batches.set(tag, { size, withinMillis: checks.wholeMillis(within) ?? 0 })
    }
  }

  /** How many of a tag run in one attempt, at most. */
  sizeOf(tag: string): number {
    return this.batches.get(tag)?.size ?? 1
  }

  withinMillisOf(tag: string): number {
    return this.batches.get(tag)?.withinMillis ?? 0
  }

  began(tag: string): void {
    if (this.batches.has(tag)) this.open.set(tag, (this.open.get(tag) ?? 0) + 1)
  }

  ended(tag: string): void {
    if (this.batches.has(tag)) this.open.set(tag, this.open.get(tag)! - 1)
  }

  /**
   * Of so many requests that have not ended and could begin, how many attempts these are, if those that wait fill their batches. Batches that
   * run may be smaller: those are counted by their number.
   */
  attemptsOf(pending: number, { handlers }: Pick<PoolSnapshot.PoolSnapshot, "handlers">): number {
    let attempts = pending
    for (const [tag, { size }] of this.batches) {
      const { heldBack = 0, running = 0 } = handlers[tag] ?? {}
      const requests = Math.max(0, (this.open.get(tag) ?? 0) - heldBack)
      attempts += Math.max(Math.min(running, requests), Math.ceil(requests / size)) - requests
    }
    return attempts
  }

  /** Of these tags, those of which the next claim is: all of which each is an attempt by itself, or one of batches. */
  next(tags: ReadonlyArray<string>): {
    readonly tags: ReadonlyArray<string>
    readonly size: number
    readonly groups: number
  } {
    const batched = tags.filter((tag) => this.batches.has(tag))
    if (batched.length === 0) return { tags, size: 1, groups: 1 }
    const single = tags.filter((tag) => !this.batches.has(tag))
    const groups = [...(single.length > 0 ? [single] : []), ...batched.map((tag) => [tag])]
    const group = groups[this.turn++ % groups.length]!
    return { tags: group, size: this.sizeOf(group[0]!), groups: groups.length }
  }
}
