/** What one attempt waits for. It ends with the attempt, whatever the fibers that it has left behind wait for. */
import type { Deadline } from "./deadlines.ts"
import type { Awaited } from "./request.ts"

export class Hosting {
  /** In any pool. */
  readonly waits = new Waits()
  /** That of its own pool for which its slot can be lent: by itself, or by what it waits for in another pool. */
  readonly lendable = new Waits()
  /** When a gate opens for what waits for its slot. */
  opens: Deadline | undefined = undefined
}

/** Two fibers may wait for the same. */
class Waits implements Iterable<Awaited> {
  private readonly counts = new Map<Awaited, number>()

  get size(): number {
    return this.counts.size
  }

  add(awaited: Awaited): void {
    this.counts.set(awaited, (this.counts.get(awaited) ?? 0) + 1)
  }

  remove(awaited: Awaited): void {
    const left = (this.counts.get(awaited) ?? 0) - 1
    if (left > 0) this.counts.set(awaited, left)
    else this.counts.delete(awaited)
  }

  [Symbol.iterator](): Iterator<Awaited> {
    return this.counts.keys()
  }
}
