/** Several processes on one port, as real ones: whoever is asked answers for all, and no request is dropped when one goes. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { type AddressInfo, createServer, type Server } from "node:net"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, it } from "vitest"
import { handlers, type Program, start, temporary } from "../fixtures/program.ts"
import { post, serve, serveModule } from "../fixtures/service.ts"

const files = temporary()
const module = fileURLToPath(new URL("../fixtures/several.ts", import.meta.url))

/** Until the next look: the processes need the cores, too. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

/** On a connection of its own: the next one comes to another process. */
const call = (
  url: string,
  method = "GET",
  headers: Record<string, string> = {},
  body?: string,
  agent: Agent | false = false
) =>
  new Promise<{ readonly status: number; readonly text: string; readonly json: any; readonly headers: any }>(
    (resolve, reject) => {
      const asked = request(url, { method, headers, agent }, (response) => {
        let text = ""
        response.on("data", (chunk) => (text += chunk)).on("error", reject)
        response.on("end", () => {
          const isJson = /json/.test(response.headers["content-type"] ?? "")
          resolve({
            status: response.statusCode!,
            text,
            json: isJson ? JSON.parse(text) : undefined,
            headers: response.headers
          })
        })
      })
      asked.on("error", reject)
      asked.end(body)
    }
  )

const asJson = { "content-type": "application/json" }
const submit = (url: string, type: string, payload: unknown, headers = {}, query = "") =>
  call(`${url}/requests/${type}${query}`, "POST", { ...asJson, ...headers }, JSON.stringify(payload))

const poolOf = async (url: string) => (await call(`${url}/pool`)).json

