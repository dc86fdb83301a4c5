/** `npm run cluster`, as it is run: real processes, and one of them killed. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"

const root = join(import.meta.dirname, "../..")

describe("npm run cluster", () => {
  it(
    "starts a store and four processes, replaces one that is killed, and leaves nothing",
    { timeout: 120_000 },
    async () => {
      const args = ["scripts/cluster.ts", "--seconds", "6", "--kill-every", "2", "--rate", "20"]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 110_000 })
      for (const name of ["door-1", "door-2", "worker-1", "worker-2"]) {
        assert.match(stdout, new RegExp(`${name} \\(process \\d+\\): http://127\\.0\\.0\\.1:\\d+`))
      }
      assert.include(stdout, "worker-1 is killed")
      const pids = Array.from(stdout.matchAll(/worker-1 \(process (\d+)\)/g), ([, pid]) => pid)
      assert.isAtLeast(new Set(pids).size, 2)
      const answers = JSON.parse(/answers: (.*)/.exec(stdout)![1]!) as Record<string, number>
      assert.isAbove(answers["200"]!, 0)
      assert.deepStrictEqual(
        Object.keys(answers).filter((status) => status !== "200" && status !== "422"),
        []
      )
      const counts = JSON.parse(/the store: (.*)/.exec(stdout)![1]!) as { readonly requests: Record<string, number> }
      const { stored, waiting, claimed } = counts.requests as Record<"stored" | "waiting" | "claimed", number>
      assert.strictEqual(stored, answers["200"]! + (answers["422"] ?? 0))
      assert.strictEqual(waiting + claimed, 0)
      assert.include(stdout, "all have ended")
      assert.isFalse(existsSync(/a PostgreSQL in (\S+)/.exec(stdout)![1]!))
    }
  )
})
