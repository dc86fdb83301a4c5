/** Advice over HTTP: from a load that came over a real socket, to the settings that it is to change. */
import { afterEach, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

let service: Started
afterEach(() => service.close())

const ask = (wait?: number) =>
  service.ask("GET", "/pool/advice", { headers: wait === undefined ? {} : { prefer: `wait=${wait}` } })

const load = async (requests: number) => {
  for (let n = 0; n < requests; n += 20) {
    await Promise.all(Array.from({ length: 20 }, () => service.submit("Echo", { message: "x" }, 20)))
  }
}

it("is not there unless it was asked for", async () => {
  service = await startService()
  const { json, status } = await ask()
  expect([status, json.type, json.detail]).toEqual([
    404,
    "urn:effect-worker-pool:problem:advice-off",
    expect.stringContaining("--advice")
  ])
  expect((await service.ask("GET", "/pool")).json).not.toHaveProperty("advice")
})

it("says how much more of a load is needed", async () => {
  service = await startService({ advice: "true", adviceAfter: "1h" })
  await load(40)
  const { headers, json, status } = await ask()
  expect([status, json.type, json.requests]).toEqual([409, "urn:effect-worker-pool:problem:too-little-load", 160])
  expect(json.millis).toBeGreaterThan(3_500_000)
  expect(json.detail).toMatch(/160 more requests and 3[56]\d\d more seconds are needed$/)
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(3500)
  expect((await service.ask("GET", "/pool")).json.advice).toBe(true)
})

it("tells what settings came to and would have come to, and is applied by PATCH /pool", async () => {
  service = await startService({
    advice: "true",
    adviceAfter: "1ms",
    adviceTarget: "p99(wait) <= 200ms;refused <= 1%",
    policy: "fixed:20",
    minWorkers: "20",
    capacity: "500",
    limits: "name=each,per=key,concurrency=50",
    retries: "1",
    retryBudget: "0.5",
    aging: "5s"
  })
  await load(240)
  const first = await ask()
  expect([first.status, first.json]).toEqual([202, { state: "computing" }])
  const { headers, json, status } = await ask(60)
  expect([status, headers.get("preference-applied"), json.state]).toEqual([200, "wait=60", "ready"])
  expect(json.load.requests).toBe(240)
  expect(json.columns.map(({ of }: any) => of)).toEqual(["reality", "today", "applied", "recommended"])
  const [reality, today, applied] = json.columns
  expect(reality).toMatchObject({ settings: null, workers: 20, mostWorkers: 20, keeps: true })
  expect(today).toMatchObject({
    settings: { policy: "fixed:20", minWorkers: 20, maxWorkers: 64, capacity: 500, scalingInterval: "1 s" },
    workers: 20,
    keeps: true
  })
  expect(today.targets.map(({ target }: any) => target)).toEqual(["p99(wait) <= 200ms", "refused <= 1%", "lost <= 1%"])
  expect(applied).toMatchObject({ settings: { ...json.patch, capacity: 500, scalingInterval: "1 s" }, keeps: true })
  expect(applied.workerSeconds).toBeLessThan(today.workerSeconds / 2)
  expect(json.obstacles).toEqual([])
  expect(json.file).toContain(`maxWorkers: ${json.patch.maxWorkers}\n`)
  expect(json.file).toContain('limits: "name=each,per=key,concurrency=50"')
  // Nothing is changed by itself, and what was advised stays for a while.
  expect((await service.ask("GET", "/pool")).json.policy).toBe("fixed:20")
  expect((await ask()).json).toEqual(json)
  const patched = await service.ask("PATCH", "/pool", { body: json.patch })
  const { maxWorkers, minWorkers, policy } = json.patch
  expect([patched.status, patched.json]).toEqual([
    200,
    expect.objectContaining({ policy, bounds: { minWorkers, maxWorkers } })
  ])
})
