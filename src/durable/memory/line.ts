/** What waits of one tag, and who of it comes first. */
import { Heap } from "../../queue/heap.ts"
import { Ring } from "../../queue/ring.ts"
import type { Row } from "./row.ts"

export class Line {
  /** How many of this tag processes have. */
  claimed = 0
  private readonly due = new Heap<Row>(comesBefore)
  private readonly later = new Heap<Row>(
    (a, b) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.sequence < b.sequence)
  )
  /** Those of `due`, by the time at which they became so. */
  private readonly byAge = new Ring<Row>()

  get waiting(): number {
    return this.due.size
  }

  get delayed(): number {
    return this.later.size
  }

  /** Since when the oldest one waits; `undefined`: none does. */
  get oldestSince(): number | undefined {
    return this.byAge.first?.waitsSince
  }

  /** Who comes next of those that are due. */
  get first(): Row | undefined {
    return this.due.first
  }

  add(row: Row): void {
    if (row.place === "delayed") return this.later.push(row)
    this.due.push(row)
    this.byAge.push(row)
  }

  remove(row: Row): void {
    if (row.place === "delayed") return this.later.remove(row)
    this.due.remove(row)
    this.byAge.remove(row)
  }

  setPriority(row: Row, priority: number): void {
    row.priority = priority
    if (row.place === "waiting") this.due.changed(row)
  }

  /** Lets those wait that are due by now. */
  look(now: number): void {
    for (let row = this.later.first; row !== undefined && row.dueAt <= now; row = this.later.first) {
      this.later.remove(row)
      row.place = "waiting"
      row.waitsSince = row.dueAt
      this.add(row)
    }
  }
}

/** By priority, then the oldest. */
export const comesBefore = (a: Row, b: Row): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : a.sequence < b.sequence
