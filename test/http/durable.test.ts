/** Two services on one store: what one is asked, the other one knows, does, waits for and ends. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type * as Durable from "../../src/durable/Durable.ts"
import * as Memory from "../../src/durable/memory/store.ts"
import { type OnStore, startOn } from "./durableSupport.ts"
import { open } from "./handlers.ts"
import type { Reply } from "./support.ts"

let memory: Memory.MemoryStore
/** It asks; the other one works. */
let door: OnStore
let worker: OnStore
beforeAll(async () => {
  memory = await Effect.runPromise(Memory.make)
  door = await startOn(memory, { asks: true, name: "door" })
  worker = await startOn(memory, { name: "worker", minWorkers: 4 })
})
afterAll(async () => {
  memory.faults.setReach("here")
  await Promise.all([door.close(), worker.close()])
})

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const look = (at: OnStore, id: string, headers: Record<string, string> = {}): Promise<Reply> =>
  at.ask("GET", `/requests/${id}`, { headers })
const ended = (at: OnStore, id: string) => look(at, id, { prefer: "wait=20" })
const runs = (id: string) => expect.poll(async () => (await look(door, id)).json.state).toBe("running")

describe("POST /requests/{type}", () => {
  it("answers 202 once it is stored, with an id that every process knows", async () => {
    const { headers, json, status } = await door.submit("Gate", { name: "stored" })
    expect(status).toBe(202)
    expect(json).toEqual({
      id: expect.stringMatching(uuid),
      type: "Gate",
      state: "waiting",
      deliveries: 0,
      priority: 0,
      acceptedAt: expect.any(String)
    })
    expect(headers.get("location")).toBe(`/requests/${json.id}`)
    await runs(json.id)
    const running = (await look(worker, json.id)).json
    expect(running).toMatchObject({ state: "running", deliveries: 1, process: worker.durable.process })
    expect(running).toEqual((await look(door, json.id)).json)
    expect(Date.parse(running.claimedAt)).toBeGreaterThanOrEqual(Date.parse(running.acceptedAt))
    open("stored", "value")
    const end = (await ended(door, json.id)).json
    expect(end).toMatchObject({ state: "succeeded", result: "value", attempts: 1, deliveries: 1 })
    expect((await look(worker, json.id)).json).toEqual(end)
  })

  it("tells who waits at a service that stops where the end will be found", async () => {
    const leaving = await startOn(memory, { asks: true, name: "leaving" })
    const posted = leaving.submit("Gate", { name: "left" }, 20)
    const isLeft = ({ request, state }: Durable.RequestRecord) =>
      state === "claimed" && (request.payload as { readonly name: string }).name === "left"
    const stored = async () => (await Effect.runPromise(door.durable.list({ tag: "Gate", limit: 100 }))).find(isLeft)
    await expect.poll(stored).toBeDefined()
    const { id } = (await stored())!.request
    const read = ended(leaving, id)
    await leaving.drain()
    const { headers, json, status } = await posted
    expect([status, headers.get("location")]).toEqual([202, `/requests/${id}`])
    expect(json.id).toBe(id)
    expect((await read).json).toMatchObject({ id, state: "running" })
    open("left", "value")
    expect((await ended(door, id)).json).toMatchObject({ state: "succeeded", result: "value" })
    expect(leaving.logged).toEqual([])
    await leaving.close()
  })

  it("waits for the end that another process makes", async () => {
    const { headers, json, status } = await door.submit("Echo", { message: "hello" }, 10)
    expect([status, headers.get("preference-applied")]).toEqual([200, "wait=10"])
    expect(json).toMatchObject({ state: "succeeded", result: "hello", attempts: 1, deliveries: 1 })
    const failed = await door.submit("Fail", { why: "no" }, 10)
    expect(failed.status).toBe(422)
    expect(failed.json.request.error).toEqual({ _tag: "Refusal", why: "no", at: "1970-01-01T00:00:00.000Z" })
    expect((await look(worker, failed.json.request.id)).json.error).toEqual(failed.json.request.error)
  })

  it("tells nothing of a defect but in the log of the process that ran it, once", async () => {
    const died = await door.submit("Die", { text: "the password is 1234" }, 10)
    expect([died.status, died.json.request.error._tag]).toEqual([500, "Defect"])
    const { id } = died.json.request
    expect(JSON.stringify([died.json, (await look(door, id)).json, (await look(worker, id)).json])).not.toContain(
      "1234"
    )
    const told = ({ logged }: OnStore) => logged.filter((line) => line.includes("the password is 1234"))
    await expect
      .poll(() => told(worker))
      .toEqual([expect.stringContaining(`the handler of "Die" died (request ${id})`)])
    expect(told(door)).toEqual([])
  })

  it("when the wait runs out it answers 202, and the request goes on", async () => {
    const { json, status } = await door.submit("Gate", { name: "too long" }, 0)
    expect(status).toBe(202)
    open("too long")
    expect((await ended(worker, json.id)).json.state).toBe("succeeded")
  })

  it("stores nothing of a payload or an option that does not fit", async () => {
    const before = (await door.durable.counts.pipe(Effect.runPromise)).stored
    expect((await door.submit("Echo", { message: 1 })).json).toMatchObject({ status: 400, field: "message" })
    expect((await door.submit("Echo?priority=11", { message: "" })).json).toMatchObject({ field: "priority" })
    expect((await door.submit("Nothing", {})).status).toBe(404)
    expect((await door.durable.counts.pipe(Effect.runPromise)).stored).toBe(before)
  })
})

