/**
 * Where requests wait: it alone decides which are let in and in which order they run.
 *
 * It holds `waiting` requests, `delayed` ones between two attempts, and `blocked` callers that wait for a place. Each
 * step is synchronous. Nothing here ends a request: what has to be ended is handed back.
 */
import { Context, Effect, Layer } from "effect"
import type { Counters } from "./internal/counters.ts"
import type { PoolRequest } from "./internal/request.ts"
import { Ring } from "./internal/ring.ts"
import { PoolConfig, type Strategy } from "./PoolConfig.ts"

/** What became of an offer; a request: accepted, and that one gave way to it. @internal */
export type Offered = "accepted" | "blocked" | "full" | PoolRequest

/** What makes the queue of a pool. A pool is built with the one that is in its context. */
export class RequestQueue extends Context.Service<
  RequestQueue,
  {
    /** A queue of its own for one pool, which counts into that pool's counters. */
    readonly make: (counters: Counters) => WaitingRequests
  }
>()("effect-worker-pool/RequestQueue") {}

/** First in, first out, with the capacity and the strategy of `PoolConfig`. */
export const layer: Layer.Layer<RequestQueue, never, PoolConfig> = Layer.effect(
  RequestQueue,
  Effect.map(PoolConfig, ({ capacity, strategy }) => ({
    make: (counters) => new WaitingRequests(capacity, strategy, counters)
  }))
)

/** The queue of one pool. Its requests are those of the inside: it is for the pool alone. @internal */
export class WaitingRequests {
  readonly capacity: number
  private readonly strategy: Strategy
  private readonly counters: Counters
  private readonly ring = new Ring<PoolRequest>()
  private readonly blockedCallers = new Ring<PoolRequest>()
  private readonly delayedRequests = new Set<PoolRequest>()

  constructor(capacity: number, strategy: Strategy, counters: Counters) {
    this.capacity = capacity
    this.strategy = strategy
    this.counters = counters
  }

  get waiting(): number {
    return this.ring.size
  }

  get delayed(): number {
    return this.delayedRequests.size
  }

  get blocked(): number {
    return this.blockedCallers.size
  }

  /** `"full"`: refused and counted so. A request in answer: that one was taken out to make room and has to be ended. */
  offer(request: PoolRequest): Offered {
    this.counters.offered++
    // A place that has just come free belongs to whoever is blocked already.
    if (this.hasRoom && this.blockedCallers.size === 0) {
      this.accept(request)
      return "accepted"
    }
    switch (this.strategy) {
      case "suspend":
        request.phase = "blocked"
        this.blockedCallers.push(request)
        return "blocked"
      case "dropping":
        this.counters.refusedFull++
        return "full"
      case "sliding": {
        const oldest = this.takeOldest()
        this.accept(request)
        return oldest
      }
    }
  }

  /** The next to run. Its place is free at once: see `admit`. */
  take(): PoolRequest | undefined {
    return this.ring.shift()
  }

  /** Lets in the caller that has been blocked for longest, if there is room. */
  admit(): PoolRequest | undefined {
    if (this.blockedCallers.size === 0 || !this.hasRoom) return undefined
    const request = this.blockedCallers.shift()!
    this.accept(request)
    return request
  }

  /** Lets in this blocked caller, whoever came before it and whether there is room: its request is about to be taken. */
  admitAtOnce(request: PoolRequest): void {
    this.blockedCallers.remove(request)
    this.accept(request)
  }

  /** Keeps the place of a request between two attempts. */
  hold(request: PoolRequest): void {
    request.phase = "delayed"
    this.delayedRequests.add(request)
  }

  /** Puts a held request behind those that wait. It is never refused: its place was kept. */
  release(request: PoolRequest): void {
    this.delayedRequests.delete(request)
    request.phase = "waiting"
    this.ring.push(request)
  }

  /** Takes a request out of its place, whichever that is. */
  withdraw(request: PoolRequest): void {
    if (request.phase === "waiting") this.ring.remove(request)
    else if (request.phase === "delayed") this.delayedRequests.delete(request)
    else if (request.phase === "blocked") this.blockedCallers.remove(request)
  }

  /** Everything in one of the places, oldest first. */
  all(phase: "blocked" | "waiting" | "delayed"): ReadonlyArray<PoolRequest> {
    return [...(phase === "blocked" ? this.blockedCallers : phase === "waiting" ? this.ring : this.delayedRequests)]
  }

  get hasRoom(): boolean {
    return this.ring.size + this.delayedRequests.size < this.capacity
  }

  private accept(request: PoolRequest): void {
    this.counters.accepted++
    request.phase = "waiting"
    this.ring.push(request)
  }

  /** A full queue in which nothing waits is full of delayed requests: then the one delayed for longest gives way. */
  private takeOldest(): PoolRequest {
    const waiting = this.ring.shift()
    if (waiting !== undefined) return waiting
    const delayed = this.delayedRequests.values().next().value!
    this.delayedRequests.delete(delayed)
    return delayed
  }
}
