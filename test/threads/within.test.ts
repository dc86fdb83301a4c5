/** A module that starts threads of itself when it is imported. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { isolations } from "./observing.ts"

const module = fileURLToPath(new URL("./modules/startsItself.ts", import.meta.url))

describe.each(isolations)("a module that makes a pool of itself, by a %s", (isolation) => {
  it("is refused there, and goes on where it was imported first", { timeout: 60_000 }, async () => {
    const { stderr, stdout } = await promisify(execFile)(process.execPath, [module], {
      env: { ...process.env, ISOLATION: isolation }
    })
    assert.deepStrictEqual(stdout.trim().split("\n").sort(), ["42", "refused: start"])
    assert.include(stderr, "starts threads of itself when it is imported")
  })
})
