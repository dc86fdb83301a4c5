/** What a handler can know of the delivery in which it runs. */
import { Context, Effect } from "effect"
import { Handlers } from "../../index.ts"
import type { Claim } from "../Store.ts"
import type { Entry } from "./held.ts"

/** One handing-over of a stored request to a process. */
export interface Info {
  /** The id of the request, the same in every process: what a handler may do at most once is remembered by it. */
  readonly id: string
  /**
   * How often the request was delivered, this time included. Above 1: an earlier one may have done some of it. At 1 there may still have
   * been attempts before, by the pool's own retries.
   */
  readonly deliveries: number
  /** Whose it is; `""`: nobody's. */
  readonly key: string
}

/**
 * The delivery of the attempt that runs; `undefined`: it is not one of a durable pool.
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as Durable from "effect-worker-pool/Durable"
 *
 * const charge = Effect.gen(function* () {
 *   const delivery = yield* Durable.Delivery
 *   // The same in every attempt and every process: what is charged twice by it is charged once.
 *   return `charged, with the idempotency key ${delivery?.id ?? "of a test"}`
 * })
 *
 * console.log(await Effect.runPromise(charge))
 * // => charged, with the idempotency key of a test
 * ```
 */
export const Delivery: Context.Reference<Info | undefined> = Context.Reference<Info | undefined>(
  "effect-worker-pool/Durable/Delivery",
  { defaultValue: () => undefined }
)

/** Those of a batch, in the order of its payloads; a handler that takes one at a time has `Delivery`. Empty: it is none of a durable pool. */
export const Deliveries: Context.Reference<ReadonlyArray<Info>> = Context.Reference<ReadonlyArray<Info>>(
  "effect-worker-pool/Durable/Deliveries",
  { defaultValue: () => [] }
)

/** The same handlers, each told of its delivery. */
export const withDeliveries = (
  handlers: Handlers.Handlers["Service"],
  find: (id: string) => Entry | undefined
): Handlers.Handlers["Service"] =>
  new Map(
    [...handlers].map(([tag, handler]) => {
      const { batch } = handler
      if (batch !== undefined) {
        const told = (attempt: Effect.Effect<unknown, unknown>, requests: ReadonlyArray<Handlers.Identified>) => {
          const infos = requests.map(({ id }) => infoOf(find(id)?.claim) ?? { id, deliveries: 1, key: "" })
          return Effect.provideService(attempt, Deliveries, infos)
        }
        const batched: Handlers.Handler = {
          ...handler,
          run: (payload, request) => told(handler.run(payload, request), [request]),
          batch: (payloads, requests) => told(batch(payloads, requests), requests)
        }
        return [tag, batched]
      }
      const single: Handlers.Handler = {
        ...handler,
        run: (payload, request) => {
          const info = infoOf(find(request.id)?.claim)
          const attempt = handler.run(payload, request)
          return info === undefined ? attempt : Effect.provideService(attempt, Delivery, info)
        }
      }
      return [tag, single]
    })
  )

const infoOf = (claim: Claim | undefined): Info | undefined =>
  claim && { id: claim.request.id, deliveries: claim.deliveries, key: claim.request.key }
