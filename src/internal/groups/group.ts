/** The requests of one group, and how those of them that have ended did. */
import { type End, ends } from "../../Outcome.ts"
import type { GroupCounts, GroupReport } from "../../Selection.ts"
import type { Awaited, PoolRequest } from "../request.ts"

type Ends = { -readonly [K in End]: number }

export class Group implements Awaited {
  readonly id: string
  /** Those that have not ended, or whose end is not told yet. */
  private readonly members = new Set<PoolRequest>()
  private readonly ends = Object.fromEntries(ends.map((end) => [end, 0])) as Ends
  private readonly onOver = new Set<() => void>()
  private readonly onChange: (isGoing: boolean) => void

  /** `onChange` hears when its first request has come, and when its last one has ended. */
  constructor(id: string, onChange: (isGoing: boolean) => void) {
    this.id = id
    this.onChange = onChange
  }

  add(request: PoolRequest): void {
    if (this.members.size === 0) this.onChange(true)
    this.members.add(request)
    request.observe((_, request) => this.onEnded(request))
  }

  /** Those that have not ended, in the order of their calls. */
  get requests(): ReadonlyArray<PoolRequest> {
    return [...this.members].filter(({ phase }) => phase !== "ended")
  }

  get isOver(): boolean {
    return this.requests.length === 0
  }

  get counts(): GroupCounts {
    const counts = { blocked: 0, waiting: 0, delayed: 0, running: 0, ...this.ends }
    for (const { end, phase } of this.members) {
      if (phase === "ended") {
        if (end !== undefined) counts[end]++
      } else if (phase !== "offered") counts[phase]++
    }
    return counts
  }

  get report(): GroupReport {
    const { blocked: _, delayed: _d, running: _r, waiting: _w, ...ends } = this.counts
    return { group: this.id, ...ends }
  }

  /** Called once none is left. The answer takes it back. */
  whenOver(listener: () => void): () => void {
    this.onOver.add(listener)
    return () => this.onOver.delete(listener)
  }

  covers(request: PoolRequest): boolean {
    return this.members.has(request)
  }

  *waiting(): Iterable<PoolRequest> {
    for (const member of this.members) yield* member.waiting()
  }

  next(): PoolRequest | undefined {
    for (const member of this.members) {
      const next = member.next()
      if (next !== undefined) return next
    }
    return undefined
  }

  /** One that was never let in has no end. */
  private onEnded(request: PoolRequest): void {
    const { end } = request
    if (!this.members.delete(request)) return
    if (end !== undefined) this.ends[end]++
    if (this.members.size > 0) return
    this.onChange(false)
    for (const listener of this.onOver) listener()
  }
}
