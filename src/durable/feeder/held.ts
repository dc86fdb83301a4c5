/** The requests that this process has: claimed, and their ends not yet recorded. */
import type { Outcome, Ticket } from "../../index.ts"
import type { Known } from "../asking/calls.ts"
import type { Claim, EndRecord, Return } from "../Store.ts"

/** One of them. */
export interface Entry {
  readonly claim: Claim
  readonly known: Known
  /** By a clock that only goes forward. */
  readonly claimedAt: number
  /** Once its attempt may begin. */
  ticket: Ticket.Ticket<unknown, unknown> | undefined
  /** Nothing that becomes of it here counts any more: somebody else has ended it, or has it. */
  isDropped: boolean
  /** It is to go back to the store as soon as the pool has let go of it. */
  returning: Omit<Return, "claim"> | undefined
  /** How the pool ended it. */
  outcome: Outcome.Outcome | undefined
}

export class Held {
  private readonly entries = new Map<string, Entry>()
  /** Ends that are to be recorded, in their order. */
  unsettled: Array<{ readonly claim: Claim; readonly record: EndRecord; readonly entry: Entry }> = []
  /** Claims that are to be given back. */
  returns: Array<Return> = []
  /** Called when one has gone. */
  onGone: () => void = () => {}

  get size(): number {
    return this.entries.size
  }

  get all(): Iterable<Entry> {
    return this.entries.values()
  }

  get(id: string): Entry | undefined {
    return this.entries.get(id)
  }

  add(claim: Claim, known: Known, now: number): Entry {
    const entry: Entry = {
      claim,
      known,
      claimedAt: now,
      ticket: undefined,
      isDropped: false,
      returning: undefined,
      outcome: undefined
    }
    this.entries.set(claim.request.id, entry)
    return entry
  }

  /** An earlier claim of the same request does not take a later one with it. */
  remove({ fence, request: { id } }: Claim): void {
    if (this.entries.get(id)?.claim.fence !== fence) return
    this.entries.delete(id)
    this.onGone()
  }
}
