/** A real service, and a page of a real browser that looks at it. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { type Browser, chromium, type Page } from "playwright-core"

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

/** `port` 0 takes any that is free. */
export const serve = async (port = 0, flags: ReadonlyArray<string> = [], env: NodeJS.ProcessEnv = {}) => {
  const handlers = new URL("./fixtures/handlers.ts", import.meta.url).pathname
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
