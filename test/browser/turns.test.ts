/** Keys, limits and pauses in a browser, on a real service: what is shown, what it can do, and that no key can do anything. */
import type { Locator, Page } from "playwright-core"
import { expect, it } from "vitest"
import { eachWatched, serve, violations } from "./support.ts"

const limits = [
  "--limit",
  "name=few,concurrency=1,tags=Second",
  "--limit",
  "name=each,per=key,concurrency=2,rate=1000/1s",
  "--limit",
  "name=idle,per=key,concurrency=2,tags=Second"
]

const each = eachWatched()
const { changeBounds } = each

const watch = async (flags: ReadonlyArray<string>, width?: number): Promise<Page> => {
  each.served = await serve(0, flags)
  return each.watch(width)
}

/** Requests that run, or wait, until the service is stopped. */
const submit = async (key: string, times = 1, type = "Work"): Promise<void> => {
  for (let sent = 0; sent < times; sent++) {
    await each.submit(`${type}?key=${encodeURIComponent(key)}`, { millis: 600_000 })
  }
}

const get = async (path: string) =>
  (await (await fetch(`${each.served.address}/${path}`)).json()) as Record<string, any>
const gates = async () => (await get("pool/gates"))["gates"] as ReadonlyArray<Record<string, unknown>>

const eventually = { timeout: 20_000, interval: 100 }
const keys = (page: Page): Locator => page.getByRole("region", { name: "Keys" })
const gatesOf = (page: Page): Locator => page.getByRole("region", { name: "Limits and pauses" })
/** The cells of the row that begins so. */
const row = (region: Locator, name: string): Locator =>
  region.getByRole("row").filter({ has: region.page().getByText(name, { exact: true }) })
const cells = (region: Locator, name: string) => row(region, name).locator("td").allInnerTexts()

it("shows nothing of keys and limits to whoever uses none", async () => {
  const page = await watch([])
  await expect.poll(() => page.locator(".legend").getByText("for a retry").count(), eventually).toBe(1)
  await page.getByText("No request is running.").waitFor()
  const nothing = [keys(page), gatesOf(page), page.getByText("held back"), page.getByText("Pause a type of request")]
  for (const none of nothing) expect(await none.count()).toBe(0)
})

it("tells the heaviest keys, what a limit holds back and when it opens, and changes it", async () => {
  // Keys beyond the ten, and a worker for each request that may start.
  const page = await watch(limits)
  await changeBounds({ maxWorkers: 40 })
  await submit("hog", 7)
  await submit("light")
  for (let n = 1; n <= 10; n++) await submit(`tenant-${n}`)
  await expect.poll(() => cells(keys(page), "hog"), eventually).toEqual(["5", "5", "2", "Pause"])
  await expect.poll(() => keys(page).locator("tbody tr").count(), eventually).toBe(10)
  await keys(page).getByText("the 10 with most waiting").waitFor()
  await expect
    .poll(() => cells(gatesOf(page), "hog"), eventually)
    .toEqual(["2", expect.stringMatching(/^\d/), "5", "when one ends"])
  await gatesOf(page).getByText("5 held back", { exact: true }).waitFor()
  await page.getByText("room for 50, 5 held back").waitFor()
  await page.locator(".legend").getByText("held back 5").waitFor()
  // By keyboard alone.
  const atOnce = page.getByLabel("At once, by limit each", { exact: true })
  await atOnce.focus()
  await page.keyboard.press("ControlOrMeta+a")
  await page.keyboard.type("4")
  await page.keyboard.press("Tab")
  expect(await page.evaluate("document.activeElement.ariaLabel")).toBe("Set: At once, by limit each")
  await page.keyboard.press("Enter")
  await expect.poll(async () => (await get("pool"))["limits"].each.concurrency, eventually).toBe(4)
  await atOnce.fill("0")
  await page.keyboard.press("Enter")
  expect((await get("pool"))["limits"].each.concurrency).toBe(4)
  await page.mouse.move(0, 0)
  await page.getByRole("heading", { level: 1 }).click()
  await expect.poll(() => cells(keys(page), "hog"), eventually).toEqual(["3", "3", "4", "Pause"])
})

