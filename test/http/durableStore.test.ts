/** What a service tells of its store, what is paused in all of its processes, and what it does while the store is away. */
import { Effect, Schema } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Durable from "../../src/durable/Durable.ts"
import * as Memory from "../../src/durable/memory/store.ts"
import { PoolResource } from "../../src/http/shapes.ts"
import * as RemotePool from "../../src/http/RemotePool.ts"
import { type OnStore, startOn } from "./durableSupport.ts"
import { group, open } from "./handlers.ts"

let memory: Memory.MemoryStore
let one: OnStore
let other: OnStore
beforeEach(async () => {
  memory = await Effect.runPromise(Memory.make)
  one = await startOn(memory, { name: "one", storeTimeout: "300 millis" })
  other = await startOn(memory, { name: "other" })
})
afterEach(async () => {
  memory.faults.setReach("here")
  await Promise.all([one.close(), other.close()])
})

const pool = async (at: OnStore) => (await at.ask("GET", "/pool")).json
const store = async (at: OnStore) => (await pool(at)).store
const state = async (id: string, at = one) => (await at.ask("GET", `/requests/${id}`)).json.state
/** What is seen is at most a second old. */
const eventually = { timeout: 10_000, interval: 10 }

describe("GET /pool", () => {
  it("has the counts of all processes, which keep the law, and a row for each", async () => {
    await one.submit("Echo", { message: "a" }, 10)
    await one.submit("Fail", { why: "b" }, 10)
    const { json } = await other.submit("Gate", { name: "pool" })
    await expect.poll(() => state(json.id), eventually).toBe("running")
    const requests = { stored: 3, waiting: 0, delayed: 0, claimed: 1, succeeded: 1, failed: 1, cancelled: 0 }
    await expect.poll(async () => (await store(one)).requests, eventually).toMatchObject(requests)
    const seen = await store(one)
    expect(Durable.lawViolations({ ...seen.requests, oldestMillis: 0, tags: {} })).toEqual([])
    expect(seen).toMatchObject({ kind: "memory", away: false, oldestWaitMillis: 0, pauses: [], unsettled: 0 })
    expect(seen.process).toBe(one.durable.process)
    expect(seen.types.Gate).toEqual({ waiting: 0, delayed: 0, claimed: 1 })
    expect((await store(one)).held + (await store(other)).held).toBe(1)
    const process = (name: string, { durable }: OnStore) => ({
      id: durable.process,
      pool: name,
      host: expect.any(String),
      pid: globalThis.process.pid,
      role: "both",
      live: true,
      workers: expect.any(Number),
      running: expect.any(Number),
      startedAt: expect.any(String),
      seenAt: expect.any(String)
    })
    const byName = seen.processes.toSorted((a: any, b: any) => (a.pool < b.pool ? -1 : 1))
    expect(byName).toEqual([process("one", one), process("other", other)])
    open("pool")
  })

  it("is as the contract says, with a store and while it is away", async () => {
    const fits = async () => Schema.decodeUnknownSync(PoolResource, { onExcessProperty: "error" })(await pool(one))
    expect((await fits()).store?.requests).not.toBe(null)
    memory.faults.setReach("away")
    await expect.poll(async () => (await fits()).store, eventually).toMatchObject({ away: true, requests: null })
  })

  it("tells a process that ended without leaving from one that left", async () => {
    const third = await startOn(memory, { name: "third" })
    await expect.poll(async () => (await store(one)).processes.length, eventually).toBe(3)
    await third.close()
    await expect.poll(async () => (await store(one)).processes.length, eventually).toBe(2)
    other.kill()
    const missing = expect.objectContaining({ pool: "other", live: false })
    await expect
      .poll(async () => (await store(one)).processes, { ...eventually, timeout: 20_000 })
      .toContainEqual(missing)
    memory.faults.thaw(other.durable.process)
  }, 40_000)
})

