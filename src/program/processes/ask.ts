/** One question to a process of the service, by its private socket. */
import { Effect, Schema } from "effect"
import { type IncomingHttpHeaders, request } from "node:http"

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers?: IncomingHttpHeaders
  readonly body?: string
}

export class ProcessAway extends Schema.TaggedError<ProcessAway>()("ProcessAway", {
  reason: Schema.String,
  /** It computes, or hangs, and may have heard. Else it has ended, or is about to. */
  isSilent: Schema.Boolean
}) {}

/** A process that computes and does not answer for so long is left out of what is told of all. */
export const patienceMillis = 5000

export const ask = (
  socketPath: string,
  { body, headers, method, url }: Asked,
  millis = patienceMillis
): Effect.Effect<Answer, ProcessAway> =>
  Effect.callback<Answer, ProcessAway>((resume) => {
    const fail = ({ message }: Error) => resume(Effect.fail(new ProcessAway({ reason: message, isSilent: false })))
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) }
    const asked = request({ socketPath, method, path: url, headers: { ...headers, ...length } }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.on("error", fail)
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode!, headers: response.headers, text }))
      )
    })
    asked.on("error", fail)
    asked.end(body)
    return Effect.sync(() => asked.destroy())
  }).pipe(
    Effect.timeoutOrElse({
      duration: millis,
      orElse: () => new ProcessAway({ reason: `no answer in ${millis} ms`, isSilent: true })
    })
  )
