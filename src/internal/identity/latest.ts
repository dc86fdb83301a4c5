/**
 * When a request of an identity starts that has one before it: with `"latest"` once that has ended, with `debounce` so long after the
 * last call. Until then it is delayed, with its place in the queue.
 */
import type { WaitingRequests } from "../../RequestQueue.ts"
import type { Admission } from "../admission.ts"
import { Deadline, type Deadlines, grainMillis, isDue } from "../deadlines.ts"
import type { Identity } from "./identity.ts"
import type { PoolRequest } from "../request.ts"
import type { Turn } from "../runtime.ts"
import { sharingOf } from "./sharing.ts"
import { workerOf } from "../worker.ts"

export interface Dependencies {
  readonly now: () => number
  readonly admission: Admission
  readonly deadlines: Deadlines
  readonly queue: WaitingRequests
  readonly turn: Turn
  /** Until when this request may come back from its delay. */
  readonly latestReturn: (request: PoolRequest) => number
  /** A held request has come back and waits. */
  readonly onReturn: () => void
}

export class Latest {
  private readonly pool: Dependencies

  constructor(pool: Dependencies) {
    this.pool = pool
  }

  /** Before it is let in, in the place of those. What puts off its start is written down. */
  plan(request: PoolRequest, identity: Identity, before: ReadonlyArray<PoolRequest>): void {
    const { debounceAtMostMillis, debounceMillis, duplicate } = request.policy
    if (duplicate !== "replace" && duplicate !== "latest") return
    const { since: now } = request
    const sharing = sharingOf(request)
    const details = request.details!
    const { startsAt } = details
    // One instant for all that puts off its start.
    details.startsAt = undefined
    if (debounceMillis > 0) {
      // One that has begun was no call that has put off the start.
      const first = before.filter(({ attempts }) => attempts === 0).map((one) => sharingOf(one).firstCallAt)
      sharing.firstCallAt = Math.min(now, ...first)
      sharing.notBefore = Math.min(now + debounceMillis, sharing.firstCallAt + debounceAtMostMillis)
    } else if (duplicate !== "latest" && startsAt === undefined) return
    if (startsAt !== undefined) sharing.notBefore = Math.max(sharing.notBefore, startsAt)
    details.onPlaced = (now) => this.place(request, identity, now)
  }

  /** It has a place in the queue: it is held there until its time has come. */
  private place(request: PoolRequest, identity: Identity, now: number): void {
    const { admission, deadlines, latestReturn, queue } = this.pool
    const details = request.details!
    const { notBefore } = sharingOf(request)
    details.onPlaced = undefined
    const isEarly = !isDue(notBefore, now)
    const isHeld = this.isHeld(request, identity)
    if (!isEarly && !isHeld) return this.replaceOthers(request, identity)
    queue.withdraw(request, now)
    queue.hold(request)
    if (isHeld) this.holdUntilEnd(request, identity)
    if (!isEarly) return
    if (notBefore >= latestReturn(request)) return admission.interrupt(request, now)
    details.delay = new Deadline((now) => {
      details.delay = undefined
      this.release(request, identity, now)
    })
    deadlines.set(details.delay, now, Math.ceil(notBefore - now - grainMillis))
  }

  private isHeld(request: PoolRequest, identity: Identity): boolean {
    return request.policy.duplicate === "latest" && identity.isAtWork(request)
  }

  private holdUntilEnd(request: PoolRequest, identity: Identity): void {
    identity.held = request
    const check = () => this.check(identity)
    for (const other of identity.atWork(request)) {
      const worker = workerOf(other)
      // Its attempt has ended, and somebody is being asked whether another one follows.
      if (worker === undefined) this.pool.turn.defer(check)
      else if (!identity.watched.has(worker)) {
        identity.watched.add(worker)
        worker.onRelease(() => {
          identity.watched.delete(worker)
          check()
        })
      }
    }
  }

  /** What was at work may have ended. */
  private check(identity: Identity): void {
    const { held } = identity
    if (held === undefined) return
    if (identity.isAtWork(held)) return this.holdUntilEnd(held, identity)
    identity.held = undefined
    if (held.details!.delay === undefined) this.release(held, identity, this.pool.now())
  }

  private release(request: PoolRequest, identity: Identity, now: number): void {
    const { onReturn, queue } = this.pool
    if (request.phase !== "delayed") return
    if (this.isHeld(request, identity)) return this.holdUntilEnd(request, identity)
    this.replaceOthers(request, identity)
    request.elapse(now)
    queue.release(request, now)
    onReturn()
  }

  /** One that has come back from its attempt, to try again, is not the last one any more. */
  private replaceOthers(request: PoolRequest, identity: Identity): void {
    if (request.policy.duplicate !== "latest") return
    this.pool.admission.giveWay(identity.idle(request), request)
  }
}
