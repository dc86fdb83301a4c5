/** The last requests that ended failed or timed out, oldest first. */
import type { PoolRequest } from "./request.ts"

export class DeadLetterBox {
  /** How many were dropped as the oldest. */
  dropped = 0
  private readonly kept = new Set<PoolRequest>()
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  add(request: PoolRequest): void {
    this.kept.add(request)
    if (this.kept.size <= this.limit) return
    this.dropped++
    for (const oldest of this.kept) {
      this.kept.delete(oldest)
      return
    }
  }

  get all(): ReadonlyArray<PoolRequest> {
    return [...this.kept]
  }

  /** The newest of that id. */
  find(id: string): PoolRequest | undefined {
    return this.all.findLast((request) => request.id === id)
  }

  remove(request: PoolRequest): void {
    this.kept.delete(request)
  }
}
