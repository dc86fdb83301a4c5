/** The site that `npm run docs` builds, in a browser: it is whole by itself, it finds, and it fits a phone. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { launch, violations } from "./support.ts"

const root = fileURLToPath(new URL("../../site", import.meta.url))
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml"
}

let browser: Browser
let server: Server
/** Below a path of its own, as where many sites share a host. */
let address: string
beforeAll(async () => {
  if (!existsSync(root)) throw new Error("there is no site: run `npm run docs` first")
  server = createServer(({ url }, response) => {
    const [path] = decodeURIComponent(url!).split(/[?#]/)
    const file = join(root, path!.replace(/^\/docs-of\/pool\//, "/").replace(/\/$/, "/index.html"))
    if (!path!.startsWith("/docs-of/pool/") || !existsSync(file)) return response.writeHead(404).end()
    return response
      .writeHead(200, {
        "content-type": types[extname(file)] ?? "application/octet-stream",
        "cache-control": "max-age=600"
      })
      .end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/docs-of/pool/`
  browser = await launch()
})
afterAll(async () => {
  await browser?.close()
  server?.close()
})

interface Options {
  readonly width?: number
  readonly colorScheme?: "light" | "dark"
  readonly javaScriptEnabled?: boolean
}

/** A page, and what was wrong: what it complained of, what it did not get, and what it asked of others. */
const open = async (path: string, { width = 1280, ...options }: Options = {}) => {
  const page = await browser.newPage({ viewport: { width, height: 900 }, reducedMotion: "reduce", ...options })
  page.setDefaultTimeout(20_000)
  const wrong: Array<string> = []
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()))
  page.on("pageerror", (error) => wrong.push(String(error)))
  page.on("response", (response) => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`))
  // Told rather than stopped: what stops requests also keeps the browser from remembering any answer.
  page.on("request", (request) => request.url().startsWith(address) || wrong.push(`asks for ${request.url()}`))
  await page.goto(address + path)
  if (options.javaScriptEnabled !== false) await shown(page)
  return { page, wrong }
}

/** A page shows itself when its navigation is there. */
const shown = (page: Page) => page.locator("#tsd-nav-container a").first().waitFor({ state: "attached" })

/** Left to the generator: links in what opens a part of the navigation, and an `h4` after an `h1`. And tables without a heading. */
const leftOut = ["nested-interactive", "heading-order", "empty-table-header"]
const options = { rules: Object.fromEntries(leftOut.map((rule) => [rule, { enabled: false }])) }

/** From 0 to 255, of the red in it: the colours are nearly grey. What is transparent has none. */
const brightness = async (page: Page, of: "backgroundColor" | "color") => {
  const colour = await page.evaluate<string>(`getComputedStyle(document.body).${of}`)
  return Number(/^rgb\((\d+)/.exec(colour)?.[1])
}

const find = async (page: Page, words: string) => {
  await page.locator("body").press("/")
  await page.locator("#tsd-search-input").pressSequentially(words)
  await page.locator("#tsd-search-results li").first().waitFor()
}

it("has the README as its front page, with its pictures", async () => {
  const { page, wrong } = await open("")
  expect(await page.locator("h1").textContent()).toContain("effect-worker-pool")
  const pictures = page.locator(".col-content img")
  const isDrawn = () =>
    pictures.evaluateAll((all) => all.every((one) => (one as { naturalWidth?: number }).naturalWidth))
  await expect.poll(isDrawn).toBe(true)
  expect(await pictures.count()).toBeGreaterThan(0)
  expect(wrong).toEqual([])
  await page.close()
})

it("tells of a service what its members are, as the code writes it", async () => {
  const { page, wrong } = await open("api/effect-worker-pool/WorkerPool/WorkerPool.html")
  expect(await page.locator("h1").textContent()).toBe("Class WorkerPool.WorkerPool")
  const execute = page.locator("section.tsd-member", { has: page.locator("#execute") })
  expect(await execute.textContent()).toContain("Effect.Effect<")
  expect(await execute.textContent()).toContain("Runs a request and waits for its end.")
  expect(wrong).toEqual([])
  await page.close()
})

it("finds what a guide says, and goes to the place with the keys alone", async () => {
  const { page, wrong } = await open("api/effect-worker-pool.html")
  await find(page, "exit codes")
  const place = page.locator("#tsd-search-results li.place", { hasText: "Exit codes" }).first()
  await place.waitFor()
  for (let presses = 0; (await place.getAttribute("aria-selected")) !== "true"; presses++) {
    expect(presses).toBeLessThan(20)
    await page.keyboard.press("ArrowDown")
  }
  await page.keyboard.press("Enter")
  await page.waitForURL("**/docs/program.html#exit-codes")
  expect(wrong).toEqual([])
  await page.close()
})

it("finds a name of the API, and says when there is nothing", async () => {
  const { page, wrong } = await open("docs/handlers.html")
  await find(page, "PoolSnapshot.lawViolations")
  const first = page.locator("#tsd-search-results li").first()
  expect(await first.textContent()).toContain("PoolSnapshot.lawViolations")
  await first.click()
  await page.waitForURL("**/api/effect-worker-pool/PoolSnapshot/lawViolations.html")
  await page.locator("body").press("Control+k")
  await page.locator("#tsd-search-input").fill("zzyzx")
  await page.getByText("Nothing found").waitFor()
  expect(wrong).toEqual([])
  await page.close()
})

it("is dark where the system is", async () => {
  const light = await open("docs/service.html", { colorScheme: "light" })
  const dark = await open("docs/service.html", { colorScheme: "dark" })
  expect(await brightness(light.page, "backgroundColor")).toBeGreaterThan(200)
  expect(await brightness(light.page, "color")).toBeLessThan(80)
  expect(await brightness(dark.page, "backgroundColor")).toBeLessThan(80)
  expect(await brightness(dark.page, "color")).toBeGreaterThan(200)
  expect([light.wrong, dark.wrong]).toEqual([[], []])
  await light.page.close()
  await dark.page.close()
})

it.for(["light", "dark"] as const)("has no violation that axe would find, when it is %s", async (colorScheme) => {
  const { page } = await open("", { colorScheme })
  for (const path of [
    "",
    "docs/service.html",
    "api/effect-worker-pool.html",
    "api/effect-worker-pool/Ticket/Ticket.html"
  ]) {
    await page.goto(address + path)
    await shown(page)
    expect(await violations(page, options), path).toEqual([])
  }
  await find(page, "timeout")
  expect(await violations(page, options), "the search").toEqual([])
  await page.close()
})

interface Size {
  readonly path: string
  readonly width: number
  readonly height: number
}

/** Of the pages, in frames of that width, some at a time. The source of a function that runs in a browser. */
const sizesInFrames = `async (paths, width) => {
  const left = paths.values()
  const sizes = []
  const look = async () => {
    const frame = document.createElement("iframe")
    frame.sandbox = "allow-same-origin"
    frame.style = "border: 0; height: 100px; width: " + width + "px"
    document.body.append(frame)
    for (const path of left) {
      await new Promise((resolve) => { frame.onload = resolve; frame.src = path })
      const { scrollHeight, scrollWidth } = frame.contentDocument.documentElement
      sizes.push({ path, width: scrollWidth, height: scrollHeight })
    }
    frame.remove()
  }
  await Promise.all(Array.from({ length: 8 }, look))
  return sizes
}`

// In frames that run no scripts: a page has the same width without, and is there sooner.
it("never scrolls sideways on a phone", async () => {
  const paths = globSync("**/*.html", { cwd: root })
  expect(paths.length).toBeGreaterThan(100)
  const { page, wrong } = await open("")
  const pages = await page.evaluate<ReadonlyArray<Size>>(`(${sizesInFrames})(${JSON.stringify(paths)}, 390)`)
  expect(pages.length).toBe(paths.length)
  expect(pages.filter(({ width }) => width > 390)).toEqual([])
  // Each was there: none is as low as an empty one.
  expect(pages.filter(({ height }) => height < 200)).toEqual([])
  // A script that a frame does not run is told as an error.
  expect(wrong.filter((text) => !text.startsWith("Blocked script execution"))).toEqual([])
  await page.close()
})
