/** Of very many requests, each with an identity, a key, a group and a breaker of its own, nothing is kept once they have ended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { CircuitBreaker, Limit, RetryBudget } from "../../src/index.ts"
import { keptBy } from "../model/identities.ts"
import { Act, makeWorld } from "../model/world.ts"

const requests = Number(process.env["MEMORY_REQUESTS"] ?? 20_000)
const forgetKeys = 100
const policies = ["join", "reject", "replace", "latest"] as const

const collect = (): number => {
  v8.setFlagsFromString("--expose-gc")
  ;(vm.runInNewContext("gc") as () => void)()
  return process.memoryUsage().heapUsed / 1e6
}

describe("what protects a pool", () => {
  it.effect(
    `keeps nothing of ${requests} requests`,
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const world = yield* makeWorld({
          minWorkers: 4,
          deadLetters: 0,
          forgetKeys,
          limits: [Limit.serial((_, { key }: { readonly key: number }) => String(key), { name: "entity" })],
          breaker: CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration: 100, per: "key" }),
          retryBudget: RetryBudget.make({ ratio: 0.1, minPerSecond: 0 })
        }).pipe(Scope.provide(scope))
        const { core, pool } = world
        let heapMegabytes = 0
        for (let at = 1; at <= requests; at++) {
          const behaviour = at % 8 > 5 ? "fail" : "sync"
          const options = { key: `k${at}`, group: `g${at}`, primaryKey: String(at), duplicate: policies[at % 4] }
          yield* Effect.exit(pool.execute(Act, { key: at, behaviour }, options))
          world.ended.clear()
          if (at === requests / 10) heapMegabytes = collect()
          if (at % 1000 !== 0) continue
          // A breaker that is open is remembered.
          yield* TestClock.adjust("1 second")
          // What is collected is told between two turns.
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        const grown = collect() - heapMegabytes
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        const byId = (core.groups as unknown as { readonly byId: ReadonlyMap<string, unknown> }).byId.size
        // The groups that have ended last are known, and the last keys, of which some have a breaker that was open.
        assert.isAtMost(byId, 5000)
        assert.isAtMost(core.queue.fair!.flows.size, forgetKeys + 1000)
        for (const { gates, limit } of core.queue.fair!.gates.limits.all)
          assert.isAtMost(gates, forgetKeys + 1000, limit.name)
        assert.isBelow(grown, 5, `megabytes more than the ${heapMegabytes} after a tenth of them`)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(keptBy(core), [])
        if (process.env["MEMORY_REQUESTS"] !== undefined)
          process.stdout.write(
            `${requests} requests: ${heapMegabytes.toFixed(1)} MB after a tenth, then ${grown.toFixed(2)} MB more\n`
          )
      }),
    Math.max(30_000, requests / 2)
  )
})
