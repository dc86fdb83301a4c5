/** `npm run serve` leaves nothing behind, however npm ends. */
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { Program } from "./fixtures/program.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

it.for(["SIGTERM", "SIGKILL"] as const)("npm run serve ends with npm, which got %s", async (signal) => {
  const program = new Program("npm", ["--prefix", root, "run", "serve", "--", "--port", "0"])
  await program.until("address", () => /listening on \S+\n/.test(program.stdout))
  const url = /listening on (\S+)/.exec(program.stdout)![1]!
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
  program.child.kill(signal)
  // Until the last process has closed its outputs.
  await program.ended
  expect(program.stderr).toContain("SIGTERM: no new requests")
  await expect(fetch(url)).rejects.toThrow()
})
