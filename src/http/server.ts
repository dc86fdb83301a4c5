/** The listener: it guards every request, keeps what is too slow or too many away, and closes without breaking off. */
import { Effect, Schema, Scope } from "effect"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { AsyncResource } from "node:async_hooks"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { type AddressInfo, Server as NetServer, type Socket } from "node:net"
import type { Guard } from "./guard.ts"
import * as Patience from "./patience.ts"
import * as Pipeline from "./pipeline.ts"
import * as Problem from "./problem.ts"
import type { App } from "./routes.ts"
import { sendProblem } from "./send.ts"
import type { Submit } from "./submit.ts"
import * as Target from "./target.ts"
import { refuse, setLatestResponse } from "./unreadable.ts"

export interface Options {
  readonly host: string
  readonly port: number
  readonly maxConnections: number
  /** To receive a whole request. */
  readonly requestTimeoutMillis: number
  readonly headersTimeoutMillis: number
}

/** The address cannot be listened on. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `cannot listen on ${this.host}:${this.port}: ${this.reason}`
  }
}

export interface Listener {
  /** With the port that was given when any would do. */
  readonly url: string
  /** From now on every answer asks its client to use another connection for the next request. */
  readonly lastAnswers: () => void
  /** Accepts no more connections; those that there are stay. */
  readonly shut: () => void
  /** How many connections there are. */
  readonly connected: Effect.Effect<number>
  /**
   * Accepts no more connections, answers whoever has asked, and closes. Takes at most `graceMillis`.
   */
  readonly close: (graceMillis: number) => Effect.Effect<void>
}

/** Answers a request that the guard has let in. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Where several processes serve on one port, what is between this listener and the others. */
export interface Door {
  /** Whether it is for another process, which then answers it. */
  readonly takes: (request: IncomingMessage, response: ServerResponse) => boolean
  /** `here` answers what is for this process. Once it has ended, the listener opens. */
  readonly open: (here: Answer) => Effect.Effect<void, never, Scope.Scope>
}

/** Longer than the 60 s after which most proxies give an idle connection up: it is theirs to close. */
export const keepAliveMillis = 65_000

