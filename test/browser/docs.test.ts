/** The documentation at `/docs` in a browser: it works, complains of nothing, and axe finds no violation in it. */
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { launch, open, type Served, serve, violations } from "./support.ts"

let browser: Browser
let served: Served
beforeAll(async () => {
  served = await serve()
  browser = await launch()
})
afterAll(async () => {
  await browser.close()
  await served.stop()
})

it("has no violation, closed or opened, and nothing in the console", async () => {
  const { complaints, page } = await open(browser, `${served.address}/docs`)
  const failed: Array<string> = []
  page.on("response", (response) => response.status() >= 400 && failed.push(response.url()))
  await page.reload()
  const operations = page.locator(".opblock-summary-control")
  await page.getByRole("button", { name: "GET /pool", exact: false }).first().waitFor()
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toContain("effect-worker-pool")
  expect(await violations(page)).toEqual([])
  const count = await operations.count()
  expect(count).toBeGreaterThan(12)
  for (let at = 0; at < count; at++) await operations.nth(at).click()
  await expect.poll(() => page.locator(".opblock.is-open").count()).toBe(count)
  expect(await violations(page)).toEqual([])
  expect([complaints, failed]).toEqual([[], []])
  await page.close()
})

it("tries a route out", async () => {
  const { page } = await open(browser, `${served.address}/docs`)
  const live = page.locator(".opblock", { has: page.getByText("/health/live") })
  await live.locator(".opblock-summary-control").click()
  await live.getByRole("button", { name: "Try it out" }).click()
  await live.getByRole("button", { name: "Execute" }).click()
  await live.locator(".live-responses-table").getByText('"status": "ok"').waitFor()
  await page.close()
})
