/** Reads the JSON body of a request on Node's own stream, within a limit. */
import { AsyncResource } from "node:async_hooks"
import type { IncomingMessage, ServerResponse } from "node:http"
import { isUtf8 } from "node:buffer"
import { nestsDeeperThan } from "../internal/jsonText.ts"
import * as Problem from "./problem.ts"
import { sendProblem } from "./send.ts"

/** How deep the JSON of a body may nest: a schema looks at it level by level. Half of what an answer may have. */
export const maxBodyDepth = 256
export const tooDeep = (field: string): Problem.Problem =>
  Problem.invalid(field, `Expected the body to nest at most ${maxBodyDepth} deep, got deeper`, "json")

/** Calls `use` with the value, `null` where there is none, its text and its bytes, or answers what is wrong. A client that goes away ends it silently. */
export const readJson = (
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  use: (json: unknown, text: string, bytes: number) => void
): void => {
  const contentType = request.headers["content-type"] ?? ""
  if (!isJson(contentType) && hasBody(request))
    return sendProblem(response, Problem.unsupportedType(contentType.slice(0, 80)))
  if (Number(request.headers["content-length"]) > maxBytes) return sendProblem(response, Problem.tooLarge(maxBytes))
  // The parser's events come in the context of the connection, which is not that of the request.
  const called = new AsyncResource("effect-worker-pool/body")
  let chunks: Array<Buffer> | undefined = []
  let bytes = 0
  request.on("data", (chunk: Buffer) => {
    if (chunks === undefined) return
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
    else {
      chunks = undefined
      sendProblem(response, Problem.tooLarge(maxBytes))
    }
  })
  request.on("end", () => {
    if (chunks === undefined) return
    const buffer = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    if (!isUtf8(buffer))
      return sendProblem(response, Problem.invalid("payload", "Expected the body to be UTF-8", "json"))
    const text = buffer.toString("utf8")
    if (nestsDeeperThan(text, maxBodyDepth)) return sendProblem(response, tooDeep("payload"))
    let json: unknown
    try {
      json = text === "" ? null : JSON.parse(text)
    } catch (error) {
      const { message } = error as Error
      return sendProblem(response, Problem.invalid("payload", `Expected the body to be JSON: ${message}`, "json"))
    }
    called.runInAsyncScope(use, undefined, json, text, buffer.length)
  })
}

/** What has none needs no type either. */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"

const isJson = (contentType: string): boolean =>
  contentType === "application/json" || /^application\/(json|[\w.+-]+\+json)\s*(;|$)/i.test(contentType)
