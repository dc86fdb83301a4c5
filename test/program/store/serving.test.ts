/** Real processes on one store: doors, workers, and what becomes of requests when one of them ends. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { numbers, start, temporary } from "../fixtures/program.ts"
import { post, serve } from "../fixtures/service.ts"
import { ended, openStore, type OpenStore, storeFolder, until, work, type Working } from "../fixtures/store.ts"

const files = temporary()
const folder = storeFolder()
let store: OpenStore
let door: Awaited<ReturnType<typeof serve>>
let worker: Working
const running: Array<{ readonly program: { readonly child: { kill(signal: NodeJS.Signals): boolean } } }> = []

const started = async <A extends (typeof running)[number]>(starting: Promise<A>): Promise<A> => {
  const one = await starting
  running.push(one)
  return one
}

beforeAll(async () => {
  store = await openStore(`${folder}/jobs`)
  door = await started(serve("--store", store.directory, "--no-workers"))
  worker = await started(work(store.directory, "--threads=2"))
}, 60_000)
afterAll(async () => {
  running.forEach(({ program }) => program.child.kill("SIGKILL"))
  await store.close()
})

const json = async (url: string): Promise<any> => (await fetch(url)).json()

/** Stores it at a door, and answers its id. */
const submit = async (url: string, type: string, payload: object): Promise<string> => {
  const response = await fetch(`${url}/requests/${type}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(payload)
  })
  expect(response.status).toBe(202)
  return ((await response.json()) as any).id
}

/** What a door tells of a request once it has ended. */
const outcome = (url: string, id: string): Promise<any> =>
  until(`end of ${id}`, async () => {
    const request = await json(`${url}/requests/${id}`)
    return request.endedAt === undefined ? undefined : request
  })

/** How many requests are in it, each of which succeeded. */
const recorded = (path: string): number => {
  const rows = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("["))
  for (const row of rows) expect(JSON.parse(row).slice(1, 3)).toEqual(["Sleep", "succeeded"])
  return rows.length
}

describe("processes on one store", () => {
  it("take requests at one and run them in another, on threads as well; who only works has no door, but health and metrics", async () => {
    expect(await post(door.url, "Echo", { message: "hello" })).toMatchObject({ status: 200, json: { result: "hello" } })
    expect(worker.program.stdout).toContain(`working on ${store.directory}; health and metrics on http://127.0.0.1:`)
    for (const path of ["live", "ready"]) {
      expect((await fetch(`${worker.url}/health/${path}`)).status).toBe(200)
      expect((await fetch(`${door.url}/health/${path}`)).status).toBe(200)
    }
    const metrics = await (await fetch(`${worker.url}/metrics`)).text()
    expect(metrics).toMatch(/^worker_pool_requests_total\{pool="work",end="succeeded"\} 1$/m)
    // The store of both, as either process tells it.
    expect(metrics).toMatch(/^worker_pool_store_processes\{pool="work"\} 2$/m)
    expect(metrics).toMatch(/^worker_pool_store_stored_total\{pool="work"\} 1$/m)
    expect((await post(worker.url, "Echo", { message: "hello" })).status).toBe(404)
    expect((await fetch(`${worker.url}/health/live`, { method: "DELETE" })).status).toBe(405)
    const stats = await ended(start("jobs", "stats", "--json", "--store", store.directory))
    expect(stats).toMatchObject({ code: 0, stderr: "" })
    const { law, processes, stored, succeeded } = JSON.parse(stats.stdout)
    expect([stored, succeeded, law]).toEqual([1, 1, []])
    expect(processes.map((one: any) => [one.pool, one.role, one.live, one.pid])).toEqual(
      expect.arrayContaining([
        ["serve", "client", true, door.program.child.pid],
        ["work", "worker", true, worker.program.child.pid]
      ])
    )
    expect(processes.length).toBe(2)
  })

  it("answer for each other's requests, and a drained one leaves them to the others", async () => {
    const record = files.path("load.jsonl")
    const heard = ["--record", record, "--advice", "--advice-after", "1ms"]
    const other = await started(serve("--store", store.directory, ...heard))
    const here = await submit(door.url, "Sleep", { millis: 50 })
    const there = await submit(other.url, "Sleep", { millis: 50 })
    expect(await outcome(other.url, here)).toMatchObject({ state: "succeeded", deliveries: 1 })
    expect(await outcome(door.url, there)).toMatchObject({ state: "succeeded", deliveries: 1 })
    const more = await Promise.all(numbers(1, 20).map(() => submit(other.url, "Sleep", { millis: 50 })))
    for (const id of more) await outcome(other.url, id)
    const { requests, type } = await json(`${other.url}/pool/advice`)
    other.program.child.kill("SIGTERM")
    expect(await other.program.code()).toBe(143)
    expect(other.program.stderr).toContain("SIGTERM: no new requests; what runs has until the drain deadline")
    expect(await outcome(door.url, there)).toMatchObject({ state: "succeeded" })
    // What ran in this process it has written down, and would advise for: nothing of what ran elsewhere.
    const ran = recorded(record)
    expect(ran).toBeGreaterThan(0)
    expect([type, requests]).toEqual(["urn:effect-worker-pool:problem:too-little-load", 200 - ran])
  })

  it("run what a killed one had, once it is missed", async () => {
    const file = files.path("held")
    const id = await submit(door.url, "Hold", { file })
    await until("start", () => (existsSync(`${file}.started`) ? true : undefined))
    worker.program.child.kill("SIGKILL")
    worker = await started(work(store.directory, "--max-workers", "2", "--max-held", "4"))
    writeFileSync(file, "")
    expect(await outcome(door.url, id)).toMatchObject({ state: "succeeded", deliveries: 2, result: "released" })
  }, 60_000)

  it("lose nothing when one is drained: what runs ends there, and what it had not begun runs elsewhere", async () => {
    const file = files.path("held")
    const held = await submit(door.url, "Hold", { file })
    await until("start", () => (existsSync(`${file}.started`) ? true : undefined))
    const others = await Promise.all(numbers(1, 30).map(() => submit(door.url, "Sleep", { millis: 100 })))
    worker.program.child.kill("SIGTERM")
    await worker.program.untilSays("SIGTERM: nothing more is claimed")
    expect((await fetch(`${worker.url}/health/ready`)).status).toBe(503)
    const record = files.path("load.jsonl")
    const next = await started(work(store.directory, "--record", record))
    for (const id of others) expect(await outcome(door.url, id)).toMatchObject({ state: "succeeded", deliveries: 1 })
    expect((await json(`${door.url}/requests/${held}`)).state).toBe("running")
    writeFileSync(file, "")
    expect(await outcome(door.url, held)).toMatchObject({ state: "succeeded", deliveries: 1 })
    expect(await worker.program.code()).toBe(143)
    expect(worker.program.stderr).toMatch(/pool ..work.. drained in/)
    next.program.child.kill("SIGINT")
    expect(await next.program.code()).toBe(130)
    expect(recorded(record)).toBeGreaterThan(0)
    expect(readFileSync(record, "utf8")).toMatch(/"closed":true}\n$/)
  }, 60_000)

  it("go on when the server of the store is killed, and say so once", async () => {
    worker = await started(work(store.directory))
    const [postmaster] = readFileSync(`${store.directory}/data/postmaster.pid`, "utf8").split("\n")
    process.kill(Number(postmaster), "SIGKILL")
    const ready = (url: string, status: number) =>
      until(`${status}`, async () => ((await fetch(`${url}/health/ready`)).status === status ? true : undefined))
    // Whoever asks first starts it again: the other one may have missed nothing.
    await Promise.any([worker, door].map(({ url }) => ready(url, 503)))
    for (const { url } of [worker, door]) await ready(url, 200)
    expect(await post(door.url, "Echo", { message: "again" })).toMatchObject({ status: 200, json: { result: "again" } })
    const told = (["work", "serve"] as const).map((name) => {
      const { stderr } = (name === "work" ? worker : door).program
      expect(stderr).not.toContain("Notices")
      const times = (what: string) => stderr.split(`The store of pool \\"${name}\\" is ${what}`).length - 1
      expect(times("there again")).toBe(times("away"))
      return times("away")
    })
    expect(Math.max(...told)).toBe(1)
  }, 60_000)
})
