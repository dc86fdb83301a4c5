/** An attempt that was sent to a thread which ends before it begins. */
import { assert, describe, it } from "@effect/vitest"
import { createPool } from "../../src/promise/index.ts"
import { isolations } from "./observing.ts"

const module = new URL("./modules/floating.ts", import.meta.url)

describe.each(isolations)("what an attempt leaves behind, isolation %s", (isolation) => {
  it.each(["rejection", "exit"] as const)(
    "hurts none that was sent meanwhile: %s",
    { timeout: 120_000 },
    async (how) => {
      await using pool = createPool<typeof import("./modules/floating.ts")>({
        log: () => {},
        threads: { module, isolation, max: 1, spare: 1 }
      })
      for (let round = 0; round < 5; round++) {
        const left = pool.run.leave(how)
        // Sent as soon as that one has answered: mostly before its thread is gone.
        const innocent = [pool.run.echo(round), pool.run.echo(-round)]
        assert.strictEqual(await left, "fine")
        assert.deepStrictEqual(await Promise.all(innocent), [round, -round])
      }
      const { attempts, failed, succeeded } = pool.snapshot()
      assert.deepStrictEqual({ attempts, failed, succeeded }, { attempts: 15, failed: 0, succeeded: 15 })
    }
  )
})
