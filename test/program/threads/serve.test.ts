/** `worker-pool serve --threads`: it answers whatever its handlers compute. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { Agent, get } from "node:http"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import * as RemotePool from "../../../src/http/RemotePool.ts"
import { PoolError } from "../../../src/index.ts"
import { numbers, temporary } from "../fixtures/program.ts"
import { post, serveModule } from "../fixtures/service.ts"
import { group } from "../fixtures/threads/group.ts"

const files = temporary()
const module = fileURLToPath(new URL("../fixtures/threads/handlers.ts", import.meta.url))
/** Each starts several processes. */
const patience = { timeout: 90_000 }

/** The status of one answer that has come whole, on a connection that is kept. */
const ask = (url: string, agent: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.on("error", reject).on("end", () => resolve(response.statusCode!))
      response.resume()
    }).on("error", reject)
  })

const paths = ["/health/live", "/health/ready", "/requests?state=running", "/pool", "/", "/metrics"]

describe.concurrent("serve --threads", patience, () => {
  it("answers again and again while each of its threads computes", async ({ expect }) => {
    const { program, url } = await serveModule(module, "--threads", "2", "--min-workers", "2", "--timeout", "none")
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const askAll = async () => {
      const statuses: Array<number> = []
      for (const path of paths) statuses.push(await ask(url + path, agent))
      return statuses
    }
    // The page may not have been built.
    const atRest = await askAll()
    expect(new Set(atRest.filter((_, at) => paths[at] !== "/"))).toEqual(new Set([200]))
    const held = [files.path("spin"), files.path("spin")]
    const ended: Array<string> = []
    const spinning = held.map((file) => post(url, "Spin", { file }).then(({ status }) => ended.push(String(status))))
    for (const file of held) await program.untilExists(`${file}.started`)
    for (const _ of numbers(1, 20)) expect(await askAll()).toEqual(atRest)
    const waiting = post(url, "Echo", { message: "after" })
    // They compute until the files are there, and so did they all the while.
    expect(ended).toEqual([])
    for (const file of held) writeFileSync(file, "")
    await Promise.all(spinning)
    expect(ended).toEqual(["200", "200"])
    expect((await waiting).json.result).toBe("after")
    agent.destroy()
    program.child.kill("SIGTERM")
    expect(await program.code(), program.stderr).toBe(143)
  })

  it("says of a thread that ended under its request no more than it should, and goes on", async ({ expect }) => {
    const { program, url } = await serveModule(module, "--threads=1")
    const exited = await post(url, "Exit", { code: 3 })
    expect([exited.status, exited.json.type, exited.json.request.error]).toEqual([
      500,
      "urn:effect-worker-pool:problem:thread-crashed",
      { _tag: "ThreadCrashed", message: 'The thread of "Exit" has crashed (exit): it ended with code 3' }
    ])
    const strayed = await post(url, "Stray", { reason: "the password is 1234" })
    expect([strayed.status, strayed.json.request.error.message]).toEqual([
      500,
      'The thread of "Stray" has crashed (uncaught): the log of the service says why'
    ])
    expect(JSON.stringify(strayed.json)).not.toContain("1234")
    await program.untilSays("the password is 1234")
    expect((await post(url, "Echo", { message: "still here" })).json.result).toBe("still here")
    program.child.kill("SIGTERM")
    expect(await program.code(), program.stderr).toBe(143)
    expect(program.stderr).not.toContain("process.exit(")
  })

  it("tells a client far away as the class that it is", async ({ expect }) => {
    const { program, url } = await serveModule(module, "--threads=1", "--isolate=process")
    const errors = await Effect.gen(function* () {
      const client = yield* RemotePool.client(group)
      return [yield* Effect.flip(client.Exit({ code: 3 })), yield* Effect.flip(client.Exit({ code: 0 }))]
    }).pipe(Effect.scoped, Effect.provide(RemotePool.layerProtocol({ url })), Effect.runPromise)
    for (const error of errors) expect(error).toBeInstanceOf(PoolError.ThreadCrashed)
    expect(errors[0]).toMatchObject({ tag: "Exit", reason: "exit", detail: "it ended with code 3" })
    program.child.kill("SIGTERM")
    expect(await program.code(), program.stderr).toBe(143)
  })
})