describe("what is paused", () => {
  it("starts in no process, and says so in each, until any of them lets it go on", async () => {
    const patched = await one.ask("PATCH", "/pool", { body: { paused: true } })
    expect([patched.status, patched.json.paused, patched.json.store.pauses]).toEqual([200, true, [{}]])
    await expect.poll(async () => (await pool(other)).paused, eventually).toBe(true)
    const { json } = await one.submit("Echo", { message: "paused" })
    expect((await other.submit("Echo", { message: "paused" }, 1)).status).toBe(202)
    expect(await state(json.id)).toBe("waiting")
    expect((await other.ask("PATCH", "/pool", { body: { paused: false } })).json.paused).toBe(false)
    await expect.poll(() => state(json.id), eventually).toBe("succeeded")
    await expect.poll(async () => (await pool(one)).paused, eventually).toBe(false)
  })

  it("may be of one type or of one key; those of a limit are each process's own", async () => {
    expect((await one.ask("POST", "/pool/pause?tag=Gate")).status).toBe(204)
    expect((await one.ask("POST", "/pool/pause?key=acme")).status).toBe(204)
    const pauses = async () => (await store(other)).pauses.map((pause: object) => JSON.stringify(pause)).toSorted()
    await expect.poll(pauses, eventually).toEqual(['{"key":"acme"}', '{"type":"Gate"}'])
    expect((await other.submit("Echo?key=acme", { message: "" }, 1)).status).toBe(202)
    expect((await other.submit("Echo?key=other", { message: "" }, 10)).status).toBe(200)
    for (const part of ["tag=Gate", "key=acme"]) await other.ask("POST", `/pool/resume?${part}`)
    await expect.poll(async () => (await store(one)).pauses, eventually).toEqual([])
    expect((await one.ask("POST", "/pool/pause?limit=none")).json).toMatchObject({ status: 400, field: "limit" })
  })
})

describe("a store that is away", () => {
  const refused = (reply: { readonly status: number; readonly json: any; readonly headers: Headers }) => [
    reply.status,
    reply.json.type,
    reply.headers.get("retry-after")
  ]
  const unavailable = [503, "urn:effect-worker-pool:problem:store-unavailable", "5"]

  it("is said to whoever asks, and nothing of it is lost", async () => {
    const { json } = await one.submit("Gate", { name: "away" })
    await expect.poll(() => state(json.id), eventually).toBe("running")
    memory.faults.setReach("away")
    expect(refused(await one.submit("Echo", { message: "away" }))).toEqual(unavailable)
    const ready = await one.ask("GET", "/health/ready")
    expect([...refused(ready), ready.json.detail]).toEqual([...unavailable, "The store of requests cannot be reached"])
    expect((await one.ask("GET", "/health/live")).status).toBe(200)
    // What is no id is no request, and nobody need be asked.
    expect((await one.ask("GET", "/requests/p-1")).status).toBe(404)
    const asked = [
      one.ask("GET", `/requests/${json.id}`),
      one.ask("GET", "/requests"),
      one.ask("GET", "/requests?state=failed,waiting"),
      one.ask("DELETE", `/requests/${json.id}`),
      one.ask("DELETE", "/requests?type=Echo"),
      one.ask("PATCH", `/requests/${json.id}`, { body: { priority: 1 } }),
      one.ask("POST", `/requests/${json.id}/retry`),
      one.ask("POST", `/requests/${json.id}/discard`),
      one.ask("PATCH", "/pool", { body: { paused: true } }),
      one.ask("POST", "/pool/pause?key=acme"),
      one.submit("Echo", { message: "away" }, undefined, { "idempotency-key": "away" })
    ]
    expect((await Promise.all(asked)).map(refused)).toEqual(asked.map(() => unavailable))
    open("away", "kept")
    memory.faults.setReach("here")
    await expect.poll(() => state(json.id), eventually).toBe("succeeded")
    await expect.poll(async () => (await one.ask("GET", "/health/ready")).status, eventually).toBe(200)
    expect((await pool(one)).paused).toBe(false)
  })

  it("keeps a client that waits no longer than it has said", async () => {
    memory.faults.setReach("away")
    // This one gives the store 30 s.
    const since = performance.now()
    expect(refused(await other.submit("Echo", { message: "away" }, 0))).toEqual(unavailable)
    expect(performance.now() - since).toBeLessThan(10_000)
  })

  it("lets a repeat with the same key find what was stored when its answer was lost", async () => {
    // Nothing is claimed meanwhile: such a claim would be lost as well, until it lapses.
    await one.ask("PATCH", "/pool", { body: { paused: true } })
    await expect.poll(async () => (await pool(other)).paused, eventually).toBe(true)
    memory.faults.setReach("answersLost")
    const key = { "idempotency-key": "lost" }
    expect((await one.submit("Echo", { message: "lost" }, undefined, key)).status).toBe(503)
    memory.faults.setReach("here")
    const repeat = await other.submit("Echo", { message: "lost" }, undefined, key)
    expect([repeat.status, repeat.json.request.state]).toEqual([409, "waiting"])
    await one.ask("PATCH", "/pool", { body: { paused: false } })
    await expect
      .poll(async () => (await other.submit("Echo", { message: "lost" }, 5, key)).status, eventually)
      .toBe(200)
    const counts = await Effect.runPromise(other.durable.counts)
    expect([counts.stored, counts.succeeded]).toEqual([1, 1])
  })
})

