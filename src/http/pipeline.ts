/**
 * What a client may ask on one connection before it has its answers. Beyond that its requests wait unread, and so in the end
 * does the client: one that asks and never reads would fill the memory with its payloads and its answers.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

const mostRequests = 64
/** Of bodies: one is taken always. */
const mostBytes = 1024 ** 2

const pipeline = Symbol("what a connection has asked")

interface Pipeline {
  /** Requests that have been taken and whose answer has not been handed to the system. */
  open: number
  bytes: number
  readonly held: Array<{ readonly request: IncomingMessage; readonly take: () => void }>
}

type Connection = Socket & { [pipeline]?: Pipeline }

/** Calls `take` now, or when answers before it have left. The request is not read meanwhile, nor what comes after it. */
export const enter = (request: IncomingMessage, take: () => void): void => {
  const connection: Connection = request.socket
  const asked = (connection[pipeline] ??= { open: 0, bytes: 0, held: [] })
  if (asked.held.length === 0 && hasRoom(asked, request)) return admit(asked, request, take)
  asked.held.push({ request, take })
  connection.pause()
}

/** The answer of a request that was entered has left, or its client has. */
export const leave = ({ req }: ServerResponse): void => {
  const connection: Connection = req.socket
  const asked = connection[pipeline]
  if (asked === undefined) return
  const at = asked.held.findIndex(({ request }) => request === req)
  // Answered before it was taken: it was not what it has to be.
  if (at >= 0) asked.held.splice(at, 1)
  else {
    asked.open--
    asked.bytes -= bytesOf(req)
  }
  if (asked.held.length === 0) return
  // Whoever has gone has not been told that they were taken.
  if (connection.destroyed) return void asked.held.splice(0)
  while (asked.held.length > 0 && hasRoom(asked, asked.held[0]!.request)) {
    const { request, take } = asked.held.shift()!
    admit(asked, request, take)
  }
  if (asked.held.length === 0) connection.resume()
}

const admit = (asked: Pipeline, request: IncomingMessage, take: () => void): void => {
  asked.open++
  asked.bytes += bytesOf(request)
  take()
}

const hasRoom = (asked: Pipeline, request: IncomingMessage): boolean =>
  asked.open === 0 || (asked.open < mostRequests && asked.bytes + bytesOf(request) <= mostBytes)

/** What comes in chunks counts as nothing: it is one of so many. */
const bytesOf = ({ headers }: IncomingMessage): number => Number(headers["content-length"] ?? 0) || 0
