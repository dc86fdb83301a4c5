// Takes the pictures of the dashboard in `docs/dashboard`, from a real service under a load that rises, fails and falls, and one of keys
// and limits from another, with a tenant that takes all it gets and 99 that do not; one of threads, one of what protects a pool, one of
// advice, and one of several processes. `--quick` for a look, `--keys`, `--threads`, `--protection`, `--advice` or `--cluster` for that one alone.
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
const serve = (settings, handlers = "examples/handlers.ts") => {
  const service = spawn(
    process.execPath,
    ["src/main.ts", "serve", "--handlers", handlers, "--port", "0", "--log-format", "json", ...settings],
    { stdio: ["ignore", "pipe", "inherit"] }
  )
  process.on("exit", () => service.kill("SIGKILL"))
  let written = ""
  return new Promise((resolve, reject) => {
    service.stdout.on("data", (data) => {
      written += data
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(written)
      if (found !== null) resolve(found[0])
    })
    service.on("exit", () => reject(new Error(written)))
  })
}

const post = (address, type, payload) =>
  fetch(`${address}/requests/${type}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(payload)
  }).then((response) => response.arrayBuffer())

const open = async (address, name, options) => {
  const page = await browser.newPage({ ...options, reducedMotion: "reduce" })
  page.on("console", (message) => console.log(`${name}: ${message.text()}`))
  page.on("pageerror", (error) => console.log(`${name}: ${error.stack}`))
  await page.goto(address)
  await page.locator(".connection.live").waitFor()
  return page
}

const save = async (page, name, options) => {
  const path = `${folder}/${name}.png`
  await page.screenshot({ path, ...options })
  console.log(`${path}: ${Math.round(statSync(path).size / 1024)} kB`)
  await page.close()
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] })
const quick = process.argv.includes("--quick")
mkdirSync(folder, { recursive: true })

/** `rate` is of the part of the phase that has passed, from 0 to 1, in requests per second. */
const phase = async (address, seconds, rate) => {
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
      if (drawn < 0.08) void post(address, "Flaky", { failureRate: 0.5 })
      else if (drawn < 0.2) void post(address, "Echo", { message: "hello" })
      else void post(address, "Sleep", { millis: Math.round(60 - 140 * Math.log(1 - Math.random())) })
    }
  }
}

const load = async (address) => {
  const of = (seconds) => (quick ? seconds / 6 : seconds)
  await phase(address, of(25), () => 8)
  await phase(address, of(40), (part) => 8 + 70 * part)
  await phase(address, of(8), () => 260)
  await phase(address, of(35), (part) => 70 - 50 * part)
  await phase(address, of(25), () => 12)
  await phase(address, of(30), (part) => 12 + 45 * part)
  await phase(address, of(12), () => 55)
  await phase(address, 3600, () => 45)
}

const takeBoards = async () => {
  const settings = "--name orders --min-workers 2 --max-workers 24 --capacity 120 --scaling-interval 500"
  const address = await serve(settings.split(" "))
  void load(address)
  await sleep(quick ? 32_000 : 178_000)
  for (const { colorScheme, name, viewport } of pictures) {
    const page = await open(address, name, { colorScheme, viewport })
    await page.locator("td.why").first().waitFor()
    await page.getByLabel("Type of request", { exact: true }).selectOption("Sleep")
    await page.getByLabel("Payload").fill('{ "millis": 200 }')
    await page.getByRole("heading", { level: 1 }).click()
    await sleep(1500)
    await save(page, name, { fullPage: process.argv.includes("--full") })
  }
}

const takeKeys = async () => {
  const limits = ["name=mailer,concurrency=4,rate=12/1s,tags=Echo", "name=tenant,per=key,concurrency=6"]
  const settings = "--name tenants --min-workers 4 --max-workers 16 --capacity 2000 --key-capacity none"
  const address = await serve([...settings.split(" "), ...limits.flatMap((limit) => ["--limit", limit])])
  for (let sent = 0; sent < 900; sent++) await post(address, "Sleep?key=hog", { millis: 150 })
  let tenant = 0
  const next = () => `tenant-${(tenant = (tenant % 99) + 1)}`
  setInterval(() => {
    for (let sent = 0; sent < 2; sent++) void post(address, "Sleep?key=hog", { millis: 150 })
    for (let sent = 0; sent < 2; sent++) void post(address, `Sleep?key=${next()}`, { millis: 90 })
    void post(address, `Echo?key=${next()}`, { message: "hello" })
  }, 60)
  await fetch(`${address}/pool/pause?key=tenant-7`, { method: "POST" })
  const page = await open(address, "keys", { colorScheme: "light", viewport: { width: 1280, height: 2400 } })
  await sleep(quick ? 6000 : 20_000)
  const [keys, limitsBox] = await Promise.all([".keys", ".limits"].map((card) => page.locator(card).boundingBox()))
  const margin = 10
  await save(page, "keys", {
    clip: {
      x: keys.x - margin,
      y: keys.y - margin,
      width: limitsBox.x + limitsBox.width - keys.x + 2 * margin,
      height: Math.max(keys.height, limitsBox.height) + 2 * margin
    }
  })
}

const takeThreads = async () => {
  const settings = "--name images --min-workers 8 --max-workers 8 --max-stuck-workers 2 --timeout 400"
  const address = await serve(settings.split(" "), "scripts/screenshots/images.ts")
  const page = await open(address, "threads", { colorScheme: "light", viewport: { width: 1280, height: 2400 } })
  const until = async (isIt) => {
    for (;;) {
      const { limits } = await fetch(`${address}/pool`).then((response) => response.json())
      if (isIt(limits.threads.threads)) return
      await sleep(100)
    }
  }
  await page.locator(".threads").waitFor()
  for (let killed = 1; killed <= 3; killed++) {
    await post(address, "Resize", { millis: 60_000 })
    await until(({ now, total }) => total.killed === killed && now.dying + now.stuck === 0)
  }
  await post(address, "Decode", null)
  await until(({ total }) => total.crashed === 1)
  await post(address, "Convert", { seconds: 60 })
  await until(({ now }) => now.stuck === 1 && now.starting === 0)
  for (let sent = 0; sent < 3; sent++) void post(address, "Resize?timeout=1m", { millis: 20_000 })
  await until(({ now }) => now.busy === 3 && now.idle > 0)
  await sleep(1500)
  const box = await page.locator(".threads").boundingBox()
  const margin = 10
  const { height, width, x, y } = box
  const clip = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin }
  await save(page, "threads", { clip })
}

/** Two tenants' mails fail, and there are more images than can be done. */
const takeProtection = async () => {
  const settings =
    "--name mails --min-workers 4 --max-workers 8 --strategy shedding --retries 2 --retry-budget 0.1 --capacity 500"
  const address = await serve(settings.split(" "), "scripts/screenshots/protection.ts")
  const page = await open(address, "protection", { colorScheme: "light", viewport: { width: 1280, height: 2400 } })
  for (let later = 1; later <= 12; later++) await post(address, `SendMail?delay=${later}h&key=acme`, { fails: false })
  let sent = 0
  const timer = setInterval(() => {
    sent++
    for (let image = 0; image < 3; image++) void post(address, "Resize", { millis: 160 })
    if (sent % 3 === 0) void post(address, "SendMail?key=acme", { fails: false })
    if (sent % 4 === 0)
      for (const key of ["globex", "initech"]) void post(address, `SendMail?key=${key}`, { fails: true })
  }, 50)
  await page.locator(".protection .breaker.Open").first().waitFor()
  await sleep(quick ? 3000 : 12_000)
  const { height, width, x, y } = await page.locator(".protection").boundingBox()
  const margin = 10
  const clip = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin }
  await save(page, "protection", { clip })
  clearInterval(timer)
}

/** A pool that has been given a fixed number, for a load that comes and goes. */
const takeAdvice = async () => {
  const settings = "--name thumbnails --policy fixed:24 --advice --advice-after 1s"
  const targets = ["--advice-target", "p99(wait) <= 200ms", "--advice-target", "refused <= 0.1%"]
  const address = await serve([...settings.split(" "), ...targets])
  await phase(address, quick ? 15 : 60, (part) => 20 + 40 * Math.sin(part * 3 * Math.PI) ** 2)
  const page = await open(address, "advice", { colorScheme: "light", viewport: { width: 1280, height: 2400 } })
  await page.getByRole("button", { name: "Advise" }).click()
  await page.locator(".advice tbody tr").nth(3).waitFor({ timeout: 300_000 })
  await page.locator(".advice summary").click()
  const { height, width, x, y } = await page.locator(".advice").boundingBox()
  const margin = 10
  const clip = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin }
  await save(page, "advice", { clip })
}

/** Of one of two services, after one of two workers was killed and replaced. */
const takeCluster = async () => {
  const cluster = spawn(process.execPath, ["scripts/cluster.ts", "--rate", "40", "--kill-every", "12"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const ended = new Promise((resolve) => cluster.once("close", resolve))
  let written = ""
  cluster.stdout.on("data", (data) => (written += data))
  const until = async (pattern) => {
    for (;;) {
      const found = pattern.exec(written)
      if (found !== null) return found
      await sleep(100)
    }
  }
  const [, address] = await until(/the page of all of them: (\S+)/)
  const page = await open(address, "cluster", { colorScheme: "light", viewport: { width: 1280, height: 2400 } })
  await page.locator(".store").waitFor()
  await until(/is killed[^]*worker-1 \(process/)
  // Until its place in the list says that it has gone.
  await page.locator(".store .gone").first().waitFor()
  await sleep(1500)
  const { height, width, x, y } = await page.locator(".store").boundingBox()
  const margin = 10
  const clip = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin }
  await save(page, "cluster", { clip })
  cluster.kill("SIGINT")
  await ended
}

const all = {
  "--cluster": takeCluster,
  "--boards": takeBoards,
  "--keys": takeKeys,
  "--threads": takeThreads,
  "--protection": takeProtection,
  "--advice": takeAdvice
}
const asked = Object.keys(all).filter((flag) => process.argv.includes(flag))
for (const flag of asked.length === 0 ? Object.keys(all) : asked) await all[flag]()
await browser.close()
process.exit(0)
