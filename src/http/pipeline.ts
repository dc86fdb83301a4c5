/**
 * What a client may ask on one connection before it has its answers. Beyond that its requests wait unread, and so in the end
 * does the client: one that asks and never reads would fill the memory with its payloads and its answers.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

const mostRequests = 64
/** Of bodies, and of answers that have not left: one request is taken always. */
const mostBytes = 1024 ** 2

const pipeline = Symbol("what a connection has asked")

interface Pipeline {
  /** Those of the requests that have been taken and whose answer has not been handed to the system. */
  readonly open: Set<ServerResponse>
  /** What those may bring. */
  bytes: number
  readonly held: Array<{ readonly response: ServerResponse; readonly take: () => void }>
}

type Connection = Socket & { [pipeline]?: Pipeline }

/** Calls `take` now, or when answers before it have left. The request is not read meanwhile, nor what comes after it. */
export const enter = (response: ServerResponse, take: () => void): void => {
  const connection: Connection = response.req.socket
  const asked = (connection[pipeline] ??= begin(connection))
  if (asked.held.length === 0 && hasRoom(asked, response)) return admit(asked, response, take)
  asked.held.push({ response, take })
  connection.pause()
}

const begin = (connection: Connection): Pipeline => {
  const asked: Pipeline = { open: new Set(), bytes: 0, held: [] }
  // Node reads on whenever a request has come whole, or its body is read.
  connection.on("resume", () => {
    if (asked.held.length > 0) connection.pause()
  })
  return asked
}

/** The answer of a request that was entered has left, or its client has. */
export const leave = (response: ServerResponse): void => {
  const connection: Connection = response.req.socket
  const asked = connection[pipeline]
  if (asked === undefined) return
  if (asked.open.delete(response)) asked.bytes -= bytesOf(response.req)
  else {
    // Answered before it was taken: it was not what it has to be.
    const at = asked.held.findIndex((one) => one.response === response)
    if (at >= 0) asked.held.splice(at, 1)
  }
  if (asked.held.length === 0) return
  // Whoever has gone has not been told that they were taken.
  if (connection.destroyed) return void asked.held.splice(0)
  while (asked.held.length > 0 && hasRoom(asked, asked.held[0]!.response)) {
    const { response: next, take } = asked.held.shift()!
    admit(asked, next, take)
  }
  if (asked.held.length === 0) connection.resume()
}

const admit = (asked: Pipeline, response: ServerResponse, take: () => void): void => {
  asked.open.add(response)
  asked.bytes += bytesOf(response.req)
  take()
}

const hasRoom = ({ bytes, open }: Pipeline, { req }: ServerResponse): boolean =>
  open.size === 0 || (open.size < mostRequests && bytes + bytesOf(req) <= mostBytes && unsent(open) <= mostBytes)

/** Answers wait for those before them, each with its own. */
const unsent = (open: ReadonlySet<ServerResponse>): number => {
  let bytes = 0
  for (const { writableLength } of open) bytes += writableLength
  return bytes
}

const bytesOf = ({ headers, method }: IncomingMessage): number => {
  // How much comes in chunks is known when it is there.
  if (headers["transfer-encoding"] !== undefined) return mostBytes
  // What is only looked up is answered at once, all that has come at one time together: a page has a megabyte.
  if (method === "GET" && headers["prefer"] === undefined) return mostBytes / 4
  return Number(headers["content-length"] ?? 0) || 0
}
