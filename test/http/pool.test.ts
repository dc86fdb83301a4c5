/** The levers over HTTP, what is refused when the pool is full or drains, and what watchers see. */
import { connect, type Socket } from "node:net"
import { afterEach, expect, it } from "vitest"
import { open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

let services: Array<Started> = []
const start = async (...args: Parameters<typeof startService>) => {
  const service = await startService(...args)
  services.push(service)
  return service
}
afterEach(async () => {
  for (const service of services) await service.close()
  services = []
})

it("changes bounds, policy, hold and pause, and shows them", async () => {
  const { ask } = await start()
  const patch = async (body: unknown) => (await ask("PATCH", "/pool", { body })).json
  expect(await patch({ minWorkers: 2, maxWorkers: 5 })).toMatchObject({ bounds: { minWorkers: 2, maxWorkers: 5 } })
  expect(await patch({ hold: 4 })).toMatchObject({ held: 4, workers: { target: 4 } })
  expect(await patch({ hold: null, policy: "fixed:3" })).toMatchObject({
    held: null,
    policy: "fixed:3",
    workers: { target: 3 }
  })
  expect(await patch({ paused: true })).toMatchObject({ paused: true })
  expect(await patch({ paused: false })).toMatchObject({ paused: false, state: "open" })
})

it("takes a policy with the bounds that make room for it, and holds no more than the bounds let it", async () => {
  const { ask } = await start()
  const patch = async (body: unknown) => (await ask("PATCH", "/pool", { body })).json
  expect(await patch({ maxWorkers: 100, policy: "fixed:80" })).toMatchObject({ workers: { target: 80 } })
  const refused = await patch({ maxWorkers: 4, policy: "fixed:8" })
  expect([refused.field, refused.detail]).toEqual([
    "policy",
    expect.stringContaining("at most `maxWorkers` (4), got 8")
  ])
  expect(await patch({ hold: 8 })).toMatchObject({ held: 8, bounds: { maxWorkers: 100 } })
  expect(await patch({ maxWorkers: 4 })).toMatchObject({ held: 4, workers: { target: 4 } })
})

it.each<[unknown, string]>([
  [{ minWorkers: 9, maxWorkers: 5 }, "minWorkers"],
  [{ minWorkers: "2" }, "minWorkers"],
  [{ minWorkers: 1e15, maxWorkers: 1e15 }, "minWorkers"],
  [{ maxWorkers: 10_001 }, "maxWorkers"],
  [{ hold: 65 }, "hold"],
  [{ policy: "best" }, "policy"],
  [{ policy: "fixed:65" }, "policy"],
  [{ paused: "yes" }, "paused"],
  [{ maxWorker: 4 }, "maxWorker"]
])("refuses %j and names the field", async (body, field) => {
  const { ask } = await start()
  const { json, status } = await ask("PATCH", "/pool", { body })
  expect([status, json.field]).toEqual([400, field])
  expect(json.detail).toMatch(/[Ee]xpected .*got|at least|at most/)
  expect(json.detail).not.toContain("--")
})

it("says which members there are to whoever asks for another", async () => {
  const { ask } = await start()
  const members = "minWorkers, maxWorkers, policy, hold, paused"
  const { json } = await ask("PATCH", "/pool", { body: { maxWorker: 4 } })
  expect([json.field, json.detail]).toEqual([
    "maxWorker",
    `Expected a member of ${members}, got another one at ["maxWorker"]`
  ])
  expect((await ask("POST", "/pool/drain", { body: { within: "1s" } })).json.detail).toContain(
    "member of deadline, waiting,"
  )
  expect((await ask("POST", "/session", { body: { password: "x" } })).json.detail).toContain("member of token,")
})

it("logs who has changed what, and nothing where nothing was changed", async () => {
  const { ask, logged } = await start({ policy: "fixed:2" })
  const changes = () => logged.filter((line) => line.startsWith("PATCH")).map((line) => line.trim())
  await ask("PATCH", "/pool", { body: { minWorkers: 1, maxWorkers: 8, policy: "adaptive", hold: 3, paused: true } })
  const first =
    "PATCH /pool by 127.0.0.1: minWorkers 2 -> 1, maxWorkers 64 -> 8, policy fixed:2 -> adaptive, hold null -> 3, paused false -> true"
  expect(changes()).toEqual([first.replace("minWorkers 2 -> 1, ", "")])
  await ask("PATCH", "/pool", { body: { maxWorkers: 8 } })
  await ask("PATCH", "/pool", { body: { hold: 99 } })
  expect(changes().length).toBe(1)
  await ask("PATCH", "/pool", { body: { hold: null } })
  expect(changes().at(-1)).toBe("PATCH /pool by 127.0.0.1: hold 3 -> null")
})

it("drains also when it is asked to without a body", async () => {
  const { ask, logged } = await start({ drainDeadline: "7s" })
  const { json, status } = await ask("POST", "/pool/drain", { headers: { prefer: "wait=5" } })
  expect([status, json.forced]).toEqual([200, false])
  expect(logged.map((line) => line.trim())).toContain("POST /pool/drain by 127.0.0.1: within the drain deadline")
})

it("a full queue is 429 with the time after which to ask again", async () => {
  const { ask, submit } = await start({ maxWorkers: "1", capacity: "1" })
  await submit("Gate", { name: "full 1" })
  await submit("Gate", { name: "full 2" })
  const refused = await submit("Gate", { name: "full 3" }, 5)
  expect([refused.status, refused.json.type]).toEqual([429, "urn:effect-worker-pool:problem:queue-full"])
  const seconds = Number(refused.headers.get("retry-after"))
  expect(seconds >= 1 && seconds <= 60).toBe(true)
  expect((await ask("GET", "/pool")).json.requests).toMatchObject({ refusedFull: 1, accepted: 2 })
})

it("who goes away while the queue has no place for it gives up its place, and its key", async () => {
  const { ask, submit, url } = await start({ maxWorkers: "1", capacity: "1", strategy: "suspend" })
  await submit("Gate", { name: "kept 1" })
  await submit("Gate", { name: "kept 2" })
  const counts = async () => (await ask("GET", "/pool")).json.requests
  const leaver = new AbortController()
  const left = fetch(`${url}/requests/Gate`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": "k" },
    body: '{"name":"kept 3"}',
    signal: leaver.signal
  }).catch(() => "left")
  while ((await counts()).blocked === 0);
  leaver.abort()
  expect(await left).toBe("left")
  while ((await counts()).blocked === 1);
  expect((await counts()).abandoned).toBe(1)
  open("kept 1")
  open("kept 2")
  const other = await submit("Echo", { message: "with the same key" }, 20, { "idempotency-key": "k" })
  expect(other.status).toBe(200)
})

