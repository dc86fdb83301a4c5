/**
 * Requests that an attempt makes of its own pool and waits for. When every worker waits for such a request, none is left to
 * take it: so an attempt that waits lends its slot to what it waits for. The one only waits while the other runs.
 */
import { Context, Exit } from "effect"
import { NestedWaitRefused } from "../PoolError.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Counters } from "./counters.ts"
import type { Crew } from "./crew.ts"
import { Deadline, type Deadlines, isDue } from "./deadlines.ts"
import { Hosting } from "./hosting.ts"
import { CurrentRequest, isLive } from "./origin.ts"
import type { Awaited, Nested, PoolRequest, Waiting } from "./request.ts"
import { caller, withoutStack } from "./runtime.ts"
import { type Worker, workerOf } from "./worker.ts"

/** So deep may requests wait for each other. A handler that calls itself for ever gets here in milliseconds. */
const deepest = 100
/** So many of a chain are named. */
const mostNamed = 12

export interface Dependencies {
  readonly name: string
  readonly counters: Counters
  readonly crew: Crew
  readonly deadlines: Deadlines
  readonly now: () => number
  readonly queue: WaitingRequests
  /** Of each two tags once: the second one's request runs in the slot of the first one's, for want of a free worker. */
  readonly onLent: (tag: string, childTag: string) => void
}

export class Nesting implements Nested {
  private pool!: Dependencies
  /** The workers of this pool whose slots can be lent. */
  private readonly hosts = new Set<Worker>()
  private readonly told = new Set<string>()

  /** Requests know it, and it knows the crew: it is made first and told of the rest here. */
  connect(pool: Dependencies): void {
    this.pool = pool
  }

  /**
   * The attempt of `by`, or else the running fiber, is about to wait for `awaited`, which is of this pool. `undefined`: it is
   * no attempt's, or one's that has ended, and may. An `Exit`: it must not. Otherwise what it does about the wait.
   */
  waitFor(
    awaited: Awaited,
    by: PoolRequest | undefined = currentRequest()
  ): Waiting | Exit.Exit<never, NestedWaitRefused> | undefined {
    if (!isLive(by)) return undefined
    const circle = pathTo(by, awaited)
    if (circle !== undefined) return this.refuse("itself", [by, ...circle])
    const chain = chainOf(by)
    if (chain.length >= deepest) return this.refuse("depth", chain)
    const ofThis = chain.findLast(({ route }) => route.nesting === this)
    const host = ofThis === undefined ? undefined : workerOf(ofThis)
    const waiting = (workerOf(by)!.hosting ??= new Hosting())
    const lending = host === undefined ? undefined : (host.hosting ??= new Hosting())
    return {
      begin: () => {
        waiting.waits.add(awaited)
        if (lending === undefined) return
        lending.lendable.add(awaited)
        if (host!.hosting === lending) this.hosts.add(host!)
      },
      lend: () => {
        if (host?.hosting === lending && host !== undefined) this.lend(host)
      },
      end: () => {
        waiting.waits.remove(awaited)
        if (lending === undefined) return
        lending.lendable.remove(awaited)
        if (host!.hosting === lending && lending.lendable.size === 0) this.hosts.delete(host!)
        if (lending.lendable.size === 0) this.lookAt(lending, Infinity)
      },
      afterReturn: (task) => {
        const borrower = host?.hosting === lending ? host?.borrower : undefined
        if (borrower?.state === "ending") borrower.onRelease(task)
        else task()
      }
    }
  }

  /** Whether a call made within this request would wait for the pool to drain, which waits for the request. */
  refuseDrain(by: PoolRequest | undefined = currentRequest()): Exit.Exit<never, NestedWaitRefused> | undefined {
    if (!isLive(by)) return undefined
    const chain = chainOf(by)
    return chain.some(({ route }) => route.nesting === this) ? this.refuse("drain", chain) : undefined
  }

  /** Whether it comes from within an attempt of this pool. */
  isFromWithin(request: PoolRequest): boolean {
    for (let at = request.details?.parent; at !== undefined; at = at.details?.parent) {
      if (isLive(at) && at.route.nesting === this) return true
    }
    return false
  }

