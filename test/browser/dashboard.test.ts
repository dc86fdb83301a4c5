/** The dashboard in a browser, on a real service: what it shows is so, and what it offers works. */
import type { Page } from "playwright-core"
import { beforeEach, expect, it } from "vitest"
import { eachWatched, serve } from "./support.ts"

const each = eachWatched()
const { submit, watch } = each
beforeEach(async () => {
  each.served = await serve()
})

const pool = async () => (await (await fetch(`${each.served.address}/pool`)).json()) as Record<string, any>

const eventually = { timeout: 20_000, interval: 100 }
const figure = async (page: Page, name: string): Promise<number> =>
  Number(
    await page
      .locator(".figure", { has: page.getByText(name, { exact: true }) })
      .locator("b")
      .textContent()
  )

it("shows the workers rise under a load that the page sends, and fall after it", async () => {
  const page = await watch()
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("test-pool")
  await page.getByLabel("Payload", { exact: true }).fill('{ "millis": 400 }')
  await page.getByLabel("Per second", { exact: true }).fill("30")
  await page.getByLabel("Seconds", { exact: true }).fill("5")
  await page.getByRole("button", { name: "Start" }).click()
  await expect.poll(() => figure(page, "Workers busy"), eventually).toBeGreaterThan(3)
  const decisions = page.getByRole("region", { name: "Scaling decisions" }).getByRole("row")
  await decisions.filter({ hasText: "▲" }).first().waitFor()
  await expect.poll(() => page.title()).toMatch(/^\d+ busy, \d+ waiting: test-pool$/)
  await page.getByText(/The test load has ended: 1\d\d requests sent/).waitFor()
  await expect.poll(() => figure(page, "Workers busy"), eventually).toBe(0)
  await expect.poll(() => figure(page, "Idle"), eventually).toBe(1)
  await decisions.filter({ hasText: "▼" }).first().waitFor()
  const chart = page.getByRole("img", { name: /^Workers .*busy at most \d+/ })
  expect(await chart.locator("canvas").count()).toBe(1)
})

it("stops a load", async () => {
  const page = await watch()
  await page.getByRole("button", { name: "Start" }).click()
  await page.getByText(/Work: \d+ sent/).waitFor()
  await page.getByRole("button", { name: "Stop" }).click()
  await page.getByRole("button", { name: "Start" }).waitFor()
  await page.getByLabel("Payload", { exact: true }).fill("{ no")
  await page.getByRole("button", { name: "Start" }).click()
  await page.getByText("The payload is not JSON.").waitFor()
})

it("pauses and resumes, holds and releases", async () => {
  const page = await watch()
  await page.getByRole("button", { name: "Pause" }).click()
  await page.locator(".badge", { hasText: "paused" }).waitFor()
  expect((await pool())["paused"]).toBe(true)
  await page.getByRole("button", { name: "Resume" }).click()
  await page.locator(".badge", { hasText: "open" }).waitFor()
  await page.getByLabel("Hold the number of workers", { exact: true }).fill("7")
  await page.getByRole("button", { name: "Hold:" }).click()
  await expect.poll(() => figure(page, "Idle"), eventually).toBe(7)
  await page.getByRole("button", { name: "Release" }).click()
  await expect.poll(async () => (await pool())["held"], eventually).toBe(null)
})

it("sets bounds and policy, and says why it cannot", async () => {
  const page = await watch()
  await page.getByLabel("Fewest workers", { exact: true }).fill("5")
  await page.getByLabel("Most workers", { exact: true }).fill("3")
  await page.getByRole("button", { name: "Set: fewest and most workers" }).click()
  await page
    .getByRole("alert")
    .getByText(/minWorkers|maxWorkers/)
    .waitFor()
  await page.getByLabel("Most workers", { exact: true }).fill("9")
  await page.getByRole("button", { name: "Set: fewest and most workers" }).click()
  await expect.poll(async () => (await pool())["bounds"], eventually).toEqual({ minWorkers: 5, maxWorkers: 9 })
  await page.getByLabel("Scaling policy", { exact: true }).fill("fixed:6")
  await page.getByRole("button", { name: "Set: Scaling policy" }).click()
  await expect.poll(() => figure(page, "Idle"), eventually).toBe(6)
})

it("retries a dead letter and cancels what runs", async () => {
  await submit("Second", { key: "a" })
  const running = await submit("Work", { millis: 60_000 })
  const page = await watch()
  const letters = page.getByRole("region", { name: "Dead letters" })
  await letters.getByText("failed: not the first time").waitFor()
  await page.getByRole("button", { name: `Cancel ${running}` }).click()
  await expect.poll(async () => (await pool())["requests"].cancelled, eventually).toBe(1)
  await page.getByText("No request is running.").waitFor()
  await letters.getByRole("button", { name: "Retry" }).click()
  await letters.getByText("Every request came to a good end.").waitFor()
  await expect.poll(async () => (await pool())["requests"].succeeded, eventually).toBe(1)
})

it("says that the connection is lost, and finds a service that was restarted", async () => {
  const page = await watch()
  const { port } = each.served
  await each.served.stop()
  await page.getByText("The connection to the service is lost.").waitFor()
  each.served = await serve(port)
  await page.getByText("Live", { exact: true }).waitFor()
  expect(await page.getByText("The connection to the service is lost.").count()).toBe(0)
  await submit("Work", { millis: 60_000 })
  await expect.poll(() => figure(page, "Workers busy"), eventually).toBe(1)
})

it("asks before it drains", async () => {
  const page = await watch()
  await page.getByRole("button", { name: "Drain…" }).click()
  await page.getByRole("dialog", { name: "Drain this pool?" }).getByRole("button", { name: "Keep it open" }).click()
  expect((await pool())["state"]).toBe("open")
  await page.getByRole("button", { name: "Drain…" }).click()
  await page.getByRole("dialog").getByRole("button", { name: "Drain", exact: true }).click()
  await page.locator(".badge", { hasText: /draining|closed/ }).waitFor()
})

it("asks for the token", async () => {
  await each.served.stop()
  const token = "0123456789abcdef0123456789abcdef"
  each.served = await serve(0, [], { WORKER_POOL_TOKEN: token })
  const page = await each.openPage()
  await page.getByLabel("Token", { exact: true }).fill("wrong")
  await page.getByRole("button", { name: "Log in" }).click()
  await page.getByText("That is not the token of this service.").waitFor()
  await page.getByLabel("Token", { exact: true }).fill(token)
  await page.getByRole("button", { name: "Log in" }).click()
  await page.getByText("Live", { exact: true }).waitFor()
  await page.getByRole("button", { name: "Log out" }).click()
  await page.getByLabel("Token", { exact: true }).waitFor()
})

it("fits 380 pixels, and every control has a name", async () => {
  await submit("Second", { key: "a" })
  const page = await watch(380)
  await page.getByText("failed: not the first time").waitFor()
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(380)
  const nameless = await page.evaluate(`[...document.querySelectorAll("input, select, textarea, button")]
    .filter((one) => !one.labels?.length && !one.ariaLabel && one.textContent.trim() === "")
    .map((one) => one.outerHTML)`)
  expect(nameless).toEqual([])
})