it("who waits for no longer than it said has no place in the queue by then, and its key is free", async () => {
  const { ask, submit } = await start({ maxWorkers: "1", capacity: "1", strategy: "suspend" })
  for (const name of ["full 4", "full 5"]) await submit("Gate", { name })
  const refused = await submit("Gate", { name: "full 6" }, 0, { "idempotency-key": "k" })
  expect([refused.status, refused.json.type]).toEqual([429, "urn:effect-worker-pool:problem:queue-full"])
  expect(refused.json.detail).toContain("0 s")
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
  expect((await ask("GET", "/pool")).json.requests).toMatchObject({ abandoned: 1, blocked: 0, accepted: 2 })
  const placed = submit("Gate", { name: "full 7" }, 20, { "idempotency-key": "k" })
  while ((await ask("GET", "/pool")).json.requests.blocked === 0);
  for (const name of ["full 4", "full 5", "full 7"]) open(name)
  expect([(await placed).status, (await placed).headers.get("preference-applied")]).toEqual([200, "wait=20"])
})

it("a drain refuses new requests with 503, is no longer ready, and reports", async () => {
  const { ask, submit } = await start()
  const { json } = await submit("Gate", { name: "drained" })
  const waiting = ask("POST", "/pool/drain", { body: { deadline: "20s" }, headers: { prefer: "wait=30" } })
  while ((await ask("GET", "/pool")).json.state === "open");
  expect((await submit("Echo", { message: "late" }, 5)).status).toBe(503)
  expect((await ask("GET", "/health/ready")).status).toBe(503)
  expect((await ask("GET", "/health/live")).status).toBe(200)
  open("drained")
  const report = await waiting
  expect([report.status, report.json.forced, report.json.ends.succeeded]).toEqual([200, false, 1])
  expect((await ask("GET", `/requests/${json.id}`)).json.state).toBe("succeeded")
  expect((await ask("POST", "/pool/drain", { body: { deadline: "soon" } })).json.field).toBe("deadline")
})

it("a drain may leave out what waits, and tells each so", async () => {
  const { ask, submit } = await start({ maxWorkers: "1", minWorkers: "1" })
  const running = submit("Gate", { name: "kept" }, 20)
  while ((await ask("GET", "/pool")).json.requests.running === 0);
  const { json } = await submit("Gate", { name: "left out" })
  const drain = ask("POST", "/pool/drain", {
    body: { deadline: "20s", waiting: "interrupt" },
    headers: { prefer: "wait=30" }
  })
  const left = await ask("GET", `/requests/${json.id}`, { headers: { prefer: "wait=20" } })
  expect([left.json.state, left.json.attempts]).toEqual(["interrupted", 0])
  open("kept")
  expect((await running).json.state).toBe("succeeded")
  expect((await drain).json).toMatchObject({ forced: false, interruptedCount: 1 })
  expect((await ask("POST", "/pool/drain", { body: { waiting: "drop" } })).json.field).toBe("waiting")
})

