/** Hands a request over to another process of the service, by its private socket, and the answer back as it comes. */
import { Agent, type IncomingMessage, request, type ServerResponse } from "node:http"
import type { Problem } from "../../http/problem.ts"
import { sendProblem } from "../../http/send.ts"

/** Says to the other process who has asked. */
export const clientHeader = "x-worker-pool-client"

/** Says whose requests the client may see, where it may not see all. */
export const tenantHeader = "x-worker-pool-tenant"

/** For each process that is asked: connections stay open until it ends. */
const agent = new Agent({ keepAlive: true })

/** What holds for one connection alone. */
const ofConnection = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect"
]

export const handedOn = (headers: IncomingMessage["headers"]): IncomingMessage["headers"] => {
  const kept = { ...headers }
  for (const name of ofConnection) delete kept[name]
  return kept
}

/** `away`: nobody listens there, and nothing of the request has been read. The answer ends what is handed back, early. */
export const forward = (
  asked: IncomingMessage,
  response: ServerResponse,
  socketPath: string,
  away: () => void
): (() => void) => {
  const headers = { ...handedOn(asked.headers), [clientHeader]: asked.socket.remoteAddress ?? "" }
  const isChunked = asked.headers["transfer-encoding"] !== undefined
  const outgoing = request({
    agent,
    socketPath,
    method: asked.method,
    path: asked.url,
    headers: isChunked ? { ...headers, "transfer-encoding": "chunked" } : headers
  })
  let answered: IncomingMessage | undefined
  let isEnded = false
  outgoing.on("response", (answer) => {
    answered = answer
    if (response.destroyed) return void answer.destroy()
    response.writeHead(answer.statusCode!, handedOn(answer.headers))
    // One that breaks off is broken off.
    answer.on("error", () => void (isEnded || response.destroy()))
    answer.pipe(response)
  })
  outgoing.on("error", (error: NodeJS.ErrnoException) => {
    // What breaks off an answer is told there: one that came before the whole body was read may well close.
    if (isEnded || answered !== undefined) return
    if (response.headersSent || response.destroyed) return void response.destroy()
    if (error.code === "ENOENT" || error.code === "ECONNREFUSED") return away()
    // It was closed while nothing was asked on it: what has no body is asked once more.
    if (outgoing.reusedSocket && !hasBody(asked)) return void forward(asked, response, socketPath, away)
    sendProblem(response, processAway)
  })
  const onClose = () => void (response.writableFinished || outgoing.destroy())
  response.on("close", onClose)
  const end = () => {
    isEnded = true
    answered?.unpipe(response)
    response.end()
    outgoing.destroy()
  }
  if (!hasBody(asked)) {
    outgoing.end()
    return end
  }
  // Not before there is somebody to read it: else it would be gone for the next one.
  outgoing.once("socket", (socket) => {
    const begin = () => asked.pipe(outgoing)
    if (socket.connecting) socket.once("connect", begin)
    else begin()
  })
  return end
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0

export const processAway: Problem = {
  status: 503,
  kind: "process-away",
  title: "Service Unavailable",
  detail: "The process of the service that this is for has ended, or is about to; another one takes its place",
  headers: { "retry-after": "1" }
}
