/**
 * What a limit that others share costs a request: how many requests a second a pool works off behind one, behind a rate of its own,
 * and behind nothing, in turns. Run: `npm run sharing:rate`.
 */
import { Clock, Effect, Exit, Layer, Schema, Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, Limit } from "../../src/index.ts"
import * as SharedLimit from "../../src/SharedLimit.ts"

const requests = 20_000
const rounds = 11
/** More than can be used, so that neither holds anything up. */
const limit = 1_000_000

const Work = Rpc.make("Work", { payload: { n: Schema.Number } })
const Works = RpcGroup.make(Work)
const handlers = Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: () => Effect.void })))
const store = RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))

const poolOf = (name: string, limits: ReadonlyArray<Limit.Limit>) =>
  ElasticPool.make({ name, scaling: "none", minWorkers: 64, limits, capacity: "unbounded" })

/** Requests a second of one round. */
const round = ({ pool: { execute } }: Effect.Success<ReturnType<typeof poolOf>>) =>
  Effect.gen(function* () {
    const before = yield* Clock.monotonicTimeNanos
    yield* Effect.forEach(
      Array.from({ length: requests }, (_, n) => n),
      (n) => execute(Work, { n }),
      {
        concurrency: 1000,
        discard: true
      }
    )
    return (requests * 1e9) / Number((yield* Clock.monotonicTimeNanos) - before)
  })

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const program = Effect.gen(function* () {
  const shared = yield* SharedLimit.make({ name: "shared", limit, window: "1 second", lease: 10_000 })
  const own = Limit.make({ name: "own", rate: { limit, period: "1 second" } })
  const pools = [
    ["nothing", yield* poolOf("nothing", [])],
    ["its own rate", yield* poolOf("own", [own])],
    ["a shared limit", yield* poolOf("shared", [shared])]
  ] as const
  const rates = new Map(pools.map(([name]) => [name, [] as Array<number>]))
  for (let at = 0; at < rounds; at++) for (const [name, pool] of pools) rates.get(name)!.push(yield* round(pool))
  for (const [name, found] of rates) {
    const ratios = found.map((rate, at) => rate / rates.get("its own rate")![at]!)
    console.log(
      `behind ${name.padEnd(14)} ${Math.round(median(found)).toLocaleString("en").padStart(9)} a second, ${median(ratios).toFixed(2)} of its own rate`
    )
  }
})

const scope = Scope.makeUnsafe()
await Effect.runPromise(program.pipe(Effect.provide(Layer.merge(handlers, store)), Scope.provide(scope)))
await Effect.runPromise(Scope.close(scope, Exit.void))
