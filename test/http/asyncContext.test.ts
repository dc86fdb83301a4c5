/** Instrumentation gives each HTTP request an async context of its own: its handler runs in that one. */
import { type IncomingMessage, request as httpRequest, Server } from "node:http"
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { seen, storage } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

const { emit } = Server.prototype
let service: Started
beforeAll(async () => {
  // As instrumentation does it: around the event, by a header.
  Server.prototype.emit = function (this: Server, event: string, ...args: [any?, ...Array<any>]) {
    if (event !== "request") return Reflect.apply(emit, this, [event, ...args])
    const user = (args[0] as IncomingMessage).headers["x-user"] as string | undefined
    return storage.run(user, () => Reflect.apply(emit, this, [event, ...args]))
  } as typeof emit
  service = await startService({ maxWorkers: "2", minWorkers: "2", policy: "fixed:2" })
})
afterAll(async () => {
  Server.prototype.emit = emit
  await service.close()
})

const users = Array.from({ length: 20 }, (_, at) => `user ${at}`)

/** In two pieces, so that the body comes in events of its own. */
const post = (path: string, user: string, json: unknown): Promise<string> =>
  new Promise((resolve, reject) => {
    const text = `${JSON.stringify(json)}\n`
    const headers = {
      "content-type": "application/json",
      "content-length": text.length,
      prefer: "wait=10",
      "x-user": user
    }
    const asking = httpRequest(service.url + path, { method: "POST", headers }, (response) => {
      let body = ""
      response.setEncoding("utf8").on("data", (chunk) => (body += chunk))
      response.on("end", () => resolve(body))
    })
    asking.on("error", reject)
    asking.write(text.slice(0, 1))
    setImmediate(() => asking.end(text.slice(1)))
  })

describe("over HTTP each handler runs in the context of its own request", () => {
  it("by POST /requests/{type}", async () => {
    const answers = await Promise.all(
      users.map(async (user) => JSON.parse(await post("/requests/Who", user, null)) as { result: unknown })
    )
    expect(answers.map(({ result }) => result)).toEqual(users.map((user) => [user, user]))
  })

  it("when many come on one connection", async () => {
    const socket = connect(service.port, "127.0.0.1")
    let text = ""
    const all = new Promise<void>((resolve) => {
      socket.setEncoding("utf8").on("data", (chunk) => {
        text += chunk
        if (text.split('"result"').length > 100) resolve()
      })
    })
    const many = Array.from({ length: 100 }, (_, at) => `user ${at}`)
    socket.write(
      many
        .map(
          (user) =>
            "POST /requests/Who HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 4\r\n" +
            `Prefer: wait=10\r\nX-User: ${user}\r\n\r\nnull`
        )
        .join("")
    )
    await all
    socket.destroy()
    expect([...text.matchAll(/"result":(\[.*?\])/g)].map(([, result]) => JSON.parse(result!))).toEqual(
      many.map((user) => [user, user])
    )
  })

  it("by POST /rpc", async () => {
    seen.length = 0
    await Promise.all(
      users.map((user, at) =>
        post("/rpc", user, { _tag: "Request", id: String(at + 1), tag: "Who", payload: null, headers: [] })
      )
    )
    expect(seen.toSorted()).toEqual(users.map((user) => [user, user]).toSorted())
  })
})