describe("an `Idempotency-Key`", () => {
  it("holds in the store: a repeat at another process gets the first, and nothing runs again", async () => {
    const key = { "idempotency-key": randomUUID() }
    const first = await door.submit("Gate", { name: "once" }, undefined, key)
    await runs(first.json.id)
    const repeat = await worker.submit("Gate", { name: "once" }, 5, key)
    expect([repeat.status, repeat.json.request.id]).toEqual([409, first.json.id])
    expect(repeat.headers.get("location")).toBe(`/requests/${first.json.id}`)
    open("once", "value")
    await ended(worker, first.json.id)
    const later = await worker.submit("Gate", { name: "once" }, 5, key)
    expect([later.status, later.json.id, later.json.result]).toEqual([200, first.json.id, "value"])
    const asFirst = await door.submit("Gate", { name: "once" }, undefined, key)
    expect([asFirst.status, asFirst.json.id]).toEqual([202, first.json.id])
    expect((await look(door, first.json.id)).json.deliveries).toBe(1)
  })

  it("with another payload, or other options, is 422 at every process", async () => {
    const key = { "idempotency-key": "the-same" }
    expect((await door.submit("Echo", { message: "a" }, undefined, key)).status).toBe(202)
    const others = await Promise.all([
      door.submit("Echo", { message: "b" }, undefined, key),
      worker.submit("Echo", { message: "b" }, undefined, key),
      worker.submit("Echo?retries=1", { message: "a" }, undefined, key)
    ])
    expect(others.map(({ json, status }) => [status, json.type])).toEqual(
      others.map(() => [422, "urn:effect-worker-pool:problem:key-reused"])
    )
  })

  it("never names another request: the id of one is a key like any other", async () => {
    const { json } = await door.submit("Echo", { message: "mine" })
    const other = await door.submit("Echo", { message: "mine" }, 5, { "idempotency-key": json.id })
    expect([other.status, other.json.id === json.id]).toEqual([200, false])
  })

  it("of many repeats at once, at both, runs one", async () => {
    const key = { "idempotency-key": "at-once" }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? door : worker).submit("Gate", { name: "many" }, undefined, key)
      )
    )
    const ids = new Set(answers.map(({ json }) => json.id ?? json.request.id))
    expect(ids.size).toBe(1)
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, ...Array.from({ length: 19 }, () => 409)])
    open("many")
    expect((await ended(door, [...ids][0])).json).toMatchObject({ state: "succeeded", deliveries: 1 })
  })
})

describe("one request, at another process than it was sent to", () => {
  it("is cancelled while it runs, and whoever waits is told", async () => {
    const { json } = await worker.submit("Gate", { name: "cancel me" })
    await runs(json.id)
    const waiting = ended(worker, json.id)
    const cancelled = await door.ask("DELETE", `/requests/${json.id}`)
    expect([cancelled.status, cancelled.json]).toEqual([200, { id: json.id, cancel: "interrupting" }])
    expect((await waiting).json).toMatchObject({ state: "cancelled", deliveries: 1 })
    expect((await door.ask("DELETE", `/requests/${json.id}`)).json.cancel).toBe("settled")
    await expect.poll(async () => (await worker.ask("GET", "/pool")).json.requests.running).toBe(0)
  })

  it("waits, and is given another priority, or is withdrawn", async () => {
    await worker.ask("PATCH", "/pool", { body: { paused: true } })
    const { json } = await worker.submit("Echo?key=acme", { message: "later" })
    expect((await look(door, json.id)).json).toMatchObject({ state: "waiting", key: "acme", priority: 0 })
    const patched = await door.ask("PATCH", `/requests/${json.id}`, { body: { priority: 7 } })
    expect([patched.status, patched.json.priority]).toEqual([200, 7])
    expect((await look(worker, json.id)).json.priority).toBe(7)
    expect((await door.ask("DELETE", `/requests/${json.id}`)).json.cancel).toBe("withdrawn")
    expect((await door.ask("PATCH", `/requests/${json.id}`, { body: { priority: 1 } })).status).toBe(409)
    expect((await look(worker, json.id)).json).toMatchObject({ state: "cancelled", deliveries: 0, attempts: 0 })
    await door.ask("PATCH", "/pool", { body: { paused: false } })
  })

  it.each(["delay=1h", `startAt=${encodeURIComponent(new Date(Date.now() + 3_600_000).toISOString())}`])(
    "is for later with %s, and every process tells when",
    async (query) => {
      const { json } = await door.submit(`Echo?${query}`, { message: "later" })
      for (const told of [
        json,
        (await look(worker, json.id)).json,
        (await door.ask("GET", "/requests")).json.requests[0]
      ]) {
        expect(told).toMatchObject({ id: json.id, state: "delayed" })
        expect(told.startsInMillis).toBeGreaterThan(3_500_000)
        expect(told.startsInMillis).toBeLessThanOrEqual(3_600_000)
      }
      expect((await door.ask("DELETE", `/requests/${json.id}`)).json.cancel).toBe("withdrawn")
      expect((await look(door, json.id)).json).not.toHaveProperty("startsInMillis")
    }
  )

  it("is 404 where there is none, whatever the id looks like", async () => {
    for (const id of [randomUUID(), "p-1", "nonsense", `${randomUUID()}0`]) {
      for (const [method, path] of [
        ["GET", ""],
        ["DELETE", ""],
        ["POST", "/retry"],
        ["POST", "/discard"]
      ]) {
        expect([id, method, (await door.ask(method!, `/requests/${id}${path}`)).status]).toEqual([id, method, 404])
      }
    }
  })
})

