/** A lane of a pool that gives up what has waited for too long: it has a crowd, of which the newest comes first where that is overloaded. */
import type { PoolRequest } from "../../internal/request.ts"
import { Crowd } from "./crowd.ts"
import { type Flow, Lane, type LaneId, type Ordering } from "../flow.ts"
import type { Gate } from "../gate.ts"
import type { TagState } from "../tagState.ts"

export class SheddingLane extends Lane {
  readonly crowd: Crowd

  constructor(id: LaneId, flow: Flow, tag: TagState, priority: number, gates: ReadonlyArray<Gate>, ordering: Ordering) {
    super(id, flow, tag, priority, gates, ordering)
    this.crowd = new Crowd(ordering.isNewestFirst)
  }

  override get size(): number {
    return this.crowd.size
  }

  override get head(): PoolRequest | undefined {
    return this.crowd.head
  }

  override get oldest(): PoolRequest | undefined {
    return this.crowd.oldest
  }

  /**
   * Among the lanes of a key that with the oldest comes first, whichever of its requests is then taken: so lanes that are overloaded and
   * others can be compared, and as none is older than the longest wait, each has its turn.
   */
  protected override get turnOf(): PoolRequest | undefined {
    return this.ordering.isNewestFirst ? this.head : this.oldest
  }

  override push(request: PoolRequest): void {
    this.crowd.push(request)
  }

  override pushFirst(request: PoolRequest): void {
    this.crowd.pushFirst(request)
  }

  override take(): PoolRequest {
    return this.crowd.take()!
  }

  override remove(request: PoolRequest): void {
    this.crowd.remove(request)
  }

  override [Symbol.iterator](): Iterator<PoolRequest> {
    return this.crowd[Symbol.iterator]()
  }
}
