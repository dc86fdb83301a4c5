/** Several requests of one tag that run in one attempt of one worker. */
import type { PoolRequest } from "../request.ts"

export class Batch {
  /** The first is the one that its worker has taken; the others came along. */
  readonly members: ReadonlyArray<PoolRequest>
  /** How many of them have no end yet, and wait for that of the attempt. */
  live: number
  /** Nothing can interrupt it any more: the attempt has ended, or is given up as stuck. */
  isOver = false
  /** Its time was over: after how long each of those is tried again for which another attempt follows. */
  delays: Map<PoolRequest, number> | undefined = undefined
  /** Whose end, or timeout, has interrupted the attempt. */
  last: PoolRequest | undefined = undefined
  private given: ReadonlyArray<PoolRequest> | undefined = undefined

  constructor(members: ReadonlyArray<PoolRequest>) {
    this.members = members
    this.live = members.length
  }

  /** Those that its handler was given, in that order. */
  get asked(): ReadonlyArray<PoolRequest> {
    return this.given ?? this.members
  }

  /** Those that its handler is to be given: they have no end yet. */
  ask(): ReadonlyArray<PoolRequest> {
    return (this.given = this.members.filter(({ phase }) => phase === "running"))
  }

  /** The shortest of its members has its say. */
  get timeoutMillis(): number {
    let millis = Infinity
    for (const { policy } of this.members) millis = Math.min(millis, policy.timeoutMillis)
    return millis
  }
}
