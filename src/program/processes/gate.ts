/** Where a process that serves stands between its listener, its own pool and the other processes. */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Guard } from "../../http/guard.ts"
import { send, sendProblem } from "../../http/send.ts"
import type { Answer, Door } from "../../http/server.ts"
import type { Tenants } from "../../http/tenants.ts"
import { clientHeader, forward, processAway, tenantHeader } from "./forward.ts"
import { type Part, socketOf, socketOfAll } from "./messages.ts"
import { placeOf } from "./places.ts"

/** On the private socket alone: the sessions of the page, which hold in each process. */
export const sessionsPath = "/-/sessions"

export class Gate {
  /** Those that take requests, as the process that started tells it. */
  serving: ReadonlyArray<string | null> = []
  /** What comes on the connections that are left is for others: this process takes nothing any more. */
  isLeaving = false
  /** Streams of events that are handed back here: they have no end of their own. */
  private readonly streams = new Map<ServerResponse, () => void>()
  private readonly part: Part
  private here: Answer = (_, response) => sendProblem(response, processAway)
  private tenants: Tenants | undefined
  private next = 0

  constructor(part: Part) {
    this.part = part
  }

  /** The listener opens once `opened` has ended: until then nobody but the other processes asks here. */
  door(guard: Guard, tenants: Tenants, opened: Effect.Effect<void>): Door {
    this.tenants = tenants
    return {
      takes: (request, response) => this.takes(request, response),
      open: (here) => {
        this.here = here
        return Effect.andThen(this.listen(guard), opened)
      }
    }
  }

  /** Whoever watches asks again, and comes to another process. */
  endStreams(): void {
    for (const end of this.streams.values()) end()
  }

  private takes(request: IncomingMessage, response: ServerResponse): boolean {
    const { folder, of, prefix: own } = this.part
    const { headers, method = "GET", url = "/" } = request
    const place = placeOf({ headers, method, url }, of)
    if (place === "any") return this.isLeaving && this.toAnother(request, response)
    const away = () => sendProblem(response, processAway)
    if (place === "all") {
      const end = forward(request, response, socketOfAll(folder), away)
      if (!url.startsWith("/events")) return true
      this.streams.set(response, end)
      response.on("close", () => this.streams.delete(response))
    } else if ("status" in place) {
      sendProblem(response, place)
    } else if ("at" in place) {
      const prefix = this.serving[place.at] ?? null
      if (prefix === own) return false
      if (prefix === null) away()
      else forward(request, response, socketOf(folder, prefix), away)
    } else {
      if (place.prefix === own) return false
      // Of one that has ended there is what it has handed over.
      forward(request, response, socketOf(folder, place.prefix), () => this.toKept(request, response))
    }
    return true
  }

  private toKept(request: IncomingMessage, response: ServerResponse): void {
    const tenant = this.tenants?.of(request.headers)
    delete request.headers[tenantHeader]
    if (tenant !== undefined) request.headers[tenantHeader] = tenant
    forward(request, response, socketOfAll(this.part.folder), () => this.here(request, response))
  }

  /** Whether there is another one. */
  private toAnother(request: IncomingMessage, response: ServerResponse): boolean {
    const others = this.serving.filter((prefix) => prefix !== null && prefix !== this.part.prefix) as Array<string>
    if (others.length === 0) return false
    const from = this.next++ % others.length
    const turn = [...others.slice(from), ...others.slice(0, from)]
    const ask = (): void => {
      const prefix = turn.shift()
      if (prefix === undefined) this.here(request, response)
      else forward(request, response, socketOf(this.part.folder, prefix), ask)
    }
    ask()
    return true
  }

  /** What the others ask: their guard has let it in. */
  private listen(guard: Guard): Effect.Effect<void, never, Scope.Scope> {
    const path = socketOf(this.part.folder, this.part.prefix)
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      // Who has really asked: it is told in the log.
      const client = request.headers[clientHeader]
      if (client !== undefined)
        Object.defineProperty(request.socket, "remoteAddress", { value: client, writable: true })
      // What a client has asked for says so, and is no word of the process that started.
      else if (request.url === sessionsPath) return sessions(guard, request, response)
      this.here(request, response)
    }
    return listenOn(path, answer)
  }
}

/** On a private socket: whoever may enter its folder is believed. */
export const listenOn = (path: string, answer: Answer): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        // One that asks keeps its connections: this end closes none while it lives.
        const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, answer)
        server.on("error", (error) => resume(Effect.die(error)))
        // Not by way of the process that started, as for the port.
        server.listen({ path, exclusive: true }, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
  )

const sessions = (guard: Guard, request: IncomingMessage, response: ServerResponse): void => {
  if (request.method === "GET") return send(response, 200, JSON.stringify(guard.known))
  let text = ""
  request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
  request.on("end", () => {
    for (const [name, until] of JSON.parse(text) as typeof guard.known) guard.adopt(name, until)
    send(response, 200, "{}")
  })
}
