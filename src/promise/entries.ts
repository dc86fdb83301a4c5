/** The inputs of one `map` that were let in, or refused, until what became of them is given. */
import { PoolRequest } from "../internal/request.ts"
import type { Refusal } from "./door.ts"

export type Entry = PoolRequest | Refusal

export const isOver = (entry: Entry): boolean => !(entry instanceof PoolRequest) || entry.phase === "ended"

/** Arrays in place of a `Set`, which took a quarter of W1p. */
export class Entries {
  /** How many have not been given. */
  size = 0
  private readonly ordered: boolean
  /** In the order of the inputs. Of those that have been given some may still be there. */
  private entered: Array<Entry> = []
  /** Those that are given next, from `at` on: `entered`, or what has ended in the order in which it did. */
  private giving: Array<Entry>
  private at = 0
  /** What has ended since `giving` was begun. */
  private ended: Array<Entry> = []

  constructor(ordered: boolean) {
    this.ordered = ordered
    this.giving = ordered ? this.entered : []
  }

  add(entry: Entry): void {
    this.size++
    if (this.entered.push(entry) > 2 * this.size + 16) this.makeRoom()
  }

  /** That one is over now. */
  end(entry: Entry): void {
    if (!this.ordered) this.ended.push(entry)
  }

  /** The next one that can be given, if there is one. */
  take(): Entry | undefined {
    if (!this.ordered && this.at === this.giving.length) {
      this.giving = this.ended
      this.ended = []
      this.at = 0
    }
    const entry = this.giving[this.at]
    if (entry === undefined || !isOver(entry)) return undefined
    this.at++
    this.size--
    return entry
  }

  /** Those that have not ended, in the order of the inputs. */
  *live(): Iterable<PoolRequest> {
    for (const entry of this.entered) if (entry instanceof PoolRequest && !isOver(entry)) yield entry
  }

  private makeRoom(): void {
    if (!this.ordered) this.entered = this.entered.filter((entry) => !isOver(entry))
    else {
      this.giving = this.entered = this.entered.slice(this.at)
      this.at = 0
    }
  }
}
