/** One identity, while it has a request: those that have not ended, and those whose attempts go on beyond their end. */
import type { PoolRequest } from "../request.ts"
import { requestsOf, type Worker, workerOf } from "../worker.ts"

export class Identity {
  /** In the order of their calls. */
  readonly requests = new Set<PoolRequest>()
  /** The one that starts when what is at work has ended. */
  held: PoolRequest | undefined = undefined
  /** Those that are asked to tell of the end of their attempt. */
  readonly watched = new Set<Worker>()

  /** The last one that has not ended. */
  get newest(): PoolRequest | undefined {
    let newest: PoolRequest | undefined
    for (const request of this.requests) if (request.phase !== "ended") newest = request
    return newest
  }

  /** Those that no attempt runs of: the best place first. */
  idle(besides: PoolRequest): ReadonlyArray<PoolRequest> {
    const idle = [...this.requests].filter((request) => request !== besides && phases.includes(request.phase))
    return idle.sort((a, b) => phases.indexOf(a.phase) - phases.indexOf(b.phase))
  }

  /** Those of which an attempt runs, or still cleans up. What is stuck is not waited for. */
  *atWork(besides: PoolRequest): Iterable<PoolRequest> {
    for (const request of this.requests) if (request !== besides && isAtWork(request)) yield request
  }

  isAtWork(besides: PoolRequest): boolean {
    for (const _ of this.atWork(besides)) return true
    return false
  }
}

const phases: ReadonlyArray<PoolRequest["phase"]> = ["waiting", "delayed", "blocked"]

const isAtWork = (request: PoolRequest): boolean =>
  request.phase === "running" || (request.phase === "ended" && attemptGoesOn(request))

/** It has ended, and its attempt has not: it cleans up, or goes on for the others of a batch. What is stuck is given up. */
export const attemptGoesOn = (request: PoolRequest): boolean => {
  const worker = workerOf(request)
  return worker !== undefined && worker.state !== "stuck" && requestsOf(worker).includes(request)
}
