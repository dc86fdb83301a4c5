/** Tells the log of defects that nobody hears of. */
import { Cause, Effect } from "effect"
import * as Defect from "../Defect.ts"
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"

/** Those of one kind are counted for so long, and not told. */
const quietMillis = 60_000

/** How many kinds are kept apart. */
const kindLimit = 100

export class Unheard {
  private readonly kinds = new Map<string, { readonly toldAt: number; more: number }>()
  private readonly pool: {
    readonly now: () => number
    readonly turn: Turn
    readonly log: (line: Effect.Effect<void>) => void
  }

  constructor(pool: Unheard["pool"]) {
    this.pool = pool
  }

  /** The request has just ended with a defect. Whoever has its ticket from this very turn may still ask for its end. */
  readonly onDefect = (request: PoolRequest): void => {
    if (request.isHeard) return
    this.pool.turn.defer(() => {
      if (!request.isHeard) this.tell(request)
    })
  }

  private tell({ exit, id, tag }: PoolRequest): void {
    if (exit?._tag !== "Failure") return
    const { kinds, pool } = this
    const now = pool.now()
    const kind = `${tag} ${Defect.kindOf(Cause.squash(exit.cause))}`
    const before = kinds.get(kind)
    if (before !== undefined && now - before.toldAt < quietMillis) {
      before.more++
      return
    }
    const others =
      before === undefined || before.more === 0 ? "" : `; so did ${before.more} others since the last such line`
    kinds.delete(kind)
    kinds.set(kind, { toldAt: now, more: 0 })
    if (kinds.size > kindLimit) kinds.delete(kinds.keys().next().value!)
    const line = `the handler of "${tag}" died (request ${id}), and nobody waits for it${others}`
    pool.log(Effect.logError(line, exit.cause))
  }
}
