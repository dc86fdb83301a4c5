/** The service on a real socket, over handlers that do what a test says. */
import { Cause, Effect, Exit, Logger, Scope } from "effect"
import { fileURLToPath } from "node:url"
import { start } from "../../src/program/serve/serve.ts"
import { type Flags, make } from "../../src/program/serve/settings.ts"

export const handlersPath = fileURLToPath(new URL("handlers.ts", import.meta.url))

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly json: any
}

export type Ask = (
  method: string,
  path: string,
  options?: { readonly body?: unknown; readonly text?: string; readonly headers?: Readonly<Record<string, string>> }
) => Promise<Reply>

export interface Started {
  readonly url: string
  readonly port: number
  readonly ask: Ask
  /** `POST /requests/{type}`; `wait` is in seconds. */
  readonly submit: (type: string, payload: unknown, wait?: number, headers?: Record<string, string>) => Promise<Reply>
  /** What the service has logged: the message of each line, and what its cause says. */
  readonly logged: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

/** Starts one; whoever does closes it. */
export const startService = async (flags: Flags = {}, environment: Record<string, string> = {}): Promise<Started> => {
  const scope = await Effect.runPromise(Scope.make("sequential"))
  const starting = Effect.gen(function* () {
    const settings = yield* make({ port: "0", handlers: handlersPath, drainDeadline: "0", ...flags }, environment)
    return yield* start(settings)
  })
  const logged: Array<string> = []
  const logger = Logger.make(({ cause, message }) => logged.push(`${String(message)} ${Cause.pretty(cause)}`))
  const { listener } = await Effect.runPromise(
    Scope.provide(starting, scope).pipe(Effect.provide(Logger.layer([logger])))
  )
  const { url } = listener
  return {
    ...asking(url),
    logged,
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** What asks the service at this address. */
export const asking = (url: string): Pick<Started, "url" | "port" | "ask" | "submit"> => {
  const ask: Ask = async (method, path, { body, headers, text } = {}) => {
    const hasBody = body !== undefined || text !== undefined
    const response = await fetch(url + path, {
      method,
      headers: { ...(hasBody ? { "content-type": "application/json" } : {}), ...headers },
      ...(hasBody ? { body: text ?? JSON.stringify(body) } : {})
    })
    const answer = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(answer) : answer }
  }
  return {
    url,
    port: Number(new URL(url).port),
    ask,
    submit: (type, body, wait, headers) =>
      ask("POST", `/requests/${type}`, {
        body,
        headers: { ...(wait === undefined ? {} : { prefer: `wait=${wait}` }), ...headers }
      })
  }
}