describe("GET /metrics", () => {
  const metrics = async () => (await one.ask("GET", "/metrics")).json as string
  const value = (text: string, series: string): number | undefined => {
    const line = text.split("\n").find((line) => line.startsWith(`worker_pool_store_${series} `))
    return line === undefined ? undefined : Number(line.split(" ").at(-1))
  }

  it("has the counts of the store, and not while it is away", async () => {
    await one.ask("PATCH", "/pool", { body: { paused: true } })
    await one.submit("Echo", { message: "" })
    await one.submit("Echo", { message: "" })
    const of = (text: string) =>
      ["waiting", "delayed", "claimed", "processes", "stored_total"].map((name) => value(text, `${name}{pool="one"}`))
    await expect.poll(async () => of(await metrics()), eventually).toEqual([2, 0, 0, 2, 2])
    const text = await metrics()
    expect(value(text, 'oldest_wait_seconds{pool="one"}')).toBeGreaterThan(0)
    expect(value(text, 'ended_total{pool="one",end="succeeded"}')).toBe(0)
    expect(["held", "unsettled", "away"].map((name) => value(text, `${name}{pool="one"}`))).toEqual([0, 0, 0])
    expect(text).toMatch(/^# TYPE worker_pool_store_stored_total counter$/m)
    expect(text).toMatch(/^# TYPE worker_pool_store_oldest_wait_seconds gauge$/m)
    expect(text).toMatch(/^# HELP worker_pool_store_waiting \S/m)
    memory.faults.setReach("away")
    await expect.poll(async () => value(await metrics(), 'away{pool="one"}'), eventually).toBe(1)
    await expect.poll(async () => of(await metrics()), eventually).toEqual(Array(5).fill(undefined))
    memory.faults.setReach("here")
    await expect.poll(async () => value(await metrics(), 'waiting{pool="one"}'), eventually).toBe(2)
  })
})

it("a remote client calls it as any pool, whichever process does the work", async () => {
  const call = Effect.gen(function* () {
    const client = yield* RemotePool.client(group)
    const failed = yield* Effect.flip(client.Fail({ why: "no" }))
    return [yield* client.Echo({ message: "hello" }), (failed as { readonly _tag: string })._tag]
  }).pipe(Effect.scoped, Effect.provide(RemotePool.layerProtocol({ url: one.url })))
  expect(await Effect.runPromise(call)).toEqual(["hello", "Refusal"])
  expect((await Effect.runPromise(one.durable.counts)).stored).toBe(2)
})

/** What the service streams of these events, as text. */
const listen = async (at: OnStore, only: string) => {
  const stop = new AbortController()
  const response = await fetch(`${at.url}/events?only=${only}`, { signal: stop.signal })
  const heard = { text: "", stop: () => stop.abort() }
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const read = (): Promise<void> =>
    reader.read().then(({ done, value }) => {
      heard.text += value ?? ""
      return done ? undefined : read()
    })
  read().catch(() => undefined)
  return heard
}

describe("GET /events", () => {
  it("has the ends of what this process ran, whoever was asked", async () => {
    const heard = [await listen(one, "requestEnded"), await listen(other, "requestEnded")]
    const { json } = await one.submit("Echo", { message: "hello" }, 10)
    const event = `event: requestEnded\ndata: {"id":"${json.id}","type":"Echo","state":"succeeded"`
    const tellers = () => heard.filter(({ text }) => text.includes(event)).length
    await expect.poll(tellers, eventually).toBe(1)
    for (const { stop } of heard) stop()
  })

  it("tells of a claim that has lapsed, in the process that had it", async () => {
    const { json } = await one.submit("Gate", { name: "lapsed" })
    const owner = async () => (await one.ask("GET", `/requests/${json.id}`)).json.process as string | undefined
    await expect.poll(owner, eventually).toBeDefined()
    const [had, has] = (await owner()) === one.durable.process ? [one, other] : [other, one]
    const heard = await listen(had, "claimLapsed")
    had.kill()
    const taken = async () => (await has.ask("GET", `/requests/${json.id}`)).json
    await expect
      .poll(taken, { timeout: 30_000, interval: 200 })
      .toMatchObject({ process: has.durable.process, deliveries: 2 })
    memory.faults.thaw(had.durable.process)
    const event = `event: claimLapsed\ndata: {"id":"${json.id}","type":"Gate","deliveries":1}`
    await expect.poll(() => heard.text, eventually).toContain(event)
    open("lapsed", "once")
    expect((await had.ask("GET", `/requests/${json.id}`, { headers: { prefer: "wait=10" } })).json).toMatchObject({
      state: "succeeded",
      result: "once",
      deliveries: 2
    })
    heard.stop()
  }, 60_000)
})

it("a tenant has its own requests alone, at every process", async () => {
  const tokens = { acme: "acme-token-0123456789", evil: "evil-token-0123456789" }
  const memory = await Effect.runPromise(Memory.make)
  const [a, b] = await Promise.all([startOn(memory, { tokens }), startOn(memory, { tokens })])
  const as = (name: keyof typeof tokens) => ({ authorization: `Bearer ${tokens[name]}` })
  const { json } = await a.submit("Echo", { message: "secret" }, 10, { ...as("acme"), "idempotency-key": "k" })
  expect(json).toMatchObject({ state: "succeeded", key: "acme" })
  const path = `/requests/${json.id}`
  expect((await b.ask("GET", path, { headers: as("acme") })).json.result).toBe("secret")
  for (const [method, path_] of [
    ["GET", path],
    ["DELETE", path],
    ["POST", `${path}/retry`],
    ["POST", `${path}/discard`]
  ] as const) {
    expect([method, (await b.ask(method, path_, { headers: as("evil") })).status]).toEqual([method, 404])
  }
  const patched = await b.ask("PATCH", path, { headers: as("evil"), body: { priority: 1 } })
  expect(patched.status).toBe(404)
  expect((await b.ask("GET", "/requests", { headers: as("evil") })).json.requests).toEqual([])
  expect((await b.ask("GET", "/requests", { headers: as("acme") })).json.requests.length).toBe(1)
  expect((await b.ask("GET", "/requests?key=acme", { headers: as("evil") })).status).toBe(403)
  const own = await b.submit("Echo", { message: "mine" }, 10, { ...as("evil"), "idempotency-key": "k" })
  expect([own.status, own.json.result, own.json.id === json.id]).toEqual([200, "mine", false])
  // What a primary key names is its tenant's, too, however it is asked.
  const byName = async (at: OnStore, name: keyof typeof tokens) =>
    (await at.submit("Named", { name: json.id }, 10, as(name))).json
  const remotely = (at: OnStore, name: keyof typeof tokens) =>
    RemotePool.client(group).pipe(
      Effect.flatMap((pool) => pool.Named({ name: json.id })),
      Effect.scoped,
      Effect.provide(RemotePool.layerProtocol({ url: at.url, token: tokens[name] })),
      Effect.runPromise
    )
  const [theirs, others] = [await byName(a, "acme"), await byName(b, "evil")]
  expect(others.result).not.toBe(theirs.result)
  expect([await remotely(b, "acme"), await remotely(a, "evil")]).toEqual([theirs.result, others.result])
  expect((await byName(b, "acme")).id).toBe(theirs.id)
  await Promise.all([a.close(), b.close()])
})
