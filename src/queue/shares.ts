/**
 * What keys have had of one gate at which they wait together, be it a tag's or the pool's: its places are shared as workers are.
 * What a key has elsewhere is of no matter here: it may be far ahead, or behind, of others that this gate holds back.
 */
import type { Ranking, Seated } from "./bench.ts"

interface Share {
  /** Milliseconds that its attempts have kept places, divided by its weight. */
  virtual: number
  /** Attempts of it that have passed since anybody waits here. */
  running: number
  /** Lanes of it that wait. */
  parked: number
}

/** It counts from when somebody comes to wait until nobody does: without a choice there is nothing to be fair in. */
export class Shares {
  /** What a key has that comes new, or comes back. It goes on with the work that is done: see `Flows`. */
  private virtual = 0
  private activeWeight = 0
  private readonly byKey = new Map<Ranking, Share>()

  /** Lower is earlier. */
  rankOf(lane: Seated): number {
    const { flow } = lane
    const { running, virtual } = this.of(flow)
    return virtual + flow.expected(running) - flow.headStartOf(lane)
  }

  onPark({ flow }: Seated): void {
    const share = this.of(flow)
    if (!isActive(share)) {
      share.virtual = Math.max(share.virtual, this.virtual)
      this.activeWeight += flow.weight
    }
    share.parked++
  }

  onUnpark({ flow }: Seated): void {
    const share = this.of(flow)
    share.parked--
    if (!isActive(share)) this.activeWeight -= flow.weight
  }

  onStart(lane: Seated): void {
    const { flow } = lane
    const share = this.of(flow)
    this.virtual = Math.max(this.virtual, Math.min(share.virtual, this.rankOf(lane)))
    // One that was let go has waited until now: it keeps its claim.
    if (!isActive(share)) this.activeWeight += flow.weight
    share.running++
  }

  /** An attempt has kept its place for so long. It may have begun before anybody waited. */
  onEnd({ flow }: Seated, millis: number): void {
    const share = this.byKey.get(flow)
    if (share === undefined) return
    share.virtual += millis / flow.weight
    if (this.activeWeight > 0) this.virtual += millis / this.activeWeight
    if (share.running > 0) {
      share.running--
      if (!isActive(share)) this.activeWeight -= flow.weight
    }
    this.sweep()
  }

  /** Nobody waits any more. */
  clear(): void {
    this.byKey.clear()
    this.virtual = this.activeWeight = 0
  }

  private of(flow: Ranking): Share {
    let share = this.byKey.get(flow)
    if (share === undefined) this.byKey.set(flow, (share = { virtual: this.virtual, running: 0, parked: 0 }))
    return share
  }

  /** Forgets keys that neither wait nor run and have had no more than others: two looks for each end keep up with those that come. */
  private sweep(): void {
    for (let looks = 0; looks < 2; looks++) {
      const [flow, share] = this.byKey.entries().next().value!
      this.byKey.delete(flow)
      if (isActive(share) || share.virtual > this.virtual) this.byKey.set(flow, share)
      if (this.byKey.size === 0) return
    }
  }
}

const isActive = ({ parked, running }: Share): boolean => parked + running > 0
