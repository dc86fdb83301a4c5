/**
 * Calls of the same identity, which is a tag and a primary key: what a second one is to the first. Each of them has a share of a
 * request; one that joins has a share of what is there. Of an identity without a request nothing is kept, and a call whose policy is
 * `"allow"` does not come here.
 */
import { Effect, Exit } from "effect"
import { DuplicateRequest, type SubmitError } from "../../PoolError.ts"
import type { Admission } from "../admission.ts"
import type { Counters } from "../counters.ts"
import type { Events } from "../events.ts"
import { cancelledExit } from "../exits.ts"
import { attemptGoesOn, Identity } from "./identity.ts"
import type { Latest } from "./latest.ts"
import { isLive } from "../origin.ts"
import { countRefused } from "../refused.ts"
import { type Canceller, Details, PoolRequest, type Route } from "../request.ts"
import { type Turn, withoutStack } from "../runtime.ts"
import { Share } from "./share.ts"
import { Sharing, sharingOf } from "./sharing.ts"
import { workerOf } from "../worker.ts"

export interface Dependencies {
  readonly now: () => number
  readonly admission: Admission
  readonly counters: Counters
  readonly events: Events
  readonly latest: Latest
  readonly turn: Turn
}

type Refused = Exit.Exit<never, SubmitError>

export class Identities implements Canceller {
  private readonly pool: Dependencies
  private readonly byKey = new Map<string, Identity>()
  private readonly routes = new Map<Route, Route>()

  constructor(pool: Dependencies) {
    this.pool = pool
  }

  /** Identities that have a request, or an attempt that goes on. */
  get size(): number {
    return this.byKey.size
  }

  /**
   * What a call gets in place of its request: a share of what is there, or of the one that `make` gives. `owner`: whose primary keys
   * those are. What it is a share of is looked at again when it is let in: that may have ended, or another one come.
   */
  share(
    route: Route,
    payload: unknown,
    details: Details | undefined,
    primaryKey: string,
    owner: string | undefined,
    make: () => PoolRequest | Refused
  ): Share | Refused {
    const key = keyOf(route.tag, primaryKey, owner)
    const makeOwn = () => {
      const own = make()
      if (!(own instanceof PoolRequest)) return own
      const details = (own.details ??= new Details())
      details.primaryKey = primaryKey
      details.sharing = new Sharing(key)
      return own
    }
    const joins = (details?.policy ?? route.policy).duplicate === "join"
    const of = (joins ? this.byKey.get(key)?.newest : undefined) ?? makeOwn()
    if (!(of instanceof PoolRequest)) return of
    const share = new Share(of, this.routeOf(route), payload, details?.parent, this.pool.now(), this)
    share.details!.onEnter = joins ? () => this.enterOrJoin(share, key, makeOwn) : this.enterNew
    return share
  }

  /** Those that must have ended before this one starts. */
  *before(request: PoolRequest): Iterable<PoolRequest> {
    if (request.policy.duplicate !== "latest" || request.phase === "running" || request.phase === "ended") return
    const identity = this.byKey.get(sharingOf(request).key)
    if (identity !== undefined) yield* identity.atWork(request)
  }

  /** Of several the one that calls goes away, and the request goes on. */
  cancel(request: PoolRequest): "withdrawn" | "interrupting" | "settled" {
    const share = request as Share
    const { of } = share
    if (share.phase === "ended") return "settled"
    const sharing = sharingOf(of)
    if (sharing.size < 2) return this.pool.admission.cancel(of)
    sharing.delete(share)
    share.detach(cancelledExit(share), this.pool.now())
    this.pool.turn.tell(share)
    return "withdrawn"
  }

  cancelAndWait(request: PoolRequest): Effect.Effect<void> {
    return Effect.suspend(() => {
      const share = request as Share
      const isLast = share.phase !== "ended" && sharingOf(share.of).size < 2
      // One that has ended with its request may still wait for the finalizers.
      if (isLast || (share.phase === "ended" && !share.isDetached)) return this.pool.admission.cancelAndWait(share.of)
      this.cancel(share)
      return Effect.void
    })
  }

  setPriority(request: PoolRequest, priority: number): boolean {
    return request.phase !== "ended" && this.pool.admission.setPriority((request as Share).of, priority)
  }

