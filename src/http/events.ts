/** `GET /events`: what the monitor sees and what happens in the pool, as server-sent events. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Deferred, Effect, Queue, Stream } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { beat, hasSeen, type Hub, names, textOf } from "./eventHub.ts"
import type { Monitor, Seen } from "./monitor.ts"
import { invalid, type Problem, toResponse } from "./problem.ts"
import { securityHeaders } from "./send.ts"
import type { Service } from "./service.ts"

/** More streams than these are refused: each costs a buffer. */
const mostStreams = 100
/** What one that reads too slowly may leave unread, beside what Node and the system hold. Then it is closed. */
const mostUnread = 1024 ** 2

export interface Asked {
  readonly only: string | undefined
  readonly lastEventId: string | undefined
}

/** `closing` ends every stream: a browser then asks the next process. */
export const makeEvents = (service: Service, monitor: Monitor, hub: Hub, closing: Deferred.Deferred<void>) => {
  let open = 0
  const { idPrefix } = service.options

  const historySince = (from: number, wanted: ReadonlyArray<string>) => {
    const seen = monitor.since(from).filter(({ name }) => wanted.includes(name))
    const of = (name: Seen["name"]) => seen.flatMap((one) => (one.name === name ? [one.data] : []))
    const id = `${idPrefix}${Math.max(from, ...seen.map(({ number }) => number))}`
    return textOf("history", { points: of("point"), decisions: of("decision") }, id)
  }

  /** Its bytes as they come, from the moment on at which it is read, until `giveUp` was called. */
  const streamOf = (wanted: ReadonlyArray<string>, from: number, giveUp: () => void) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const unread = yield* Queue.unbounded<Uint8Array>()
        let bytes = 0
        const watcher = (more: Uint8Array) => {
          // What came before: one that reads may well get more than that at once.
          if (bytes > mostUnread) return giveUp()
          bytes += more.length
          Queue.offerUnsafe(unread, more)
        }
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            open++
            return hub.watch(wanted, watcher)
          }),
          (unwatch) =>
            Effect.sync(() => {
              open--
              unwatch()
            })
        )
        watcher(new TextEncoder().encode(hasSeen(wanted) ? historySince(from, wanted) : beat))
        return Stream.fromEffectRepeat(
          Effect.map(Queue.take(unread), (taken) => {
            bytes -= taken.length
            return taken
          })
        )
      })
    ).pipe(Stream.interruptWhen(Deferred.await(closing)))

  return ({
    lastEventId,
    only
  }: Asked): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> => {
    const wanted = only === undefined ? names : only.split(",").map((name) => name.trim())
    const unknown = wanted.find((name) => !names.includes(name))
    if (unknown !== undefined) {
      const detail = `Expected \`only\` to have names of events (${names.join(", ")}), got "${unknown.slice(0, 40)}"`
      return Effect.succeed(toResponse(invalid("only", detail)))
    }
    if (open >= mostStreams) return Effect.succeed(toResponse(tooMany))
    const known = lastEventId?.startsWith(idPrefix) === true ? Number(lastEventId.slice(idPrefix.length)) : Number.NaN
    return Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
      const response = NodeHttpServerRequest.toServerResponse(request)
      // What it has not read yet it never will: to end the stream would wait for it.
      const stream = streamOf(wanted, Number.isInteger(known) ? known : 0, () => response.destroy())
      return HttpServerResponse.stream(stream, {
        contentType: "text/event-stream",
        headers: { ...securityHeaders, "x-accel-buffering": "no" }
      })
    })
  }
}

const tooMany: Problem = {
  status: 503,
  kind: "too-many-streams",
  title: "Service Unavailable",
  detail: `${mostStreams} streams of events are open, and there are no more`,
  headers: { "retry-after": "10" }
}