/** Clients that ask again and again, until they are stopped, and what became of it. */
const load = (url: string, many: number) => {
  const asking = { isOver: false }
  const counts = new Map<number | string, number>()
  const agents = Array.from({ length: many }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const clients = agents.map(async (agent) => {
    while (!asking.isOver) {
      const end = await post(url, "Echo", { message: "hello" }, agent).then(
        ({ status }) => status,
        (error) => String((error as NodeJS.ErrnoException).code)
      )
      counts.set(end, (counts.get(end) ?? 0) + 1)
      // Nobody listens any more: nothing was sent.
      if (end === "ECONNREFUSED") return
    }
  })
  const over = Promise.all(clients).then(() => agents.forEach((agent) => agent.destroy()))
  const atLeast = async (answers: number) => {
    while ((counts.get(200) ?? 0) < answers) await turn()
  }
  const stop = () => {
    asking.isOver = true
    return over
  }
  return { counts, over, stop, atLeast }
}

/** One service for all of them, each after the other: it takes three processes. */
describe("several processes", () => {
  let program: Program
  let url: string
  beforeAll(async () => {
    const limits = ["--limit", "name=all,concurrency=4,tags=Echo"]
    ;({ program, url } = await serveModule(
      module,
      "--processes",
      "2",
      "--max-workers",
      "6",
      "--capacity",
      "1001",
      ...limits
    ))
  })
  afterAll(() => program.child.kill("SIGKILL"))

  const isServing = async () => {
    while ((await poolOf(url)).processes.serving < 2) await turn()
  }

  it("answer for all, whichever is asked", async ({ expect }) => {
    const taken: Array<string> = []
    for (let i = 0; i < 6; i++) taken.push((await submit(url, "Echo", { message: `${i}` })).json.id)
    expect(new Set(taken.map((id) => id.split("-")[0])).size).toBe(2)
    // Each is asked for twice: one of the two comes to the other process.
    for (const id of [...taken, ...taken]) {
      const { json, status } = await call(`${url}/requests/${id}`, "GET", { prefer: "wait=5" })
      expect([status, json.id, json.state]).toEqual([200, id, "succeeded"])
      expect((await call(`${url}/requests/${id}`, "DELETE")).json).toEqual({ id, cancel: "settled" })
    }
    for (let i = 0; i < 2; i++) expect((await call(`${url}/requests/abcdef-1`)).status).toBe(404)
    expect(await poolOf(url)).toMatchObject({
      bounds: { minWorkers: 1, maxWorkers: 6 },
      capacity: 1001,
      requests: { offered: 6, accepted: 6, succeeded: 6 },
      limits: { all: { concurrency: 4, started: 6 } },
      recurring: [{ name: "every hour", last: null }],
      processes: { of: 2, serving: 2, ended: 0, lost: 0 }
    })
    const metrics = (await call(`${url}/metrics`)).text
    for (const line of [
      'worker_pool_accepted_total{pool="serve"} 6',
      'worker_pool_max_workers{pool="serve"} 6',
      'worker_pool_state{pool="serve",state="open"} 1',
      'worker_pool_waited_seconds_count{pool="serve"} 6',
      "worker_pool_processes_serving 2"
    ]) {
      expect(metrics.split("\n")).toContain(line)
    }
    // Newest first, page by page, each once.
    const listed: Array<string> = []
    for (let after = ""; ;) {
      const { json } = await call(`${url}/requests?limit=4${after}`)
      listed.push(...json.requests.map(({ id }: { readonly id: string }) => id))
      if (json.next === null) break
      after = `&after=${json.next}`
    }
    expect(listed).toEqual(taken.toReversed())
    expect((await call(`${url}/requests?after=x`)).status).toBe(400)
    expect((await call(`${url}/requests?limit=0`)).status).toBe(400)
    expect((await call(`${url}/health/ready`)).json).toEqual({ status: "ok", processes: { ready: 2, of: 2 } })
    expect((await call(`${url}/pool/tags?top=1`)).json.tags).toEqual([])
    expect((await call(`${url}/pool/tags?top=0`)).status).toBe(400)
  })

  it("are asked together for what is of all: requests of a group, of a key, and streams of events", async ({
    expect
  }) => {
    let text = ""
    const stream = request(`${url}/events`, { agent: false }, (response) => {
      response.on("data", (chunk) => (text += chunk)).on("error", () => undefined)
    })
    stream.on("error", () => undefined).end()
    while (!text.includes("event: history")) await turn()
    for (let i = 0; i < 2; i++) {
      const later = await submit(url, "Echo", { message: "later" }, {}, "?delay=1h&group=g")
      expect(later.json.state).toBe("delayed")
    }
    expect((await call(`${url}/requests?group=g`, "DELETE")).json).toEqual({ cancelled: 2 })
    const answers = new Set<string>()
    for (let i = 0; i < 4; i++) {
      const headers = { "idempotency-key": "k", prefer: "wait=5" }
      answers.add((await submit(url, "Echo", { message: "once" }, headers)).json.id)
    }
    expect(answers.size).toBe(1)
    expect((await submit(url, "Echo", { message: "x" }, {}, "?duplicate=join")).json.field).toBe("primaryKey")
    const owners = () => new Set([...text.matchAll(/event: requestEnded\ndata: \{"id":"(\w+)-/g)].map(([, of]) => of))
    // The first may end before the processes are asked for their events.
    while (owners().size < 2) await submit(url, "Echo", { message: "x" }, { prefer: "wait=5" })
    while (!text.includes('"maxWorkers":6')) await turn()
    expect(JSON.parse(/event: point\ndata: (.*)\n/.exec(text)![1]!).bounds).toEqual({ minWorkers: 1, maxWorkers: 6 })
    stream.destroy()
    expect((await call(`${url}/events?only=nonsense`)).status).toBe(400)
  })

  it("are replaced at SIGHUP under load, and every request is answered", async ({ expect }) => {
    const before = (await poolOf(url)).processes.members
    const requestsBefore = (await poolOf(url)).requests.accepted
    const file = files.path("hold")
    const held = (await submit(url, "Hold", { file })).json.id as string
    const waiting = call(`${url}/requests/${held}`, "GET", { prefer: "wait=60" })
    const { atLeast, counts, stop } = load(url, 8)
    await atLeast(100)
    program.child.kill("SIGHUP")
    await program.untilSays("SIGHUP: all processes are new")
    await atLeast((counts.get(200) ?? 0) + 100)
    await stop()
    expect([...counts.keys()]).toEqual([200])
    // What an old one has is finished there, and can be asked for.
    for (let i = 0; i < 2; i++) expect((await call(`${url}/requests/${held}`)).json.state).toBe("running")
    writeFileSync(file, "")
    expect((await waiting).json).toMatchObject({ id: held, state: "succeeded", result: "released" })
    while ((await poolOf(url)).processes.ended < 2) await turn()
    const { processes, requests } = await poolOf(url)
    expect(processes).toMatchObject({ serving: 2, ended: 2, lost: 0 })
    const pids = new Set(before.map(({ pid }: { readonly pid: number }) => pid))
    expect(processes.members.some(({ pid }: { readonly pid: number }) => pids.has(pid))).toBe(false)
    while ((await poolOf(url)).recurring?.length !== 1) await turn()
    // What the old ones have kept is not gone with them, nor what they have counted.
    for (let i = 0; i < 2; i++) {
      const { json } = await call(`${url}/requests/${held}`)
      expect(json).toMatchObject({ id: held, state: "succeeded", result: "released" })
    }
    expect((await call(`${url}/requests/${held}`, "DELETE")).json).toEqual({ id: held, cancel: "settled" })
    expect((await call(`${url}/requests/${held}/retry`, "POST")).status).toBe(409)
    expect(requests.accepted).toBe(requestsBefore + 1 + counts.get(200)!)
    const metrics = (await call(`${url}/metrics`)).text
    expect(metrics).toContain(`worker_pool_accepted_total{pool="serve"} ${requests.accepted}\n`)
  })

  it("have each its share of a change, and one that is started anew when another was killed has it too", async ({
    expect
  }) => {
    const patch = (path: string, body: unknown) => call(url + path, "PATCH", asJson, JSON.stringify(body))
    const changed = { bounds: { minWorkers: 3, maxWorkers: 7 }, policy: "fixed:5" }
    expect((await patch("/pool", { maxWorkers: 7, minWorkers: 3, policy: "fixed:5" })).json).toMatchObject(changed)
    expect((await patch("/pool/limits/all", { concurrency: 3 })).json.concurrency).toBe(3)
    expect((await call(`${url}/pool/pause?tag=Sleep`, "POST")).status).toBe(204)
    for (const [path, body, field] of [
      ["/pool", { maxWorkers: 1 }, "maxWorkers"],
      ["/pool", { policy: "fixed:1" }, "policy"],
      ["/pool", { policy: "nonsense" }, "policy"],
      ["/pool", { hold: 8 }, "hold"],
      ["/pool", { minWorkers: 8 }, "minWorkers"],
      ["/pool", { nonsense: 1 }, "nonsense"],
      ["/pool/limits/all", { concurrency: 1 }, "concurrency"]
    ] as const) {
      const { json, status } = await patch(path, body)
      expect([body, status, json.field]).toEqual([body, 400, field])
    }
    expect((await patch("/pool/limits/none", { concurrency: 2 })).status).toBe(404)

    const held = (await submit(url, "Hold", { file: files.path("never") })).json.id as string
    const before = await poolOf(url)
    const members: ReadonlyArray<{ readonly ids: string; readonly pid: number }> = before.processes.members
    process.kill(members.find(({ ids }) => held.startsWith(ids))!.pid, "SIGKILL")
    await program.untilSays("was killed by SIGKILL")
    // Until another one has come, whoever connects comes to the one that is left.
    for (let i = 0; i < 4; i++) {
      expect((await submit(url, "Echo", { message: "x" }, { prefer: "wait=5" })).status).toBe(200)
    }
    await isServing()
    const { processes, requests, ...pool } = await poolOf(url)
    expect(pool).toMatchObject({ ...changed, limits: { all: { concurrency: 3 } } })
    expect(processes).toMatchObject({ of: 2, ended: 3, lost: 1 })
    expect([requests.accepted, requests.running]).toEqual([before.requests.accepted + 3, 0])
    const { gates } = (await call(`${url}/pool/gates`)).json
    expect(gates).toContainEqual(expect.objectContaining({ kind: "tag", name: "Sleep", paused: true }))
    for (let i = 0; i < 2; i++) expect((await call(`${url}/requests/${held}`)).status).toBe(404)
    expect(program.stderr).toContain("1 requests that process")
  })

  it("are ready while one hangs, and when that one dies another answers what was on its way to it", async ({
    expect
  }) => {
    const [hanging] = (await poolOf(url)).processes.members
    process.kill(hanging.pid, "SIGSTOP")
    // Each gets the next but one, and the one that hangs no more than one.
    const answers = [0, 1].map(() => call(`${url}/health/live`))
    await Promise.race(answers)
    const from = performance.now()
    while ((await call(`${url}/health/ready`)).json.processes.ready !== 1) await turn()
    expect(performance.now() - from).toBeLessThan(4000)
    process.kill(hanging.pid, "SIGKILL")
    for (const answer of answers) expect((await answer).status).toBe(200)
    await isServing()
  })

  it("drop nothing when one ends by an error that nobody caught", async ({ expect }) => {
    const { atLeast, counts, stop } = load(url, 4)
    const taken = () => program.stderr.match(/takes the place of process/g)?.length ?? 0
    const before = taken()
    await atLeast(20)
    await submit(url, "Stray", { how: "throws", after: 1, reasons: ["astray"] }, { prefer: "wait=5" })
    await program.untilSays("nobody caught this")
    await program.until("another process", () => taken() > before)
    await isServing()
    await stop()
    expect([...counts.keys()]).toEqual([200])
  })

  it("are drained by SIGTERM under load, and every request that was sent is answered once", async ({ expect }) => {
    const { atLeast, counts, over } = load(url, 8)
    await atLeast(100)
    const { members } = (await poolOf(url)).processes
    program.child.kill("SIGTERM")
    await over
    expect(await program.code()).toBe(143)
    expect([...counts.keys()].filter((end) => ![200, 503, "ECONNREFUSED"].includes(end))).toEqual([])
    for (const { pid } of members) expect(() => process.kill(pid, 0)).toThrow("ESRCH")
  })
})

describe.concurrent("several processes with a token, by a file", () => {
  it("know the sessions of each other, stay as they are when the file is wrong, and end at a second signal", async ({
    expect,
    onTestFinished
  }) => {
    const token = "0123456789abcdef"
    const [tokenFile, config] = [files.path("token"), files.path("pool.json")]
    writeFileSync(tokenFile, token)
    writeFileSync(config, JSON.stringify({ maxWorkers: 4, processes: 2, tokenFile }))
    const { program, url } = await serve("--config", config)
    onTestFinished(() => void program.child.kill("SIGKILL"))
    const login = (token: string) => call(`${url}/session`, "POST", asJson, JSON.stringify({ token }))
    expect((await call(`${url}/pool`)).status).toBe(401)
    expect((await login("another-one-1234")).status).toBe(401)
    const { headers, status } = await login(token)
    expect(status).toBe(204)
    const cookie = String(headers["set-cookie"]).split(";")[0]!
    const statuses = async () => {
      const answers = [0, 1, 2, 3].map(() => call(`${url}/pool`, "GET", { cookie }))
      return new Set((await Promise.all(answers)).map(({ status }) => status))
    }
    expect(await statuses()).toEqual(new Set([200]))
    writeFileSync(config, JSON.stringify({ maxWorkers: 1, processes: 2, tokenFile }))
    program.child.kill("SIGHUP")
    await program.untilSays("SIGHUP: all processes stay")
    // What the processes tell each other nobody else can ask, also not of one that hands on what comes.
    const agents = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 }))
    const sessions = (agent: Agent) => call(`${url}/-/sessions`, "GET", { cookie }, undefined, agent)
    for (const agent of agents) expect((await sessions(agent)).status).toBe(404)
    writeFileSync(config, JSON.stringify({ maxWorkers: 6, processes: 2, tokenFile }))
    program.child.kill("SIGHUP")
    await program.untilSays("SIGHUP: all processes are new")
    for (const agent of agents) expect((await sessions(agent)).status).toBe(404)
    for (const agent of agents) agent.destroy()
    // Also those that have come later.
    expect(await statuses()).toEqual(new Set([200]))
    expect((await call(`${url}/pool`, "GET", { cookie })).json.bounds.maxWorkers).toBe(6)
    await call(`${url}/session`, "DELETE", { cookie, origin: url })
    expect(await statuses()).toEqual(new Set([401]))

    const bearer = { authorization: `Bearer ${token}` }
    const never = await submit(url, "Sleep", { millis: 60_000 }, bearer)
    while ((await call(`${url}/requests/${never.json.id}`, "GET", bearer)).json.state !== "running") await turn()
    const { members } = (await call(`${url}/pool`, "GET", bearer)).json.processes
    program.child.kill("SIGTERM")
    await program.untilSays("SIGTERM: no new requests")
    await new Promise((resolve) => setTimeout(resolve, 80)) // longer than an echo of the first
    program.child.kill("SIGINT")
    expect(await program.code()).toBe(130)
    for (const { pid } of members) while (isAlive(pid)) await turn()
  })

  it("say what is wrong once, before anything is served", async ({ expect }) => {
    const { server, port } = await listening()
    const taken = start("serve", "--handlers", handlers, "--port", String(port), "--processes", "2")
    expect(await taken.code()).toBe(1)
    expect(taken.stderr.match(/cannot listen on/g)).toHaveLength(1)
    server.close()
    const missing = start("serve", "--handlers", "/nowhere.ts", "--processes", "2")
    expect(await missing.code()).toBe(2)
    expect(missing.stderr.match(/importing \/nowhere.ts failed/g)).toHaveLength(1)
    const joining = fileURLToPath(new URL("../fixtures/identities.ts", import.meta.url))
    const undivided = start("serve", "--handlers", joining, "--processes", "2")
    expect(await undivided.code()).toBe(2)
    expect(undivided.stderr).toContain('"Tidy" has "join"')
    // Where the one that was started is killed, the others go, and take their sockets along.
    const folder = files.path("sockets")
    mkdirSync(folder)
    const killed = within(folder, () => start("serve", "--handlers", handlers, "--port", "0", "--processes", "2"))
    await killed.until("address", () => killed.stdout.includes("listening"))
    expect(readdirSync(folder)).toHaveLength(1)
    killed.child.kill("SIGKILL")
    while (readdirSync(folder).length > 0) await turn()
    // With what comes behind it, too long for a socket.
    const deep = within(`/tmp/${"x".repeat(70)}`, () => start("serve", "--handlers", handlers, "--processes", "2"))
    expect(await deep.code()).toBe(2)
    expect(deep.stderr).toContain("at most 72 bytes")
  })
})

/** What is started has that folder for temporary files. */
const within = <A>(folder: string, use: () => A): A => {
  const { TMPDIR: before } = process.env
  process.env["TMPDIR"] = folder
  try {
    return use()
  } finally {
    if (before === undefined) delete process.env["TMPDIR"]
    else process.env["TMPDIR"] = before
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const listening = () =>
  new Promise<{ readonly server: Server; readonly port: number }>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () =>
      resolve({ server, port: (server.address() as AddressInfo).port })
    )
  })