describe("lists", () => {
  it("have the requests of all processes, newest first, page by page", async () => {
    const ids: Array<string> = []
    for (let n = 0; n < 7; n++) {
      const at = n % 2 === 0 ? door : worker
      ids.unshift((await at.submit("Echo?key=pages", { message: String(n) }, 10)).json.id)
    }
    const seen: Array<string> = []
    let after = ""
    for (let page = 0; page < 4; page++) {
      const { json } = await door.ask("GET", `/requests?key=pages&state=succeeded,failed&limit=2${after}`)
      seen.push(...json.requests.map(({ id }: { id: string }) => id))
      expect(json.next === null).toBe(page === 3)
      after = `&after=${encodeURIComponent(json.next)}`
    }
    expect(seen.toSorted()).toEqual(ids.toSorted())
    const all = (await worker.ask("GET", "/requests?key=pages&limit=500")).json
    expect([all.requests.map(({ id }: { id: string }) => id), all.next]).toEqual([seen, null])
    const times = all.requests.map(({ acceptedAt }: { acceptedAt: string }) => acceptedAt)
    expect(times).toEqual(times.toSorted().toReversed())
  })

  it("say what is wrong with a query", async () => {
    for (const [query, field] of [
      ["state=lost", "state"],
      ["limit=0", "limit"],
      ["after=p-1", "after"],
      [`after=1.${"x".repeat(36)}`, "after"]
    ]) {
      const { json, status } = await door.ask("GET", `/requests?${query}`)
      expect([query, status, json.field]).toEqual([query, 400, field])
    }
  })

  it("have dead letters, which are sent again or discarded by any process", async () => {
    const send = async (why: string) => (await door.submit("Fail?key=dead", { why }, 10)).json.request.id as string
    const again = await send("again")
    const gone = await send("gone")
    const dead = async (at: OnStore) => {
      const { json } = await at.ask("GET", "/requests?state=deadLetter&key=dead")
      return json.requests.map(({ id }: { id: string }) => id).toSorted()
    }
    expect(await dead(worker)).toEqual([again, gone].toSorted())
    const resent = await worker.ask("POST", `/requests/${again}/retry`)
    expect([resent.status, resent.json.resubmittedFrom]).toEqual([202, again])
    expect(resent.headers.get("location")).toBe(`/requests/${resent.json.id}`)
    expect((await door.ask("POST", `/requests/${again}/retry`)).status).toBe(409)
    expect((await ended(door, resent.json.id)).json).toMatchObject({ state: "failed", resubmittedFrom: again })
    expect((await door.ask("POST", `/requests/${gone}/discard`)).status).toBe(204)
    expect((await worker.ask("POST", `/requests/${gone}/discard`)).status).toBe(409)
    expect(await dead(door)).toEqual([resent.json.id])
  })

  it("are cancelled as a whole, wherever their requests are", async () => {
    const gates = await Promise.all([1, 2].map(() => door.submit("Gate?key=many", { name: "never" })))
    for (const { json } of gates) await runs(json.id)
    await door.ask("POST", "/pool/pause?tag=Echo")
    const waiting = await Promise.all([1, 2, 3].map(() => worker.submit("Echo?key=many", { message: "" })))
    const some = await worker.ask("DELETE", "/requests?key=many&state=waiting,blocked")
    expect(some.json).toEqual({ cancelled: 3 })
    expect((await look(door, waiting[0]!.json.id)).json.state).toBe("cancelled")
    // Nothing stored has a group.
    expect((await door.ask("DELETE", "/requests?group=many")).json).toEqual({ cancelled: 0 })
    expect((await door.ask("GET", "/requests?group=many")).json).toMatchObject({ requests: [] })
    expect((await door.ask("DELETE", "/requests?key=many")).json).toEqual({ cancelled: 2 })
    expect((await door.ask("DELETE", "/requests?key=many")).json).toEqual({ cancelled: 0 })
    expect((await door.ask("DELETE", "/requests")).status).toBe(400)
    await door.ask("POST", "/pool/resume?tag=Echo")
  })
})
