/** Answers on Node's own response. */
import type { ServerResponse } from "node:http"
import * as Problem from "./problem.ts"

/** What every answer says, whatever it is. */
export const securityHeaders = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer"
}

export const send = (
  response: ServerResponse,
  status: number,
  text: string,
  headers?: Readonly<Record<string, string>>,
  contentType = "application/json"
): void => {
  // Whoever has gone away, or was answered already, is not answered.
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    ...securityHeaders,
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
    ...headers
  })
  response.end(text)
}

export const sendProblem = (response: ServerResponse, problem: Problem.Problem): void =>
  send(response, problem.status, Problem.toText(problem), problem.headers, Problem.contentType)
