/** The calls that have a share of one request: what it does when its last one goes, and what they hear. */
import { Exit } from "effect"
import type { PoolRequest } from "../request.ts"
import type { Turn } from "../runtime.ts"
import type { Share } from "./share.ts"

export class Sharing {
  /** Of its request: see `Identities`. */
  readonly key: string
  /** It does not start before that, by its own. */
  notBefore = -Infinity
  /** The first of the calls that have put off the start one after another. */
  firstCallAt = Infinity
  private readonly shares = new Set<Share>()

  constructor(key: string) {
    this.key = key
  }

  get size(): number {
    return this.shares.size
  }

  get isHeard(): boolean {
    for (const share of this.shares) if (share.isHeard) return true
    return false
  }

  /** One of those who have not gone: the last to go, when it goes. */
  get caller(): Share | undefined {
    for (const share of this.shares) return share
    return undefined
  }

  /** Those in whose attempts it was called for. */
  *parents(): Iterable<PoolRequest> {
    for (const { details } of this.shares) if (details!.parent !== undefined) yield details!.parent
  }

  add(share: Share, request: PoolRequest): void {
    this.shares.add(share)
    share.phase = request.phase === "blocked" ? "blocked" : "waiting"
  }

  delete(share: Share): void {
    this.shares.delete(share)
  }

  /** It has its place: those who have waited for that go on. */
  onAccepted(now: number, turn: Turn): void {
    for (const share of this.shares) {
      if (share.phase !== "blocked") continue
      share.phase = "waiting"
      const { onAccepted } = share.details!
      if (onAccepted !== undefined) turn.run(now, onAccepted)
    }
  }

  /** All of them have ended before the first one is told: what it does then finds that. */
  onEnded(request: PoolRequest, turn: Turn): void {
    const shares = [...this.shares]
    for (const share of shares) share.endWith(request)
    for (const share of shares) turn.tell(share)
    // Whether anybody hears of a defect is asked in a turn to come, and a dead letter is kept for long.
    if (Exit.isSuccess(request.exit!)) this.shares.clear()
    else turn.defer(() => this.shares.clear())
  }
}

/** Of a request that has an identity. */
export const sharingOf = (request: PoolRequest): Sharing => request.details!.sharing as Sharing
