/** Requests that are not due yet for the first time, be they in the queue or at its door: of them there is a bound of its own. */
import type { PoolRequest } from "../internal/request.ts"

export class Early {
  /** Those that have a place in the queue. */
  delayed = 0
  private readonly requests = new Set<PoolRequest>()
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  /** Whether there are too many others. */
  refuses(request: PoolRequest): boolean {
    return request.details?.startsAt !== undefined && this.requests.size >= this.most
  }

  /** It comes to the door. `false`: there are too many others. */
  add(request: PoolRequest): boolean {
    if (this.refuses(request)) return false
    this.requests.add(request)
    return true
  }

  /** It has its place. Answers whether it is to be held there: otherwise its time has come. */
  accepted(request: PoolRequest, now: number): boolean {
    const isEarly = request.details!.startsAt! > now
    if (isEarly) {
      this.delayed++
      // One that goes before its time has needed none, either.
      request.route.counts.needless++
    } else this.delete(request)
    return isEarly
  }

  /** It comes back from its delay: a worker is needed for it from now on. */
  due({ details, route }: PoolRequest): void {
    if (details?.startsAt !== undefined) route.counts.needless--
  }

  /** Its time has come, or it has gone. */
  delete(request: PoolRequest): void {
    if (request.details?.startsAt === undefined || !this.requests.delete(request)) return
    if (request.phase === "delayed") this.delayed--
    request.details.startsAt = undefined
  }
}

/** It goes before any worker was needed for it. One that is not due yet is known for that. */
export const needsNone = ({ attempts, details, route }: PoolRequest): void => {
  if (attempts === 0 && details?.startsAt === undefined) route.counts.needless++
}