it("pauses and resumes a key, a type and a limit", async () => {
  const page = await watch(limits)
  await changeBounds({ minWorkers: 4 })
  await submit("a")
  await page.getByRole("button", { name: "Pause key a", exact: true }).click()
  await page.getByRole("button", { name: "Resume key a", exact: true }).waitFor()
  expect(await gates()).toContainEqual(expect.objectContaining({ kind: "key", name: "a", paused: true }))
  await submit("a", 3)
  await expect
    .poll(
      () =>
        gatesOf(page)
          .getByRole("row", { name: /^Key a/ })
          .locator("td")
          .allInnerTexts(),
      eventually
    )
    .toEqual(["", "0", "3", "paused", "Resume"])
  await page.getByRole("button", { name: "Resume key a", exact: true }).click()
  await expect.poll(async () => (await get("pool"))["requests"].running, eventually).toBe(2)

  await page.getByLabel("Pause a type of request", { exact: true }).selectOption("Second")
  await page.getByRole("button", { name: "Pause this type of request" }).click()
  const resume = page.getByRole("button", { name: "Resume type Second, which is paused" })
  await resume.focus()
  expect(await gates()).toContainEqual(expect.objectContaining({ kind: "tag", name: "Second", paused: true }))
  await page.keyboard.press("Enter")
  await resume.waitFor({ state: "detached" })
  // Its row has gone: the focus is where one can go on.
  expect(await page.evaluate("document.activeElement.id")).toBe("gates")

  // One with a gate, and one by key that has none yet.
  for (const limit of ["few", "idle"]) {
    await page.getByRole("button", { name: `Pause limit ${limit}`, exact: true }).click()
    await page.getByRole("button", { name: `Resume limit ${limit}`, exact: true }).click()
    await page.getByRole("button", { name: `Pause limit ${limit}`, exact: true }).waitFor()
  }
  expect((await gates()).filter(({ paused }) => paused)).toEqual([])
})

it("shows every key as text, cut and in its place", async () => {
  const page = await watch(limits)
  const markup = `<img src=x onerror="document.title='owned'"><script>document.title="owned"</script>`
  const long = "long".repeat(60)
  const strange: Record<string, string> = {
    [markup]: `${markup.slice(0, 40)}…`,
    [long]: `${long.slice(0, 40)}…`,
    "\u202egnp.exe": "\\u{202e}gnp.exe",
    "a\u200bb\u2066\ufeff": "a\\u{200b}b\\u{2066}\\u{feff}",
    "no\u00a0break": "no\\u{a0}break",
    "  two spaces ": "  two spaces ",
    "שלום עולם": "שלום עולם",
    [`z${"\u0356\u0332".repeat(100)}`]: `z${"\u0356\u0332".repeat(19)}\u0356…`,
    "{{constructor}}": "{{constructor}}"
  }
  for (const key of Object.keys(strange)) await submit(key)
  await expect.poll(() => keys(page).locator("tbody tr").count(), eventually).toBe(Object.keys(strange).length)
  const shown = await keys(page).locator("tbody bdi").allTextContents()
  expect(shown.toSorted()).toEqual(Object.values(strange).toSorted())
  expect(await keys(page).locator("img, script").count()).toBe(0)
  expect(await page.title()).toMatch(/test-pool$/)
  // None of them makes its row higher than that of another, nor the page wider, and numbers stay at their side of a right-to-left key.
  const boxes = await keys(page)
    .locator("tbody tr")
    .evaluateAll((rows) =>
      rows.map((row) => [
        Math.round(row.getBoundingClientRect().height),
        row.querySelector("th")!.getBoundingClientRect().right <=
          row.querySelector("td")!.getBoundingClientRect().left + 1
      ])
    )
  expect(new Set(boxes.map(String)).size).toBe(1)
  expect(boxes[0]![1]).toBe(true)
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(1280)
  // The button means this very key.
  await page.getByRole("button", { name: "Pause key \\u{202e}gnp.exe" }).click()
  await expect
    .poll(gates, eventually)
    .toContainEqual(expect.objectContaining({ kind: "key", name: "\u202egnp.exe", paused: true }))
  await page.getByText("The key \u2068\\u{202e}gnp.exe\u2069 is paused").waitFor()
})

it.for(["light", "dark"] as const)(
  "has no violation that axe would find, when it is %s, and fits 390 pixels",
  async (colorScheme) => {
    const page = await watch(limits, 390)
    await page.emulateMedia({ colorScheme })
    await submit("a", 4)
    await page.getByRole("button", { name: "Pause key a", exact: true }).click()
    await gatesOf(page).getByText("paused", { exact: true }).first().waitFor()
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390)
    await page.locator(".notice p").waitFor({ state: "detached" })
    expect(await violations(page)).toEqual([])
  }
)
