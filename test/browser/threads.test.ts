/** Threads in a browser, on a real service: what they do, and what became of those that had to go. */
import type { Locator, Page } from "playwright-core"
import { expect, it } from "vitest"
import { eachWatched, serve, violations } from "./support.ts"

const each = eachWatched()
const { changeBounds, submit } = each

const watch = async (width?: number): Promise<Page> => {
  each.served = await serve(0, [], {}, new URL("../threads/modules/riskyService.ts", import.meta.url))
  const page = await each.watch(width)
  await changeBounds({ minWorkers: 4 })
  return page
}

const cancel = (id: string) => fetch(`${each.served.address}/requests/${id}`, { method: "DELETE" })

const eventually = { timeout: 20_000, interval: 100 }
const threads = (page: Page): Locator => page.getByRole("region", { name: "Threads" })
const figures = async (page: Page): Promise<Record<string, string>> => {
  const names = await threads(page).locator("dt").allInnerTexts()
  const values = await threads(page).locator("dd b").allInnerTexts()
  return Object.fromEntries(names.map((name, at) => [name, values[at]!]))
}
const rows = async (page: Page): Promise<ReadonlyArray<ReadonlyArray<string>>> =>
  (await threads(page).locator("tbody tr").allInnerTexts()).map((row) => row.split("\t").slice(1))

it("tells what they do, and which were killed, with what ran there", async () => {
  const page = await watch()
  await threads(page).getByText("None was killed, has crashed or got stuck").waitFor()
  await threads(page)
    .getByText(/^2 started so far, the last one in [\d.]+ m?s$/)
    .waitFor()
  const none = {
    Busy: "0",
    Idle: "0",
    Starting: "0",
    Dying: "0",
    Stuck: "0",
    "Killed so far": "0",
    "Crashed so far": "0"
  }
  await expect.poll(() => figures(page), eventually).toEqual({ ...none, Idle: "2" })
  const spin = await submit("Spin")
  await submit("Wait")
  await expect.poll(() => figures(page), eventually).toEqual({ ...none, Busy: "2" })
  expect(await threads(page).locator(".squares .running").count()).toBe(2)
  const gate = page.getByRole("region", { name: "Limits and pauses" }).getByRole("row", { name: /^threads/ })
  expect(await gate.locator("td").first().innerText()).toBe("2 of 2 ready threads")
  expect(await gate.getByRole("textbox").count()).toBe(0)
  await cancel(spin)
  await expect.poll(() => figures(page), eventually).toEqual({ ...none, Idle: "1", Busy: "1", "Killed so far": "1" })
  // Where the machine is slow, it is stuck for a moment.
  await expect
    .poll(() => rows(page), eventually)
    .toContainEqual([expect.stringMatching(/^[12]$/), "Spin", expect.stringMatching(/^was killed ?$/)])
})

it("tells which have crashed, as text, and which are stuck", async () => {
  const page = await watch()
  await threads(page).getByText("None was killed").waitFor()
  await submit("Crash", { message: `<img src=x onerror="document.title='owned'"> \u202egnp.exe` })
  await expect
    .poll(() => rows(page), eventually)
    .toEqual([
      [
        expect.stringMatching(/^[12]$/),
        "Crash",
        `has crashed uncaught: <img src=x onerror="document.title='owned'"> \\u{202e}gnp.exe`
      ]
    ])
  expect(await threads(page).locator("img").count()).toBe(0)
  const native = await submit("Native", { seconds: 10 })
  await expect.poll(() => figures(page), eventually).toMatchObject({ Busy: "1" })
  await cancel(native)
  await expect.poll(() => figures(page), eventually).toMatchObject({ Stuck: "1", Dying: "0", "Crashed so far": "1" })
  await expect
    .poll(async () => (await rows(page)).map(([, type, what]) => [type, what!.trim()]).slice(0, 2), eventually)
    .toEqual([
      ["Native", "was killed, and does not end"],
      ["Native", "was killed"]
    ])
})

it.for(["light", "dark"] as const)(
  "has no violation that axe would find, when it is %s, and fits 390 pixels",
  async (colorScheme) => {
    const page = await watch(390)
    await page.emulateMedia({ colorScheme })
    await threads(page).getByText("None was killed").waitFor()
    await submit("Crash", { message: "long".repeat(100) })
    await threads(page)
      .getByRole("row", { name: /has crashed/ })
      .waitFor()
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390)
    expect(await violations(page)).toEqual([])
  }
)
