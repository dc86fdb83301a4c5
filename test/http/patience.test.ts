/** The time to send a request is the client's: none of it passes while the server does not read. */
import { connect, type Socket } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import { open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

let service: Started
beforeAll(async () => {
  service = await startService({ maxWorkers: "100", policy: "fixed:100", requestTimeout: "300ms" })
})
afterAll(() => service.close())

const ask = (name: string) => {
  const body = JSON.stringify({ name })
  const head =
    "POST /requests/Gate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=30\r\n"
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`
}

const talk = (text: string) => {
  const socket: Socket = connect(service.port, "127.0.0.1")
  let heard = ""
  socket.setEncoding("utf8").on("data", (more: string) => (heard += more))
  socket.write(text)
  return {
    socket,
    closed: new Promise<void>((resolve) => void socket.once("close", () => resolve())),
    /** How often each status was answered, once there are that many answers. */
    statuses: async (many: number) => {
      const found = () => heard.match(/(?<=HTTP\/1\.1 )\d{3}/g) ?? []
      while (found().length < many) await new Promise((resolve) => socket.once("data", resolve))
      return found()
    }
  }
}

/** Sends 65 requests, of which the last is held, and the first part of another; lets Node find that one too slow. */
const holdTooLong = async (name: string, part: string) => {
  const client = talk(ask(name).repeat(65) + part)
  while ((await service.ask("GET", "/pool")).json.requests.running < 64);
  // It began after the others: once it has been told, they have been.
  const slow = talk("GET /pool HTTP/1.1\r\nHost: loc")
  expect(await slow.statuses(1)).toEqual(["408"])
  await slow.closed
  return client
}

const parts = ["head", "body"].map((where) => {
  const text = ask(where)
  return { where, at: where === "head" ? 30 : text.length - 3 }
})

it.each(parts)("answers what came in time, however long it was not read: $where", async ({ at, where }) => {
  const { socket, statuses } = await holdTooLong(where, ask(where).slice(0, at))
  socket.write(ask(where).slice(at))
  open(where)
  expect(await statuses(66)).toEqual(Array.from({ length: 66 }, () => "200"))
  socket.destroy()
})

it.each(parts)("gives up on what does not come after that: $where", async ({ at, where }) => {
  const name = `never the whole ${where}`
  const { closed, statuses } = await holdTooLong(name, ask(name).slice(0, at))
  open(name)
  expect(await statuses(66)).toEqual([...Array.from({ length: 65 }, () => "200"), "408"])
  await closed
})
