/** Advice in a browser, on a real service: asked for, shown, and applied once it is confirmed. */
import type { Locator, Page } from "playwright-core"
import { expect, it } from "vitest"
import { eachWatched, serve, violations } from "./support.ts"

const each = eachWatched()

const watch = async (flags: ReadonlyArray<string>, width?: number): Promise<Page> => {
  each.served = await serve(0, flags)
  return each.watch(width)
}

const eventually = { timeout: 30_000, interval: 100 }
const card = (page: Page): Locator => page.getByRole("region", { name: "Advice" })
const advise = (page: Page) => card(page).getByRole("button", { name: "Advise" }).click()
const inForce = async () =>
  (await (await fetch(`${each.served.address}/pool`)).json()) as { policy: string; bounds: object }

it("is not there unless it was asked for", async () => {
  const page = await watch([])
  await page.getByText("No request is running.").waitFor()
  expect(await card(page).count()).toBe(0)
})

/** The next ones come once those before have ended. */
const load = async (requests: number) => {
  const send = () =>
    fetch(`${each.served.address}/requests/Work`, {
      method: "POST",
      headers: { "content-type": "application/json", prefer: "wait=20" },
      body: JSON.stringify({ millis: 50 })
    })
  for (let n = 0; n < requests; n += 20) await Promise.all(Array.from({ length: 20 }, send))
}

it("tells what settings came to, and applies them when it is told to", async () => {
  each.served = await serve(0, ["--advice", "--advice-after", "1ms", "--advice-target", "p99(wait) <= 2s"])
  await each.changeBounds({ minWorkers: 10 })
  await load(400)
  const page = await each.watch()
  await advise(page)
  const rows = card(page).locator("tbody tr")
  await expect.poll(() => rows.count(), eventually).toBe(4)
  const cells = (n: number) => rows.nth(n).locator("th, td").allInnerTexts()
  const number = expect.stringMatching(/^[\d,.]+$/)
  const time = expect.stringMatching(/ m?s$/)
  expect(await cells(0)).toEqual(["What really was", "", "", number, number, time, "0 %", "yes"])
  const today = await cells(1)
  expect(today).toEqual([
    "Settings of today, simulated",
    "queueLength:2",
    "10 to 12",
    number,
    number,
    time,
    "0 %",
    "yes"
  ])
  const [, policy, bounds, average] = await cells(2)
  expect(Number(average)).toBeLessThan(Number(today[3]))
  await card(page).getByText("All of it, as a file for a restart").click()
  expect(await card(page).locator("pre").innerText()).toContain(`policy: "`)
  expect(await violations(page)).toEqual([])

  // Nobody has changed anything yet; and who thinks better of it changes nothing.
  await card(page).getByRole("button", { name: "Apply…" }).click()
  await page.getByRole("button", { name: "Leave it" }).click()
  expect((await inForce()).policy).toBe("queueLength:2")
  await card(page).getByRole("button", { name: "Apply…" }).click()
  await page.getByRole("button", { name: "Apply", exact: true }).click()
  await card(page).getByRole("button", { name: "Applied" }).waitFor()
  const now = await inForce()
  const [minWorkers, maxWorkers] = bounds!.replaceAll(",", "").split(" to ").map(Number)
  expect([now.policy, now.bounds]).toEqual([policy, { minWorkers, maxWorkers }])
})

it("says what is missing, and fits a narrow page", async () => {
  const page = await watch(["--advice", "--advice-after", "1ms"], 380)
  await advise(page)
  await card(page).getByText("200 more requests are needed").waitFor()
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(380)
})
