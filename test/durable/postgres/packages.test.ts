/** What a store on PostgreSQL says where a package of its is not installed. */
import { describe, expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const store = new URL("../../../src/durable/postgres/store.ts", import.meta.url).href
const effect = import.meta.resolve("effect")

/** As `npm` would leave it: the package cannot be found. */
const without = (name: string) => `
  import { registerHooks } from "node:module"
  registerHooks({ resolve: (specifier, context, next) => {
    if (specifier !== ${JSON.stringify(name)}) return next(specifier, context)
    throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" })
  } })
  const { Effect } = await import(${JSON.stringify(effect)})
  const { make } = await import(${JSON.stringify(store)})
  const options = { url: "postgres://127.0.0.1:1/none", kind: "postgres" }
  const error = await Effect.runPromise(Effect.flip(Effect.scoped(make(options))))
  console.log(JSON.stringify({ reason: error.reason, message: error.message }))`

describe("a store on PostgreSQL", () => {
  it.each(["pg", "pg-boss"])(
    "names the package %s where it is missing",
    async (name) => {
      const flags = ["--conditions=effect-worker-pool-source", "--input-type=module", "--eval", without(name)]
      const { stdout } = await promisify(execFile)(process.execPath, flags)
      const { message, reason } = JSON.parse(stdout)
      expect(reason).toBe("missingPackage")
      expect(message).toContain(`${name}: install it`)
    },
    30_000
  )
})