it("tells watchers what was, what is each second, and what happens; from where they left off", async () => {
  const { ask, submit, url } = await start()
  const events = await watch(`${url}/events`)
  await submit("Echo", { message: "seen" }, 5)
  const history = await events.next("history")
  expect(history.data).toEqual({ points: expect.any(Array), decisions: expect.any(Array) })
  expect((await events.next("requestEnded")).data).toMatchObject({ type: "Echo", state: "succeeded" })
  const point = await events.next("point")
  expect(point.data.workers).toMatchObject({ idle: 1, running: 0, stuck: 0 })
  expect(point.data.rates.succeeded).toBeGreaterThan(0)
  expect(point.data.waited.p99).toBeGreaterThan(0)
  await ask("PATCH", "/pool", { body: { paused: true } })
  expect((await events.next("paused")).data).toEqual({})
  events.close()

  const later = await watch(`${url}/events?only=point`, { "last-event-id": point.id })
  const { data } = await later.next("history")
  expect(data.points.every(({ at }: { at: number }) => at > point.data.at)).toBe(true)
  later.close()
  expect((await ask("GET", "/events?only=nonsense")).json.field).toBe("only")
})

it("tells of the past, too, only what was asked for", async () => {
  const { submit, url } = await start({ policy: "queueLength:1", scalingInterval: "20ms" })
  for (let n = 0; n < 4; n++) await submit("Gate", { name: `watched ${n}` })
  const decisions = await watch(`${url}/events?only=decision`)
  await decisions.next("decision")
  decisions.close()
  const of = async (only: string) => {
    const events = await watch(`${url}/events?only=${only}`)
    const { data } = await events.next("history")
    events.close()
    return data
  }
  expect((await of("decision")).decisions).not.toEqual([])
  expect((await of("point")).decisions).toEqual([])
  for (let n = 0; n < 4; n++) open(`watched ${n}`)
})

it("keeps so many streams and no more; who goes makes room", async () => {
  const { ask, url } = await start()
  const streams = await Promise.all(Array.from({ length: 100 }, () => watch(`${url}/events?only=draining`)))
  const refused = await ask("GET", "/events")
  expect([refused.status, refused.json.type]).toEqual([503, "urn:effect-worker-pool:problem:too-many-streams"])
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
  streams.pop()!.close()
  for (;;) {
    const response = await fetch(`${url}/events?only=draining`)
    await response.body!.cancel()
    if (response.status === 200) break
  }
  for (const stream of streams) stream.close()
})

it("takes so many connections and no more; who goes makes room", async () => {
  const { port } = await start({ maxConnections: "3" })
  /** Whether the service keeps it: it answers, or closes it. */
  const open = () =>
    new Promise<Socket | undefined>((resolve) => {
      const socket = connect(port, "127.0.0.1", () =>
        socket.write("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
      )
      socket.once("data", () => resolve(socket))
      socket.once("close", () => resolve(undefined))
      socket.once("error", () => resolve(undefined))
    })
  const kept = [await open(), await open(), await open()]
  expect(kept.every((socket) => socket !== undefined)).toBe(true)
  expect(await open()).toBe(undefined)
  kept[0]!.destroy()
  let next: Socket | undefined
  while (next === undefined) next = await open()
  for (const socket of [...kept, next]) socket?.destroy()
})

interface Heard {
  readonly id: string
  readonly data: any
}

/** Reads server-sent events as they come. */
const watch = async (url: string, headers: Record<string, string> = {}) => {
  const abort = new AbortController()
  const response = await fetch(url, { signal: abort.signal, headers })
  expect(response.headers.get("content-type")).toBe("text/event-stream")
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ""
  const next = async (name: string): Promise<Heard> => {
    for (;;) {
      const end = text.indexOf("\n\n")
      if (end < 0) {
        const { done, value } = await reader.read()
        if (done) throw new Error("the stream ended")
        text += value
        continue
      }
      const fields = Object.fromEntries(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)])
      )
      text = text.slice(end + 2)
      if (fields.event === name) return { id: fields.id ?? "", data: JSON.parse(fields.data!) }
    }
  }
  return { next, close: () => abort.abort() }
}
