/** A store in a browser: its counts, a row for each process, what is paused in all of them, and that it is away. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import type { Locator, Page } from "playwright-core"
import { expect, it } from "vitest"
import { eachWatched, violations } from "./support.ts"

const each = eachWatched()
let child: ChildProcess
const tell = (line: string) => child.stdin!.write(`${line}\n`)

/** Services on one store, and the page of the first. */
const watch = async (processes: number, width?: number): Promise<Page> => {
  const program = new URL("./fixtures/onStore.ts", import.meta.url).pathname
  child = spawn(process.execPath, [program, `${processes}`], { stdio: ["pipe", "pipe", "inherit"] })
  const started = child
  const lines = createInterface({ input: child.stdout! })
  tell("addresses")
  const [line] = (await once(lines, "line")) as [string]
  const [address] = line.split(" ")
  const stop = async () => {
    const ended = once(started, "exit")
    started.kill("SIGKILL")
    await ended
  }
  each.served = { address: address!, port: Number(new URL(address!).port), stop }
  return each.watch(width)
}

const eventually = { timeout: 20_000, interval: 100 }
const store = (page: Page): Locator => page.getByRole("region", { name: "Store" })
const figures = async (page: Page): Promise<Record<string, string>> => {
  const names = await store(page).locator("dt").allInnerTexts()
  const values = await store(page).locator("dd b").allInnerTexts()
  return Object.fromEntries(names.map((name, at) => [name, values[at]!]))
}
const rows = async (page: Page): Promise<ReadonlyArray<ReadonlyArray<string>>> =>
  (await store(page).locator("tbody tr").allInnerTexts()).map((row) => row.split("\t").map((cell) => cell.trim()))
const pause = (what: string) => fetch(`${each.served.address}/pool/pause?${what}`, { method: "POST" })

it("tells the law of the store and has a row for each process", async () => {
  const page = await watch(3)
  const none = {
    "Stored so far": "0",
    Waiting: "0",
    Delayed: "0",
    Claimed: "0",
    Succeeded: "0",
    Failed: "0",
    Cancelled: "0",
    Stopped: "0"
  }
  await expect.poll(() => figures(page), eventually).toEqual(none)
  await each.submit("Gate", { name: "never" })
  await each.submit("Echo", { message: "hello" })
  await each.submit("Fail", { why: "no" })
  await pause("tag=Echo")
  await store(page).getByText("In all processes: type").waitFor()
  await each.submit("Echo", { message: "later" })
  await expect
    .poll(() => figures(page), eventually)
    .toEqual({ ...none, "Stored so far": "4", Waiting: "1", Claimed: "1", Succeeded: "1", Failed: "1" })
  const row = (n: number) => [
    expect.stringContaining(`process-${n}`),
    expect.stringMatching(new RegExp(`, ${child.pid}$`)),
    "asks and works",
    "2",
    expect.stringMatching(/^[01]$/),
    expect.stringMatching(/^\d\d:\d\d:\d\d$/),
    expect.stringMatching(/^(just now|\d+ s ago)$/)
  ]
  const seen = await rows(page)
  expect(seen).toEqual([row(1), row(2), row(3)])
  expect(seen.map(([name]) => /this one/.test(name!))).toEqual([true, false, false])
  await page.getByRole("region", { name: "Running" }).getByText("Gate").waitFor()
  // A dead letter of any process is sent again from here.
  const letters = page.getByRole("region", { name: "Dead letters" })
  await letters.getByRole("button", { name: /^Retry / }).click()
  await expect.poll(async () => (await figures(page))["Failed"], eventually).toBe("2")
})

it("lets what is paused in all processes go on, by keyboard", async () => {
  const page = await watch(1)
  for (const what of ["tag=Echo", `key=${encodeURIComponent('<b>\u202ea"')}`]) await pause(what)
  await store(page).getByText("In all processes").nth(1).waitFor()
  expect(await store(page).locator("b", { hasText: "a" }).count()).toBe(0)
  await store(page).getByText('<b>\\u{202e}a"').waitFor()
  await store(page)
    .getByRole("button", { name: /^Resume type/ })
    .focus()
  await page.keyboard.press("Enter")
  await expect.poll(() => store(page).getByText("In all processes").count(), eventually).toBe(1)
  await page.getByRole("button", { name: "Pause", exact: true }).first().click()
  await store(page).getByText("In all processes: everything").waitFor()
  await page.getByRole("status").getByText("paused", { exact: true }).waitFor()
})

it("says that the store is away, and which process is missing", async () => {
  const page = await watch(2)
  await store(page).getByText("process-2").waitFor()
  tell("kill 2")
  await store(page)
    .getByRole("row", { name: /process-2.*missing/ })
    .waitFor()
  tell("away")
  await store(page).getByText("It cannot be reached. What runs goes on.").waitFor()
  await expect.poll(() => figures(page), eventually).toMatchObject({ Waiting: "?", "Stored so far": "?" })
  tell("here")
  await expect.poll(() => figures(page), eventually).toMatchObject({ Waiting: "0" })
})

it.for(["light", "dark"] as const)(
  "has no violation that axe would find, when it is %s, and fits 390 pixels",
  async (colorScheme) => {
    const page = await watch(2, 390)
    await page.emulateMedia({ colorScheme })
    await pause(`key=${"k".repeat(200)}`)
    await each.submit("Gate", { name: "never" })
    await store(page).getByText("In all processes").waitFor()
    await store(page).getByText("process-2").waitFor()
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390)
    expect(await violations(page)).toEqual([])
  }
)
