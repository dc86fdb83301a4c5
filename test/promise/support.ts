/** Pools of promises that a test opens: after each, their books are looked at and they are closed. */
import { afterEach, expect } from "vitest"
import { PoolSnapshot } from "../../src/index.ts"
import { createPool, type Options, type Pool } from "../../src/promise/index.ts"

const pools: Array<Pool<any>> = []

afterEach(async () => {
  for (const pool of pools.splice(0)) {
    expect(PoolSnapshot.lawViolations(pool.snapshot())).toEqual([])
    await pool.drain({ deadline: 0 })
  }
})

export const keep = (pool: Pool<any>): void => void pools.push(pool)

/** With as many workers as it is told, and no scaler. */
export const open = (options: Options = {}): Pool => {
  const pool = createPool({ scaling: "none", ...options })
  keep(pool)
  return pool
}

export const failure = (call: Promise<unknown>): Promise<any> =>
  call.then(
    (value) => expect.fail(`expected a failure, got ${String(value)}`),
    (error) => error
  )

export const gate = () => Promise.withResolvers<void>()

/** What needs no time has happened. */
export const turn = () => new Promise(setImmediate)
