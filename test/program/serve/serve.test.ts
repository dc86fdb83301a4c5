/** The service as a real process: it says where it is, and ends without breaking anything off. */
import { Agent } from "node:http"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { handlers, start } from "../fixtures/program.ts"
import { post, serve, serveModule } from "../fixtures/service.ts"

describe.concurrent("worker-pool serve", () => {
  it.for([
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const)(
    "%s under load: every request that was sent is answered once; exit code %i",
    async ([signal, code], { expect }) => {
      const { program, url } = await serve("--max-workers", "8", "--min-workers", "8")
      const counts = new Map<number, number>()
      const broken: Array<string> = []
      let sent = 0
      const agents = Array.from({ length: 32 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
      const clients = agents.map(async (agent) => {
        for (;;) {
          sent++
          try {
            const { status } = await post(url, "Echo", { message: "hello" }, agent)
            counts.set(status, (counts.get(status) ?? 0) + 1)
          } catch (error) {
            const { code } = error as NodeJS.ErrnoException
            sent--
            // Nobody listens any more: nothing was sent.
            if (code === "ECONNREFUSED") return
            broken.push(String(error))
          }
        }
      })
      while ((counts.get(200) ?? 0) < 500) await new Promise((resolve) => setImmediate(resolve))
      program.child.kill(signal)
      await Promise.all(clients)
      for (const agent of agents) agent.destroy()
      expect(await program.code()).toBe(code)
      expect(broken).toEqual([])
      expect([...counts.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([])
      expect([...counts.values()].reduce((a, b) => a + b)).toBe(sent)
      expect(program.stderr).toContain(`${signal}: no new requests`)
    }
  )

  it("finishes what runs and answers who waits for it; at the deadline with a clear 503", async ({ expect }) => {
    const { program, url } = await serve("--drain-deadline", "300ms")
    const soon = post(url, "Sleep", { millis: 100 })
    const never = post(url, "Sleep", { millis: 60_000 })
    for (;;) {
      const { json } = { json: (await (await fetch(`${url}/requests?state=running`)).json()) as any }
      if (json.requests.length === 2 || json.requests.length === 1) break
    }
    program.child.kill("SIGTERM")
    expect((await soon).status).toBe(200)
    const { json, status } = await never
    expect([status, json.request.state, json.request.error._tag]).toEqual([503, "interrupted", "RequestInterrupted"])
    expect(await program.code()).toBe(143)
  })

  it("goes on to answer while it drains: not ready, but alive, and new requests are 503", async ({ expect }) => {
    const { program, url } = await serve()
    const waiting = post(url, "Sleep", { millis: 1500 })
    while (((await (await fetch(`${url}/pool`)).json()) as any).requests.running === 0);
    program.child.kill("SIGTERM")
    await program.untilSays("SIGTERM: no new requests")
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    const refused = await post(url, "Echo", { message: "late" })
    expect([refused.status, refused.json.type]).toEqual([503, "urn:effect-worker-pool:problem:draining"])
    expect((await waiting).status).toBe(200)
    expect(await program.code()).toBe(143)
    const drained = program.stderr.split("\n").filter((line) => line.includes("drained in"))
    expect(drained.map((line) => JSON.parse(line))).toMatchObject([{ level: "INFO", annotations: { pool: "serve" } }])
    expect(program.stderr).not.toContain("trace_id")
  })

  it("with a delay it takes requests until those who route to it know that it is not ready", async ({ expect }) => {
    const { program, url } = await serve("--shutdown-delay", "3s")
    program.child.kill("SIGTERM")
    await program.untilSays("SIGTERM: not ready")
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    const taken = await fetch(`${url}/requests/Echo`, {
      method: "POST",
      headers: { "content-type": "application/json", prefer: "wait=10" },
      body: JSON.stringify({ message: "late" })
    })
    // A client that stays on its connection would never come to another pod.
    expect([taken.status, taken.headers.get("connection")]).toEqual([200, "close"])
    expect(program.stderr).not.toContain("no new requests")
    await program.untilSays("SIGTERM: no new requests")
    expect(await program.code()).toBe(143)
  })

  it("a second signal, or an error that nobody caught, does not wait for the delay", async ({ expect }) => {
    for (const second of ["signal", "error"]) {
      const { program, url } = await serve("--shutdown-delay", "1h")
      program.child.kill("SIGTERM")
      await program.untilSays("SIGTERM: not ready")
      if (second === "error") await post(url, "Stray", { how: "throws", after: 1, reasons: ["x"] })
      else {
        await new Promise((resolve) => setTimeout(resolve, 80)) // longer than an echo of the first
        program.child.kill("SIGTERM")
      }
      expect([second, await program.code()]).toEqual([second, second === "error" ? 70 : 143])
    }
  })

  it("a second signal ends it at once", async ({ expect }) => {
    const { program, url } = await serve()
    post(url, "Sleep", { millis: 60_000 }).catch(() => undefined)
    while (((await (await fetch(`${url}/pool`)).json()) as any).requests.running === 0);
    program.child.kill("SIGTERM")
    await program.untilSays("SIGTERM: no new requests")
    // The same signal again within 50 ms is taken for an echo of the first.
    await new Promise((resolve) => setTimeout(resolve, 80))
    program.child.kill("SIGINT")
    expect(await program.code()).toBe(130)
    expect(program.stderr).toContain("forced by a second signal (SIGINT)")
  })

  it("warns when a circuit breaker opens", async ({ expect }) => {
    const { program, url } = await serveModule(fileURLToPath(new URL("../fixtures/breaking.ts", import.meta.url)))
    expect((await post(url, "Call", {})).json.request.state).toBe("failed")
    await program.untilSays("the circuit breaker of")
    expect(program.stderr).toMatch(/"message":"the circuit breaker of \\"Call\\" is open: .*"level":"WARN"/)
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
  })

  it("says what is wrong before it serves anything", async ({ expect }) => {
    const { program, url } = await serve()
    const { port } = new URL(url)
    const taken = start("serve", "--handlers", handlers, "--port", port)
    expect(await taken.code()).toBe(1)
    expect(taken.stderr).toContain(`cannot listen on 127.0.0.1:${port}`)
    const open = start("serve", "--handlers", handlers, "--host", "0.0.0.0")
    expect(await open.code()).toBe(2)
    expect(open.stderr).toContain("WORKER_POOL_TOKEN")
    const missing = start("serve", "--handlers", "/nowhere.ts")
    expect(await missing.code()).toBe(2)
    program.child.kill("SIGKILL")
  })
})
