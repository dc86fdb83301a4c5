/** The groups of a pool: which requests belong to which, and how those that have ended did. */
import { Group } from "./group.ts"

/** So many that have ended are remembered. */
const mostEnded = 1000

export class Groups {
  /** All that somebody has: a request, a handle, or one of the two below. */
  private readonly byId = new Map<string, WeakRef<Group>>()
  /** Those with requests that have not ended. */
  private readonly going = new Set<Group>()
  /** The last ones without, oldest first. */
  private readonly ended = new Set<Group>()
  private readonly collected = new FinalizationRegistry<string>((id) => {
    if (this.byId.get(id)?.deref() === undefined) this.byId.delete(id)
  })

  /** It may be new: then it is forgotten with whoever has asked for it, unless a request comes. */
  of(id: string): Group {
    const known = this.byId.get(id)?.deref()
    if (known !== undefined) return known
    const group: Group = new Group(id, (isGoing) => this.set(group, isGoing))
    this.byId.set(id, new WeakRef(group))
    this.collected.register(group, id)
    return group
  }

  private set(group: Group, isGoing: boolean): void {
    if (isGoing) {
      this.ended.delete(group)
      this.going.add(group)
      return
    }
    this.going.delete(group)
    this.ended.add(group)
    if (this.ended.size <= mostEnded) return
    for (const oldest of this.ended) {
      this.ended.delete(oldest)
      return
    }
  }
}
