/** A real service, and a page of a real browser that looks at it. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, expect } from "vitest"

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
  })

export interface Served {
  readonly address: string
  readonly port: number
  readonly stop: () => Promise<void>
}

const settings = "--name test-pool --min-workers 1 --max-workers 12 --capacity 50 --scaling-interval 100".split(" ")

const ownHandlers = new URL("./fixtures/handlers.ts", import.meta.url)

/** `port` 0 takes any that is free. */
export const serve = async (
  port = 0,
  flags: ReadonlyArray<string> = [],
  env: NodeJS.ProcessEnv = {},
  { pathname: handlers } = ownHandlers
) => {
  const main = new URL("../../src/main.ts", import.meta.url).pathname
  const args = [main, "serve", "--handlers", handlers, "--port", `${port}`, "--policy", "queueLength:2"]
  const child = spawn(process.execPath, [...args, ...settings, ...flags], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const address = await addressOf(child)
  return { address, port: Number(new URL(address).port), stop: () => kill(child) } satisfies Served
}

const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let written = ""
    const read = (data: Buffer) => {
      written += data.toString()
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(written) ?? []
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on("data", read)
    child.stderr?.on("data", read)
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}: ${written}`)))
  })

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGKILL")
  await ended
}

export interface Watched {
  readonly page: Page
  /** What the page complained of: a breach of the content security policy is among it. */
  readonly complaints: ReadonlyArray<string>
}

/** The browser reports each answer that is an error, and each that never came; the page deals with these itself. */
const expected = /^Failed to load resource: (net::ERR_|the server responded with a status of (400|401|409|429|503))/

export const open = async (browser: Browser, address: string, width = 1280): Promise<Watched> => {
  const page = await browser.newPage({ viewport: { width, height: 900 } })
  page.setDefaultTimeout(20_000)
  const complaints: Array<string> = []
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  await page.goto(address)
  return { page, complaints }
}

/** A browser for all tests of a file, and for each a service of its own with a page that must complain of nothing. */
export const eachWatched = () => {
  let browser: Browser
  let served: Served
  let watched: Watched | undefined
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())
  afterEach(async () => {
    const complaints = watched?.complaints ?? []
    await watched?.page.close()
    watched = undefined
    await served.stop()
    expect(complaints).toEqual([])
  })
  const openPage = async (width?: number): Promise<Page> => {
    watched = await open(browser, served.address, width)
    return watched.page
  }
  const send = (method: string, path: string, body: unknown): Promise<Response> =>
    fetch(`${served.address}${path}`, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
  return {
    get served(): Served {
      return served
    },
    /** Of a type, and with what else its address says; answers the id. */
    submit: async (type: string, payload: unknown = null): Promise<string> => {
      const response = await send("POST", `/requests/${type}`, payload)
      expect(response.status, await response.clone().text()).toBe(202)
      return ((await response.json()) as { id: string }).id
    },
    changeBounds: (bounds: { readonly minWorkers?: number; readonly maxWorkers?: number }): Promise<Response> =>
      send("PATCH", "/pool", bounds),
    /** Stopped when the test ends, whoever has started it. */
    set served(other: Served) {
      served = other
    },
    openPage,
    /** The same, and it shows what the service does. */
    watch: async (width?: number): Promise<Page> => {
      const page = await openPage(width)
      await page.getByText("Live", { exact: true }).waitFor()
      return page
    }
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** What axe finds in the page. A policy of the page lets no script in from elsewhere; what the browser's own tools evaluate is free of it. */
export const violations = async (page: Page, options: object = {}): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe)
  const found = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as {
    violations: ReadonlyArray<{ id: string; nodes: ReadonlyArray<{ html: string }> }>
  }
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)
}