  private enterOrJoin(share: Share, key: string, makeOwn: () => PoolRequest | Refused): Refused | undefined {
    const there = this.byKey.get(key)?.newest
    if (there !== undefined) return this.join(share, there)
    if (share.of.phase === "ended") {
      const own = makeOwn()
      if (!(own instanceof PoolRequest)) return own
      share.of = own
    }
    return this.enterNew(share)
  }

  /** The options of the first one hold: this one only waits. */
  private join(share: Share, of: PoolRequest): Refused | undefined {
    const { admission, counters } = this.pool
    const away = admission.refuseDraining(share)
    if (away !== undefined) return away
    counters.joined++
    this.pool.events.recorder?.unaccepted(share, "joined", share.since)
    share.of = of
    adopt(of, share.details!.parent)
    sharingOf(of).add(share, of)
    return undefined
  }

  private readonly enterNew = (request: PoolRequest): Refused | undefined => {
    const share = request as Share
    const { of } = share
    const { admission, latest, now, turn } = this.pool
    const sharing = sharingOf(of)
    const known = this.byKey.get(sharing.key)
    const earlier = known?.newest
    const { duplicate } = of.policy
    const refusal =
      admission.turnAway(of) ?? (duplicate === "reject" && earlier !== undefined ? this.reject(of, earlier) : undefined)
    if (refusal !== undefined) return refusal
    const identity = known ?? new Identity()
    this.byKey.set(sharing.key, identity)
    const before = duplicate === "replace" || duplicate === "latest" ? identity.idle(of) : []
    // They give way: to whoever comes meanwhile they are not there.
    for (const gone of before) {
      identity.requests.delete(gone)
      if (identity.held === gone) identity.held = undefined
    }
    identity.requests.add(of)
    sharing.add(share, of)
    of.observe(() => this.onEnded(identity, of))
    of.keepAsyncContext()
    latest.plan(of, identity, before)
    if (before.length > 0) admission.enterInPlaceOf(before, of)
    else {
      const refused = admission.enter(of)
      if (refused !== undefined) {
        this.forget(identity, of)
        return refused
      }
    }
    if (share.phase === "ended") return undefined
    sharing.add(share, of)
    if (of.phase === "blocked") {
      of.details!.onAccepted = () => {
        of.details!.onAccepted = undefined
        sharing.onAccepted(now(), turn)
      }
    }
    return undefined
  }

  private reject(request: PoolRequest, { id, tag }: PoolRequest): Refused {
    const primaryKey = request.details!.primaryKey!
    countRefused(this.pool, request, "refusedDuplicate")
    request.route.counts.needless++
    return Exit.fail(withoutStack(() => new DuplicateRequest({ tag, id, primaryKey })))
  }

  private onEnded(identity: Identity, request: PoolRequest): void {
    if (attemptGoesOn(request)) workerOf(request)!.onRelease(() => this.forget(identity, request))
    else this.forget(identity, request)
    sharingOf(request).onEnded(request, this.pool.turn)
  }

  private forget(identity: Identity, request: PoolRequest): void {
    const { key } = sharingOf(request)
    identity.requests.delete(request)
    if (identity.held === request) identity.held = undefined
    if (identity.requests.size === 0 && this.byKey.get(key) === identity) this.byKey.delete(key)
  }

  /** The same way, but that who has gone there is asked here. */
  private routeOf(route: Route): Route {
    let shared = this.routes.get(route)
    if (shared === undefined) this.routes.set(route, (shared = { ...route, canceller: this }))
    return shared
  }
}

/** The lengths go before: whatever is in them, two that differ give two texts. */
const keyOf = (tag: string, primaryKey: string, owner: string | undefined): string =>
  `${tag.length}:${tag}${owner === undefined ? "" : `${owner.length}:${owner}`}:${primaryKey}`

/** It is asked for within an attempt now, if it has not been before: slots and gates of that one are for it as well. */
const adopt = (request: PoolRequest, parent: PoolRequest | undefined): void => {
  const details = request.details!
  if (parent === undefined || isLive(details.parent)) return
  for (let at: PoolRequest | undefined = parent; at !== undefined; at = at.details?.parent) if (at === request) return
  details.parent = parent
}
