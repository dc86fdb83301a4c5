/** The processes that take part in a store in memory, or did a short while ago. */
import { deadAfterMillis, type Member, type ProcessRecord } from "../Store.ts"
import { copy } from "./row.ts"

/** Whoever has gone is told of for so long. */
const rememberedMillis = 60_000

type Known = { -readonly [Field in keyof Omit<ProcessRecord, "live">]: ProcessRecord[Field] }

export class Processes {
  private readonly known = new Map<string, Known>()

  add(member: Member, now: number): void {
    this.known.set(member.id, { ...copy(member), startedAt: now, seenAt: now, leftAt: undefined, says: undefined })
  }

  /** One that was forgotten is there again. */
  seen(member: Member, says: unknown, now: number): void {
    if (!this.known.has(member.id)) this.add(member, now)
    const process = this.known.get(member.id)!
    process.seenAt = now
    process.says = copy(says)
  }

  left(id: string, now: number): void {
    const process = this.known.get(id)
    if (process !== undefined) process.leftAt = now
  }

  all(now: number): ReadonlyArray<ProcessRecord> {
    return Array.from(this.known.values(), (process) => ({
      ...copy(process),
      ...later(process),
      live: isLive(process, now)
    }))
  }

  /** Those that work on any of these tags. */
  workersOf(tags: ReadonlyArray<string>, now: number): number {
    return [...this.known.values()].filter((process) => {
      return isLive(process, now) && process.role !== "client" && process.tags.some((tag) => tags.includes(tag))
    }).length
  }

  /** Whether another one is missing, or has left, with what it had in its hands. */
  hasMissing(id: string, hasAny: (id: string) => boolean, now: number): boolean {
    return [...this.known.values()].some((process) => {
      if (process.id === id || isLive(process, now)) return false
      return process.leftAt === undefined || hasAny(process.id)
    })
  }

  forget(hasAny: (id: string) => boolean, now: number): void {
    for (const process of this.known.values()) {
      const goneAt = process.leftAt ?? process.seenAt + deadAfterMillis
      if (goneAt + rememberedMillis <= now && !hasAny(process.id)) this.known.delete(process.id)
    }
  }
}

const isLive = ({ leftAt, seenAt }: Known, now: number): boolean =>
  leftAt === undefined && now - seenAt < deadAfterMillis

/** What JSON leaves out. */
const later = ({ leftAt, says }: Known) => ({ leftAt, says: copy(says) })