  /** Its attempt is over: it waits for nothing any more. Who runs in its slot all the same has it from now on. */
  leave(worker: Worker): void {
    if (worker.hosting !== undefined) this.lookAt(worker.hosting, Infinity)
    worker.hosting = undefined
    this.hosts.delete(worker)
    const { borrower } = worker
    // One whose own attempt is over is about to go.
    if (borrower !== undefined && (borrower.request ?? borrower.reserved) !== undefined) worker.handOver()
  }

  /** Something may have come to wait, or a worker may have gone: whoever waits looks again. */
  readonly lendAll = (): void => {
    if (this.hosts.size === 0) return
    // Those that are there now: what is lent may end at once, and its host wait again.
    const hosts = [...this.hosts]
    for (const host of hosts) this.lend(host)
  }

  readonly lend = (host: Worker): void => {
    const { counters, crew, now, queue } = this.pool
    if (host.borrower !== undefined || !crew.mayLend || !isLive(host.request)) return
    const idle = crew.size - counters.running - counters.ending - counters.stuck
    let opensAt = Infinity
    for (const awaited of host.hosting?.lendable ?? []) {
      const request = awaited.next()
      // One that a worker is on its way to needs no other.
      if (request === undefined) continue
      const startsAt = request.details?.startsAt
      if (startsAt !== undefined && !isDue(startsAt, now())) {
        opensAt = Math.min(opensAt, startsAt)
        continue
      }
      if (request.phase === "waiting") {
        if (queue.isHeldBack(request, now())) {
          opensAt = Math.min(opensAt, queue.opensAt(request))
          continue
        }
        if (queue.obstacle(request, now()) === undefined && idle >= queue.free) continue
      }
      const pair = `${host.request!.tag} ${request.tag}`
      if (crew.isFull && !this.told.has(pair)) {
        this.told.add(pair)
        this.pool.onLent(host.request!.tag, request.tag)
      }
      return crew.lend(host, request)
    }
    if (host.hosting !== undefined) this.lookAt(host.hosting, opensAt, host)
  }

  /** Its slot is looked at again then: what waits for it may stand where no gate tells of that. `Infinity`: not. */
  private lookAt(hosting: Hosting, at: number, host?: Worker): void {
    const { deadlines, now } = this.pool
    if (at !== Infinity)
      deadlines.set((hosting.opens ??= new Deadline(() => this.lend(host!))), now(), Math.ceil(at - now()))
    else if (hosting.opens !== undefined) deadlines.clear(hosting.opens)
  }

  private refuse(
    reason: NestedWaitRefused["reason"],
    requests: ReadonlyArray<PoolRequest>
  ): Exit.Exit<never, NestedWaitRefused> {
    const names = requests.map(({ id, tag }) => `${tag} (${id})`)
    const chain =
      names.length <= mostNamed
        ? names
        : [...names.slice(0, 4), `${names.length - mostNamed + 1} more`, ...names.slice(5 - mostNamed)]
    return Exit.fail(withoutStack(() => new NestedWaitRefused({ pool: this.pool.name, reason, chain })))
  }
}

/** In whose attempt the running fiber is. */
const currentRequest = (): PoolRequest | undefined => Context.getOrUndefined(caller().context, CurrentRequest)

/** Those that wait for this one, the outermost first, and itself. */
const chainOf = (request: PoolRequest): ReadonlyArray<PoolRequest> => {
  const chain: Array<PoolRequest> = []
  for (let at: PoolRequest | undefined = request; at !== undefined && chain.length < deepest; at = waiterFor(at)) {
    chain.push(at)
  }
  return chain.toReversed()
}

/** The request that has made this one, if its attempt waits for it. */
const waiterFor = (request: PoolRequest): PoolRequest | undefined => {
  const parent = request.details?.parent
  if (!isLive(parent)) return undefined
  for (const awaited of parent.worker!.hosting?.waits ?? []) if (awaited.covers(request)) return parent
  return undefined
}

/** From what is awaited over what that waits for, and so on, to the request. */
const pathTo = (
  request: PoolRequest,
  awaited: Awaited,
  seen = new Set<PoolRequest>()
): ReadonlyArray<PoolRequest> | undefined => {
  if (awaited.covers(request)) return [request]
  for (const one of awaited.waiting()) {
    if (seen.has(one) || seen.size > 10 * deepest) continue
    seen.add(one)
    for (const next of one.worker?.hosting?.waits ?? []) {
      const path = pathTo(request, next, seen)
      if (path !== undefined) return [one, ...path]
    }
  }
  return undefined
}
