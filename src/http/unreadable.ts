/** What is no request in HTTP, or comes too slowly: answered as far as it can be, and the connection is closed. */
import { type ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import * as Problem from "./problem.ts"
import { securityHeaders, sendProblem } from "./send.ts"

const latest = Symbol("the response to the latest request of a connection")
type Connection = Socket & { [latest]?: ServerResponse }

/** From now on this is the response to the latest request of the connection. */
export const setLatestResponse = (connection: Connection, response: ServerResponse): void => {
  connection[latest] = response
}

/** The `clientError` of a server. */
export const refuse = (error: NodeJS.ErrnoException, connection: Connection): void => {
  if (error.code === "ECONNRESET" || !connection.writable) return void connection.destroy()
  const problem = problemOf(error.code)
  const response = connection[latest]
  if (response === undefined || (response.req.complete && response.writableFinished)) {
    return answerBare(connection, problem)
  }
  if (response.req.complete) {
    // What cannot be read follows a request that could: that one has its answer first, and it is the last.
    if (response.shouldKeepAlive) response.once("close", () => connection.end())
    response.shouldKeepAlive = false
  } else if (response.headersSent) {
    // It is in the body of a request that has been answered without it.
    connection.destroy()
  } else {
    // Requests before it on the same connection may not have been answered yet: this answer waits for theirs.
    response.shouldKeepAlive = false
    sendProblem(response, problem)
  }
}

const problemOf = (code: string | undefined): Problem.Problem => {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { status: 408, kind: "too-slow", title: "Request Timeout", detail: "The request did not come in time" }
  }
  if (code === "HPE_HEADER_OVERFLOW") {
    return {
      status: 431,
      kind: "headers-too-large",
      title: "Request Header Fields Too Large",
      detail: "Expected headers of at most 16384 bytes, got more"
    }
  }
  return { status: 400, kind: "http", title: "Bad Request", detail: "Expected a request in HTTP/1.1" }
}

const answerBare = (connection: Socket, problem: Problem.Problem): void => {
  const text = Problem.toText(problem)
  const headers = {
    ...securityHeaders,
    "content-type": Problem.contentType,
    "content-length": String(Buffer.byteLength(text)),
    connection: "close"
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  connection.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join("")}\r\n${text}`)
}
