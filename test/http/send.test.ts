/** How answers are sent: once each, whoever is still there. */
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "vitest"
import { send } from "../../src/http/send.ts"

it("the first answer counts, and one to nobody keeps no other from its client", async () => {
  const left: Array<ServerResponse> = []
  const server = createServer((request, response) => {
    if (request.url === "/left") return void left.push(response)
    for (const gone of left) send(gone, 200, "too late")
    send(response, 200, "first", { "x-which": "1" }, "text/plain")
    send(response, 500, "second")
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const leaver = new AbortController()
  const leaving = fetch(`${url}/left`, { signal: leaver.signal }).catch(() => "left")
  while (left.length === 0) await new Promise((resolve) => setImmediate(resolve))
  leaver.abort()
  expect(await leaving).toBe("left")
  await once(left[0]!, "close")
  const answer = await fetch(url)
  expect([answer.status, answer.headers.get("x-which"), await answer.text()]).toEqual([200, "1", "first"])
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff")
  server.close()
  server.closeAllConnections()
})
