/** A limit that processes share by way of a Redis of the system's: time is real here, and the store is not ours. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Layer, Logger } from "effect"
import { NodeRedis } from "@effect/platform-node"
import { RateLimiter } from "effect/persistence"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { ElasticPool, Handlers, type PoolConfig, WorkerPool } from "../../src/index.ts"
import * as SharedLimit from "../../src/SharedLimit.ts"
import { isThere, RedisServer } from "./server.ts"

const limit = 100
const lease = 10

const program = fileURLToPath(new URL("process.ts", import.meta.url))

/** One that is ready. It begins when it is told, and answers with its starts. */
const processOf = async (path: string, algorithm: string, seconds: number) => {
  const args = ["--conditions=effect-worker-pool-source", program, path, algorithm, `${seconds}`]
  const child = spawn(process.execPath, args, { timeout: 30_000, stdio: ["pipe", "pipe", "inherit"] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe("ready")
  return async (): Promise<ReadonlyArray<number>> => {
    child.stdin.write("begin")
    return JSON.parse((await lines.next()).value!)
  }
}

/** The most that started in any window of so many milliseconds. */
const mostIn = (starts: ReadonlyArray<number>, millis: number): number => {
  let most = 0
  for (let first = 0, last = 0; last < starts.length; last++) {
    while (starts[last]! - starts[first]! > millis) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

describe.skipIf(!isThere)("a limit that processes share by way of Redis", () => {
  const server = new RedisServer()
  beforeAll(() => server.start())
  afterAll(() => server.remove())

  const store = Layer.suspend(() =>
    RateLimiter.layer.pipe(
      Layer.provide(RateLimiter.layerStoreRedis()),
      Layer.provide(NodeRedis.layer({ socket: { path: server.path, tls: false }, disableOfflineQueue: true })),
      Layer.provide(Logger.layer([]))
    )
  )
  /** A pool of its own, as in another process. */
  const makePool = (options: SharedLimit.Options, pool: Partial<PoolConfig.Options> = {}) =>
    Effect.gen(function* () {
      const shared = yield* SharedLimit.make(options)
      const made = yield* ElasticPool.make({ ...pool, scaling: "none", minWorkers: 8, limits: [shared] })
      return made.pool
    }).pipe(Effect.provide(Handlers.layer()))
  /** When what the pool is given starts: as much of it as may. */
  const keepStarting = (pool: WorkerPool.WorkerPool["Service"], count: number, key?: string) =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const note = Effect.map(Clock.currentTimeMillis, (now) => void starts.push(now))
      const all = Effect.forEach(Array.from({ length: count }), () => pool.run(note, { key }), {
        concurrency: "unbounded"
      })
      yield* Effect.forkScoped(Effect.ignore(all))
      return starts
    })

  it("two processes start together what it allows, whichever way it counts", async () => {
    const measured = ["fixed-window", "token-bucket"].map(async (algorithm) => {
      const ready = await Promise.all([1, 2].map(() => processOf(server.path, algorithm, 2.5)))
      const [one, two] = await Promise.all(ready.map((begin) => begin()))
      const all = [...one!, ...two!].sort((a, b) => a - b)
      const lasted = all.at(-1)! - all[0]!
      for (const millis of [100, 500, 1000, 2000, lasted])
        expect(mostIn(all, millis), `${millis} ms`).toBeLessThanOrEqual(limit + (limit * millis) / 1000 + 2 * lease)
      // The first window's at once, and from then on as many each second.
      const most = limit * Math.floor(lasted / 1000 + 1)
      expect(all.length, `of ${most} in ${lasted} ms`).toBeGreaterThanOrEqual(0.9 * most)
      // How much of it is whose is chance: whoever asks first. But neither is left out.
      for (const starts of [one!, two!]) expect(starts.length).toBeGreaterThanOrEqual(lease)
    })
    await Promise.all(measured)
  })

  it.live("nothing starts while it is away, and goes on once it is back", () =>
    Effect.gen(function* () {
      const pool = yield* makePool({ name: "away", limit, window: "1 second", lease })
      const starts = yield* keepStarting(pool, 600)
      yield* Effect.sleep(300)
      yield* Effect.promise(() => server.stop())
      yield* Effect.sleep(100)
      const before = starts.length
      expect(before).toBeGreaterThanOrEqual(limit)
      yield* Effect.sleep(1200)
      expect(starts.length).toBe(before)
      expect(yield* pool.snapshot).toMatchObject({ heldBack: 600 - before, running: 0 })
      yield* Effect.promise(() => server.start())
      while (starts.length < before + limit) yield* Effect.sleep(20)
      expect(mostIn(starts, 1000)).toBeLessThanOrEqual(2 * limit + lease)
    }).pipe(Effect.provide(Layer.merge(store, Logger.layer([]))), Effect.scoped)
  )

  it.live("each key has its own, whichever pool starts it", () =>
    Effect.gen(function* () {
      const options = { name: "keys", limit: 20, window: "1 second", per: "key" } as const
      const pools = [yield* makePool(options), yield* makePool(options)]
      const starts = { a: [] as Array<ReadonlyArray<number>>, b: [] as Array<ReadonlyArray<number>> }
      for (const pool of pools)
        for (const key of ["a", "b"] as const) starts[key].push(yield* keepStarting(pool, 100, key))
      yield* Effect.sleep(1500)
      for (const key of ["a", "b"] as const) {
        const all = starts[key].flat().sort((a, b) => a - b)
        expect(all.length).toBeGreaterThanOrEqual(36)
        expect(all.length).toBeLessThanOrEqual(40)
        expect(mostIn(all, 900)).toBeLessThanOrEqual(20 + 18 + 4)
      }
    }).pipe(Effect.provide([store, Logger.layer([])]), Effect.scoped)
  )
})
