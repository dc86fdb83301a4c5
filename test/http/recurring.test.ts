/** Calls that recur, as the module of `--handlers` exports them and `GET /pool` shows them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterEach, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

const handlers = fileURLToPath(new URL("recurringHandlers.ts", import.meta.url))

let service: Started | undefined
const start = async (...args: Parameters<typeof startService>) => (service = await startService(...args))
afterEach(async () => {
  await service?.close()
  service = undefined
})

it("recur on the pool of the service, which tells when each ticks next and what became of the last tick", async () => {
  const { ask } = await start({ handlers })
  const look = async () => (await ask("GET", "/pool")).json
  await expect.poll(async () => (await look()).requests.succeeded).toBeGreaterThan(1)
  const { recurring } = await look()
  const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  // The next one first.
  expect(recurring).toEqual([
    { name: "tidy", nextAt: instant, last: { at: instant, result: "asked" } },
    { name: "leap", nextAt: instant, last: null }
  ])
  expect(new Date(recurring[1].nextAt).getTime()).toBeGreaterThan(new Date(recurring[0].nextAt).getTime())
  const { components } = (await ask("GET", "/openapi.json")).json
  expect(Object.keys(components.schemas.Recurring.properties)).toEqual(["name", "nextAt", "last"])
})

it("are not there where nothing recurs", async () => {
  const { ask } = await start()
  expect((await ask("GET", "/pool")).json).not.toHaveProperty("recurring")
})

it("are refused with what is wrong before anything listens", async () => {
  const folder = mkdtempSync(join(tmpdir(), "recurring-"))
  const good = pathToFileURL(handlers).href
  const index = new URL("../../src/index.ts", import.meta.url).href
  const module = (name: string, recurring: string) => {
    const path = join(folder, name)
    writeFileSync(
      path,
      `import { Recurring } from ${JSON.stringify(index)}
export { group, layer } from ${JSON.stringify(good)}
export const recurring = ${recurring}`
    )
    return path
  }
  try {
    await expect(startService({ handlers: module("none.ts", "1") })).rejects.toThrow("`recurring` that is not a Layer")
    const never = `Recurring.layer({ name: "never", cron: "0 0 30 2 *", call: () => {} })`
    await expect(startService({ handlers: module("never.ts", never) })).rejects.toThrow(
      /What recurs in .*never\.ts could not be built: .*`?cron`?/
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
