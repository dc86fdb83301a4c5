/** One call's share of a request that others may have called for as well. To whoever called, it is the request. */
import type { Exit } from "effect"
import { keyOf } from "../../queue/ranked.ts"
import type { Resolved } from "../../RequestPolicy.ts"
import { Details, PoolRequest, type Route } from "../request.ts"

/** Whoever knows the requests of one identity. */
interface Known {
  /** Those that must have ended before this one starts. */
  before(request: PoolRequest): Iterable<PoolRequest>
}

export class Share extends PoolRequest {
  /** What it is a share of: made for it, or there already. It may be another one until it is let in. */
  of: PoolRequest
  /** Its caller has gone, and the request goes on for others. */
  isDetached = false
  private readonly known: Known

  /** `parent`: the request in whose attempt the call is made. */
  constructor(
    of: PoolRequest,
    route: Route,
    payload: unknown,
    parent: PoolRequest | undefined,
    now: number,
    known: Known
  ) {
    super(of.sequence, route, payload, new Details(), now)
    this.of = of
    this.known = known
    this.details!.parent = parent
    this.details!.resubmittedFrom = of.details?.resubmittedFrom
  }

  override get id(): string {
    return this.of.id
  }

  /** Whose it is, as of any request. */
  get key(): string {
    return keyOf(this.of)
  }

  override get policy(): Resolved {
    return this.of.policy
  }

  override get shown(): PoolRequest {
    return this.phase === "ended" ? this : this.of
  }

  override get waitedMillis(): number {
    return this.isDetached ? super.waitedMillis : this.of.waitedMillis
  }

  override get ranMillis(): number {
    return this.isDetached ? 0 : this.of.ranMillis
  }

  override covers(request: PoolRequest): boolean {
    if (request === this.of || request === this) return true
    for (const before of this.known.before(this.of)) if (before === request) return true
    return false
  }

  override *waiting(): Iterable<PoolRequest> {
    yield* this.of.waiting()
    for (const before of this.known.before(this.of)) yield* before.waiting()
  }

  override next(): PoolRequest | undefined {
    return this.of.next()
  }

  /** The request has ended, and so has this: nobody has been told yet. */
  endWith({ attempts, end, exit }: PoolRequest): void {
    this.phase = "ended"
    this.attempts = attempts
    this.end = end
    this.exit = exit
    this.letGo()
  }

  /** Its caller has gone. Of one that was never let in there is no end. */
  detach(exit: Exit.Exit<never, unknown>, now: number): void {
    this.isDetached = true
    this.elapse(now)
    this.attempts = this.of.attempts
    this.end = this.of.phase === "blocked" ? undefined : "cancelled"
    this.phase = "ended"
    this.exit = exit
    this.letGo()
  }

  private letGo(): void {
    const details = this.details!
    details.onAccepted = details.parent = details.asyncContext = undefined
  }
}