export const listen = (
  options: Options,
  {
    app,
    door,
    guard,
    submit
  }: { readonly app: App; readonly guard: Guard; readonly submit: Submit; readonly door?: Door | undefined }
): Effect.Effect<Listener, CannotListen, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const route = yield* NodeHttpServer.makeHandler(app, { scope })
    let isLast = false
    let answering = 0
    let connections = 0
    /** Requests that are answered once nobody can connect any more. */
    let held: Array<() => void> | undefined

    const server = createServer({
      requestTimeout: options.requestTimeoutMillis,
      headersTimeout: options.headersTimeoutMillis,
      keepAliveTimeout: keepAliveMillis,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16_384,
      // The guard says it in words.
      requireHostHeader: false
    })
    server.maxConnections = options.maxConnections
    server.on("clientError", (error: NodeJS.ErrnoException, connection: Socket) => {
      if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT") return refuse(error, connection)
      Patience.judge(connection, options.requestTimeoutMillis, () => refuse(error, connection))
    })
    server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) =>
      sendProblem(
        response,
        Target.settle(request) ?? guarded(request) ?? unknownExpectation(String(request.headers.expect))
      )
    )
    server.on("connection", (connection: Socket) => {
      connections++
      Patience.watch(connection)
    })
    // One for all: a listener of its own for each answer costs more than to count it.
    const onClose = function (this: ServerResponse) {
      answering--
      Pipeline.leave(this)
    }
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      answering++
      response.on("close", onClose)
      if (isLast) response.shouldKeepAlive = false
      setLatestResponse(request.socket, response)
      Patience.begin(request)
      // It may be taken later, when another one is over: in its own context all the same.
      const called = new AsyncResource("effect-worker-pool/request")
      const take = () => called.runInAsyncScope(answer, undefined, request, response)
      Pipeline.enter(response, () => {
        if (held === undefined) take()
        else held.push(take)
      })
    })
    const guarded = (request: IncomingMessage) => {
      const { headers, method = "GET", url = "/" } = request
      return guard.check({ method, path: pathOf(url), headers }) ?? unfit(request)
    }
    const answer: Answer = (request, response) => {
      const refused = Target.settle(request) ?? guarded(request)
      if (refused !== undefined) return sendProblem(response, refused)
      if (door !== undefined && door.takes(request, response)) return
      here(request, response)
    }
    const here: Answer = (request, response) => {
      const { method, url = "/" } = request
      const path = pathOf(url)
      if (method === "POST" && path.startsWith("/requests/")) {
        const part = path.slice("/requests/".length)
        const type = decoded(part)
        if (type === undefined) return sendProblem(response, brokenPath)
        // One that is encoded is part of the type.
        if (!part.includes("/")) return submit(request, response, type, url.slice(path.length + 1))
      }
      return route(request, response)
    }
    if (door !== undefined) {
      // A connection that is one too many is closed: without that Node would offer it to one process after the other, for ever.
      Object.assign(server, { dropMaxConnection: true })
      yield* door.open(here)
    }
    yield* bind(server, options)

    const { address, family, port } = server.address() as AddressInfo
    return {
      url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
      lastAnswers: () => {
        isLast = true
      },
      shut: () => {
        NetServer.prototype.close.call(server)
      },
      connected: Effect.callback((resume) => {
        server.getConnections((_, count) => resume(Effect.succeed(count)))
      }),
      close: (graceMillis) =>
        Effect.gen(function* () {
          isLast = true
          // A client that is answered comes back at once, and closing breaks off whoever has just connected. So nobody is
          // answered until it is quiet at the door; then it is shut, and only then the last ones hear.
          held = []
          const settled = (isQuiet: () => boolean) =>
            Effect.repeat(Effect.delay(Effect.sync(isQuiet), "50 millis"), { until: (quiet) => quiet }).pipe(
              Effect.timeoutOption(graceMillis / 2)
            )
          let before = -1
          yield* settled(() => before === (before = connections))
          // Not `server.close`: that breaks connections off on which a request may be on its way.
          NetServer.prototype.close.call(server)
          const last = held
          held = undefined
          for (const answer of last) answer()
          yield* settled(() => answering === 0)
          server.closeAllConnections()
        })
    }
  })

const pathOf = (url: string): string => {
  const at = url.indexOf("?")
  return at < 0 ? url : url.slice(0, at)
}

/** The part of a path as it was meant; `undefined` when it is no text. */
const decoded = (part: string): string | undefined => {
  if (!part.includes("%")) return part
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

/** Nothing here reads what is packed; taken as it came it would be taken for something else. */
const unfit = ({ headers, method }: IncomingMessage): Problem.Problem | undefined => {
  const coding = headers["content-encoding"]
  if (coding === undefined || coding === "" || coding.toLowerCase() === "identity") return undefined
  if (method === "GET" || method === "HEAD") return undefined
  return {
    ...Problem.unsupportedType(""),
    kind: "content-encoding",
    detail: `Expected no \`Content-Encoding\`, got ${coding.slice(0, 80)}`,
    members: { field: "Content-Encoding" },
    headers: { "accept-encoding": "identity" }
  }
}

const bind = (server: Server, { host, port }: Options): Effect.Effect<void, CannotListen, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<void, CannotListen>((resume) => {
      const onError = ({ message }: Error) => resume(Effect.fail(new CannotListen({ host, port, reason: message })))
      server.once("error", onError)
      server.listen({ host, port, backlog: 511 }, () => {
        server.off("error", onError)
        resume(Effect.void)
      })
    }),
    () =>
      Effect.sync(() => {
        NetServer.prototype.close.call(server)
        server.closeAllConnections()
      })
  )

const brokenPath = Problem.invalid("path", "Expected the path to be percent-encoded UTF-8")

const unknownExpectation = (expect: string): Problem.Problem => ({
  status: 417,
  kind: "expectation",
  title: "Expectation Failed",
  detail: `Expected \`Expect\` to be 100-continue, got ${expect.slice(0, 80)}`,
  members: { field: "Expect" }
})
