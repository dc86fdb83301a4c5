// Takes the pictures of the dashboard in `docs/dashboard`, from a real service under a load that rises, fails and falls.
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, statSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { chromium } from "playwright-core"

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium"
const folder = "docs/dashboard"
const pictures = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 1060 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 1060 } },
  { name: "narrow", colorScheme: "light", viewport: { width: 380, height: 1500 } }
]

if (spawnSync(process.execPath, ["scripts/build-dashboard.mjs"], { stdio: "inherit" }).status !== 0) process.exit(1)
const settings =
  "--name orders --port 0 --min-workers 2 --max-workers 24 --capacity 120 --scaling-interval 500 --log-format json"
const service = spawn(
  process.execPath,
  ["src/main.ts", "serve", "--handlers", "examples/handlers.ts", ...settings.split(" ")],
  { stdio: ["ignore", "pipe", "inherit"] }
)
process.on("exit", () => service.kill("SIGKILL"))
let written = ""
const address = await new Promise((resolve, reject) => {
  service.stdout.on("data", (data) => {
    written += data
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(written)
    if (found !== null) resolve(found[0])
  })
  service.on("exit", () => reject(new Error(written)))
})

const post = (type, payload) =>
  fetch(`${address}/requests/${type}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(payload)
  }).then((response) => response.arrayBuffer())

/** `rate` is of the part of the phase that has passed, from 0 to 1, in requests per second. */
const phase = async (seconds, rate) => {
  const started = performance.now()
  let due = 0
  for (let before = started; ;) {
    await sleep(50)
    const now = performance.now()
    const passed = (now - started) / 1000
    if (passed >= seconds) return
    due += ((now - before) / 1000) * rate(passed / seconds)
    before = now
    for (; due >= 1; due--) {
      const drawn = Math.random()
      if (drawn < 0.08) void post("Flaky", { failureRate: 0.5 })
      else if (drawn < 0.2) void post("Echo", { message: "hello" })
      else void post("Sleep", { millis: Math.round(60 - 140 * Math.log(1 - Math.random())) })
    }
  }
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] })
const quick = process.argv.includes("--quick")
const load = async () => {
  const of = (seconds) => (quick ? seconds / 6 : seconds)
  await phase(of(25), () => 8)
  await phase(of(40), (part) => 8 + 70 * part)
  await phase(of(8), () => 260)
  await phase(of(35), (part) => 70 - 50 * part)
  await phase(of(25), () => 12)
  await phase(of(30), (part) => 12 + 45 * part)
  await phase(of(12), () => 55)
  await phase(3600, () => 45)
}
void load()
await sleep(quick ? 32_000 : 178_000)

mkdirSync(folder, { recursive: true })
for (const { colorScheme, name, viewport } of pictures) {
  const page = await browser.newPage({ colorScheme, viewport, reducedMotion: "reduce" })
  page.on("console", (message) => console.log(`${name}: ${message.text()}`))
  page.on("pageerror", (error) => console.log(`${name}: ${error.stack}`))
  await page.goto(address)
  await page.locator(".connection.live").waitFor()
  await page.locator("td.why").first().waitFor()
  await page.getByLabel("Type of request").selectOption("Sleep")
  await page.getByLabel("Payload").fill('{ "millis": 200 }')
  await page.getByRole("heading", { level: 1 }).click()
  await sleep(1500)
  const path = `${folder}/${name}.png`
  await page.screenshot({ path, fullPage: process.argv.includes("--full") })
  console.log(`${path}: ${Math.round(statSync(path).size / 1024)} kB`)
  await page.close()
}
await browser.close()
process.exit(0)
