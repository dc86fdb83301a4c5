/**
 * Where requests wait: it alone decides which are let in and in which order they run.
 *
 * It holds `waiting` requests, `delayed` ones, and callers `blocked` at its door. Each step is synchronous, and ends no request: that is handed back.
 */
import { Context, Effect, Layer } from "effect"
import type { Discipline } from "./Discipline.ts"
import type { Counters } from "./internal/counters.ts"
import { PoolConfig } from "./PoolConfig.ts"
import type { Alarm } from "./queue/parking.ts"
import { WaitingRequests } from "./queue/waiting.ts"

export type { Offered, WaitingRequests } from "./queue/waiting.ts"

/** What makes the queue of a pool. A pool is built with the one that is in its context. */
export class RequestQueue extends Context.Service<
  RequestQueue,
  {
    /**
     * A queue of its own for one pool, which counts into that pool's counters, and is told when a gate opens by that pool's alarm.
     * `discipline`: that of `PoolConfig`, with what the pool's handlers ask for.
     */
    readonly make: (counters: Counters, alarm: Alarm, discipline: Discipline) => WaitingRequests
  }
>()("effect-worker-pool/RequestQueue") {}

/** By the keys, priorities and limits of `PoolConfig`, with its capacity and strategy. Without any: first in, first out. */
export const layer: Layer.Layer<RequestQueue, never, PoolConfig> = Layer.effect(
  RequestQueue,
  Effect.map(PoolConfig, (config) => ({
    make: (counters, alarm, discipline) => new WaitingRequests({ ...config, discipline }, counters, alarm)
  }))
)
