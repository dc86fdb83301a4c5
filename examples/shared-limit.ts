/**
 * Two pools that call one vendor, which allows 10 calls in 100 ms to both together: as two processes would, by way of a Redis that
 * `REDIS_URL` names, or else of this process's memory. Run it: `npm run example examples/shared-limit.ts`.
 */
import { NodeRedis } from "@effect/platform-node"
import { Clock, Effect, Layer, Schema } from "effect"
import { RateLimiter } from "effect/persistence"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers } from "effect-worker-pool"
import * as SharedLimit from "effect-worker-pool/SharedLimit"

const Ask = Rpc.make("Ask", { payload: { n: Schema.Number } })
class Vendor extends RpcGroup.make(Ask) {}

/** When the vendor was called. */
const calls: Array<number> = []
const handlers = Handlers.layer(Vendor).pipe(
  Layer.provide(Vendor.toLayer({ Ask: () => Effect.map(Clock.currentTimeMillis, (now) => void calls.push(now)) }))
)

const url = process.env["REDIS_URL"]
const store =
  url === undefined
    ? RateLimiter.layerStoreMemory
    : // What cannot be sent now fails at once, in place of being sent later, when nobody waits for it.
      RateLimiter.layerStoreRedis().pipe(Layer.provide(NodeRedis.layer({ url, disableOfflineQueue: true })))

const makePool = Effect.fnUntraced(function* (name: string) {
  // A lease of one at a time: whatever is left over in one process is missing in the others.
  const vendor = yield* SharedLimit.make({ name: "vendor", limit: 10, window: "100 millis" })
  const { pool } = yield* ElasticPool.make({ name, minWorkers: 4, scaling: "none", limits: [vendor] })
  return pool
})

const program = Effect.gen(function* () {
  const pools = yield* Effect.forEach(["here", "there"], makePool)
  const all = Array.from({ length: 30 }, (_, n) => n)
  yield* Effect.forEach(
    pools,
    ({ execute }) => Effect.forEach(all, (n) => execute(Ask, { n }), { concurrency: "unbounded" }),
    { concurrency: "unbounded" }
  )
  // What the store allows in that time, and one that each pool has in hand, is no more than that.
  const took = calls.at(-1)! - calls[0]!
  console.log(`${calls.length} calls took half a second: ${took > 450}`)
  for (const { snapshot } of pools) {
    const { limits } = yield* snapshot
    console.log(limits["vendor"]!.started)
  }
})

await Effect.runPromise(
  program.pipe(Effect.scoped, Effect.provide(Layer.merge(handlers, RateLimiter.layer.pipe(Layer.provide(store)))))
)

// => 60 calls took half a second: true
// => 30
// => 30
