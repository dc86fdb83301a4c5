/** What protects a pool, as clients of the service see it: refusals, ends, and the stream of events. */
import { fileURLToPath } from "node:url"
import { afterEach, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

const handlers = fileURLToPath(new URL("protectionHandlers.ts", import.meta.url))
const kind = "urn:effect-worker-pool:problem:"

let service: Started
const start = async (flags: Readonly<Record<string, string>> = {}) => {
  service = await startService({ handlers, policy: "fixed:1", ...flags })
}
afterEach(() => service.close())

/** What comes on the stream from now on, by the name of the event. */
const watch = async (only: string) => {
  const seen = new Map<string, Array<any>>()
  const response = await fetch(`${service.url}/events?only=${only}`)
  const read = async () => {
    let text = ""
    for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
      text += bytes
      for (const [whole, name, data] of text.matchAll(/event: (\w+)\n(?:id: .*\n)?data: (.*)\n\n/g)) {
        text = text.slice(text.indexOf(whole) + whole.length)
        seen.set(name!, [...(seen.get(name!) ?? []), JSON.parse(data!)])
      }
    }
  }
  void read().catch(() => {})
  return (name: string): ReadonlyArray<any> => seen.get(name) ?? []
}

it("a circuit breaker that is open is 503 with when to ask again, for its key alone", async () => {
  await start()
  const of = await watch("breakerChanged")
  const charge = (fails: boolean, key: string) => service.submit(`Charge?key=${key}`, { fails }, 20)
  expect((await charge(true, "acme")).status).toBe(422)
  const refused = await charge(false, "acme")
  expect([refused.status, refused.headers.get("content-type")]).toEqual([503, "application/problem+json"])
  expect(refused.json).toMatchObject({ type: `${kind}circuit-open`, title: "Service Unavailable" })
  expect(refused.json.detail).toContain('"Charge" fails for key "acme"')
  const seconds = Number(refused.headers.get("retry-after"))
  expect(seconds).toBeGreaterThan(60)
  expect(seconds).toBeLessThanOrEqual(90)
  expect((await charge(false, "fine")).status).toBe(200)
  expect((await service.ask("GET", "/pool")).json.requests).toMatchObject({ refusedOpen: 1 })
  await expect.poll(() => of("breakerChanged")).toEqual([{ type: "Charge", key: "acme", from: "Closed", to: "Open" }])
})

it("more for later than there may be is 429, whatever a full queue does", async () => {
  await start({ capacity: "2", strategy: "suspend" })
  for (const _ of [1, 2]) expect((await service.submit("Sleep?delay=1h", { millis: 0 })).status).toBe(202)
  const refused = await service.submit("Sleep?delay=1h", { millis: 0 }, 20)
  expect(refused.status).toBe(429)
  expect(refused.json).toMatchObject({
    type: `${kind}queue-full`,
    detail: expect.stringContaining("before they are due")
  })
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
})

it("what is shed is 503 with what it was, and the stream tells of the overload and of its end", async () => {
  await start({ strategy: "shedding", sheddingTarget: "10ms", sheddingInterval: "50ms" })
  const of = await watch("overloaded,recovered")
  const answers = await Promise.all(Array.from({ length: 12 }, () => service.submit("Sleep", { millis: 40 }, 20)))
  const shed = answers.filter(({ status }) => status !== 200)
  expect(shed.length).toBeGreaterThan(0)
  for (const { headers, json, status } of shed) {
    expect(status).toBe(503)
    expect(json).toMatchObject({
      type: `${kind}evicted`,
      request: { state: "evicted", error: { _tag: "RequestShed" } }
    })
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0)
  }
  await expect.poll(() => of("overloaded").length).toBeGreaterThan(0)
  // That it is over is seen by what comes.
  await expect
    .poll(async () => {
      await service.submit("Sleep", { millis: 0 }, 20)
      return of("recovered").length
    })
    .toBeGreaterThan(0)
  expect((await service.ask("GET", "/pool")).json).toMatchObject({ overloaded: false })
})

it("the stream tells of retries that were denied, and of ticks", async () => {
  await start({ retries: "3", retryBudget: "0" })
  const of = await watch("retryDenied,ticked")
  for (let sent = 0; sent < 45; sent++) await service.submit("Fails", null)
  await expect
    .poll(() => of("retryDenied")[0], { timeout: 10_000 })
    .toEqual({ id: expect.any(String), type: "Fails", attempt: expect.any(Number) })
  await expect
    .poll(() => of("ticked")[0])
    .toEqual({
      name: "tidy",
      at: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      result: "asked"
    })
})
