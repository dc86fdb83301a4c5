/** What protects a pool in a browser, on a real service: that it is there when something of it is, and says what it is. */
import type { Locator, Page } from "playwright-core"
import { expect, it } from "vitest"
import { eachWatched, serve, violations } from "./support.ts"

const each = eachWatched()
const handlers = new URL("./fixtures/protected.ts", import.meta.url)

const watch = async (flags: ReadonlyArray<string>, width?: number): Promise<Page> => {
  each.served = await serve(0, flags, {}, handlers)
  return each.watch(width)
}

const eventually = { timeout: 20_000, interval: 100 }
const card = (page: Page): Locator => page.getByRole("region", { name: "Protection" })
const row = (page: Page, name: string): Locator =>
  card(page)
    .getByRole("row")
    .filter({ has: page.getByText(name, { exact: true }) })
const cells = (page: Page, name: string) => row(page, name).locator("td").allInnerTexts()
/** What is told under that name. */
const figure = (page: Page, name: string) =>
  card(page)
    .locator(".figure")
    .filter({ has: page.getByText(name, { exact: true }) })
    .locator("dd")
    .innerText()

/** One that fails, as that key's. */
const fail = (type: string, key?: string) =>
  each.submit(key === undefined ? type : `${type}?key=${encodeURIComponent(key)}`, { millis: 0, fails: true })

it("is not there while nothing of it is in use", async () => {
  each.served = await serve()
  const page = await each.watch()
  await page.getByText("No request is running.").waitFor()
  expect(await card(page).count()).toBe(0)
})

it("tells each breaker that is not closed, of which key, for how long, and when it lets a probe through", async () => {
  const page = await watch([])
  await fail("Send", "acme")
  await each.submit("Send?key=acme", { millis: 0 })
  await each.submit("Send?key=fine", { millis: 0 })
  await expect
    .poll(() => cells(page, "acme"), eventually)
    .toEqual(["open", expect.stringMatching(/^\d/), "1", expect.stringMatching(/^in (9 min|10 min)/)])
  expect(await cells(page, "Send")).toEqual(["open", "", "1", ""])
  expect(await row(page, "fine").count()).toBe(0)
  // One of its type alone: it opens, lets a probe through, and closes.
  await fail("Ask")
  await expect.poll(() => cells(page, "Ask"), eventually).toEqual(["open", expect.anything(), "0", expect.anything()])
  await each.submit("Ask", { millis: 4000 })
  await expect.poll(() => cells(page, "Ask").then(([state]) => state), eventually).toBe("half-open")
  await expect.poll(() => cells(page, "Ask"), eventually).toEqual(["closed", "", "0", ""])
  // A breaker is no limit.
  const limits = page.getByRole("region", { name: "Limits and pauses" })
  expect(await limits.getByRole("rowheader", { name: /Send|Ask|breaker/ }).count()).toBe(0)
})

it("tells what was given up, not retried, and is for later", async () => {
  const flags = ["--strategy", "shedding", "--shedding-target", "100", "--retries", "3", "--retry-budget", "0"]
  const page = await watch(flags)
  await each.changeBounds({ maxWorkers: 2 })
  await card(page).getByText("It keeps up with what comes.").waitFor()
  await each.submit("Once?delay=1h", { millis: 0 })
  await expect.poll(() => figure(page, "Scheduled"), eventually).toMatch(/^1\n/)
  // A hundred retries in ten seconds need no budget: of these three follow each attempt that fails.
  for (let sent = 0; sent < 40; sent++) await each.submit("Plain", { millis: 0, fails: true })
  await expect.poll(() => figure(page, "Retries denied"), eventually).toMatch(/^[1-9]\d*\n/)
  const tooMuch = card(page).getByText("Too much to do: what has waited for too long is given up.")
  // Three times what two workers can do, until the page tells.
  const sendMore = async () => {
    await each.submit("Plain", { millis: 300 })
    return tooMuch.count()
  }
  await expect.poll(sendMore, { ...eventually, interval: 50 }).toBe(1)
  await expect.poll(() => figure(page, "Shed so far"), eventually).toMatch(/^[1-9]\d*\n/)
})

it("tells what has joined another, and what runs together", async () => {
  const page = await watch([])
  // Of such a type something is there, so that the card is.
  await each.submit("Once?delay=1h", { millis: 0 })
  await expect.poll(() => figure(page, "Joined so far"), eventually).toMatch(/^0\n/)
  for (let sent = 0; sent < 2; sent++) await each.submit("Once", { millis: 0 })
  await expect.poll(() => figure(page, "Joined so far"), eventually).toMatch(/^2\n/)
  expect(await figure(page, "Run together")).toMatch(/^0\n+no batch of two runs$/)
  // Four are all that a batch takes: they start at once, and go on until the page has shown it.
  for (let sent = 0; sent < 4; sent++) await each.submit("Together", { millis: 60_000 })
  await expect.poll(() => figure(page, "Run together"), eventually).toMatch(/^3\n+4 requests in 1 attempt$/)
})

it("shows the key of a breaker as text, cut and in its place", async () => {
  const page = await watch([])
  const markup = `<img src=x onerror="document.title='owned'"><script>document.title="owned"</script>`
  const strange = { [markup]: `${markup.slice(0, 40)}…`, "\u202egnp.exe": "\\u{202e}gnp.exe", שלום: "שלום" }
  for (const key of Object.keys(strange)) await fail("Send", key)
  await expect.poll(() => card(page).locator("tr.gate").count(), eventually).toBe(3)
  const shown = await card(page).locator("tr.gate bdi").allTextContents()
  expect(shown.toSorted()).toEqual(Object.values(strange).toSorted())
  expect(await card(page).locator("img, script").count()).toBe(0)
  expect(await page.title()).toMatch(/test-pool$/)
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(1280)
})

it("has no violation that axe would find, light and dark, fits 390 pixels, and its tables are reached by keyboard", async () => {
  const page = await watch(["--strategy", "shedding"], 390)
  await fail("Send", "a key that is somewhat long, but no longer than it may be")
  await card(page).getByText("open", { exact: true }).first().waitFor()
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390)
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme })
    expect(await violations(page), colorScheme).toEqual([])
  }
  const table = card(page).getByRole("group", { name: "Protection" })
  await table.focus()
  await page.keyboard.press("End")
  expect(await page.evaluate("document.activeElement.getAttribute('aria-labelledby')")).toBe("protection")
})
