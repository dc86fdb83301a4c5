/** `GET /events`: what the monitor sees and what happens in the pool, as server-sent events. */
import { Deferred, Effect, Stream } from "effect"
import * as Sse from "effect/encoding/Sse"
import { HttpServerResponse } from "effect/http"
import type { PoolEvent } from "../index.ts"
import type { Monitor, Seen } from "./monitor.ts"
import { invalid, type Problem, toResponse } from "./problem.ts"
import { securityHeaders } from "./send.ts"
import type { Service } from "./service.ts"

/** More streams than these are refused: each costs a buffer. */
const mostStreams = 100

const ofMonitor = ["point", "decision"]
const ofPool = [
  "requestEnded",
  "attemptFailed",
  "workerStarted",
  "workerEnded",
  "workerStuck",
  "resized",
  "paused",
  "resumed",
  "draining",
  "drained",
  "eventsMissed"
]
const names = [...ofMonitor, ...ofPool]

export interface Asked {
  readonly only: string | undefined
  readonly lastEventId: string | undefined
}

/** `closing` ends every stream: a browser then asks the next process. */
export const makeEvents = (service: Service, monitor: Monitor, closing: Deferred.Deferred<void>) => {
  let open = 0
  const { idPrefix } = service.options
  const idOf = (number: number) => `${idPrefix}${number}`

  const historySince = (from: number, wanted: ReadonlyArray<string>) => {
    const seen = monitor.since(from).filter(({ name }) => wanted.includes(name))
    const of = (name: Seen["name"]) => seen.flatMap((one) => (one.name === name ? [one.data] : []))
    const id = idOf(Math.max(from, ...seen.map(({ number }) => number)))
    return event("history", { points: of("point"), decisions: of("decision") }, id)
  }

  return ({ lastEventId, only }: Asked): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const wanted = only === undefined ? names : only.split(",").map((name) => name.trim())
    const unknown = wanted.find((name) => !names.includes(name))
    if (unknown !== undefined) {
      const detail = `Expected \`only\` to have names of events (${names.join(", ")}), got "${unknown.slice(0, 40)}"`
      return Effect.succeed(toResponse(invalid("only", detail)))
    }
    if (open >= mostStreams) return Effect.succeed(toResponse(tooMany))
    const known = lastEventId?.startsWith(idPrefix) === true ? Number(lastEventId.slice(idPrefix.length)) : Number.NaN
    const live: Array<Stream.Stream<string>> = []
    if (wanted.some((name) => ofMonitor.includes(name))) {
      const first = Stream.fromEffect(Effect.sync(() => historySince(Number.isInteger(known) ? known : 0, wanted)))
      const seen = monitor.stream.pipe(
        Stream.filter(({ name }) => wanted.includes(name)),
        Stream.map(({ data, name, number }) => event(name, data, idOf(number)))
      )
      live.push(Stream.concat(first, seen))
    }
    if (wanted.some((name) => ofPool.includes(name))) {
      live.push(
        service.pool.events.pipe(
          Stream.filter(({ _tag }) => wanted.includes(nameOf(_tag))),
          Stream.mapEffect((happened) => describe(happened, service)),
          Stream.map(({ data, name }) => event(name, data))
        )
      )
    }
    // Something now and then, so that whoever is between us keeps the connection.
    const beat = Stream.map(Stream.tick("15 seconds"), () => ": here\n\n")
    const stream = Stream.mergeAll([...live, beat], { concurrency: "unbounded" }).pipe(
      Stream.interruptWhen(Deferred.await(closing)),
      Stream.onStart(Effect.sync(() => open++)),
      Stream.ensuring(Effect.sync(() => open--)),
      Stream.encodeText
    )
    return Effect.succeed(
      HttpServerResponse.stream(stream, {
        contentType: "text/event-stream",
        headers: { ...securityHeaders, "x-accel-buffering": "no" }
      })
    )
  }
}

const event = (name: string, data: unknown, id?: string): string =>
  Sse.encoder.write({ _tag: "Event", event: name, id, data: JSON.stringify(data) })

const nameOf = (tag: string): string => tag[0]!.toLowerCase() + tag.slice(1)

/** What is told of an event: never the text of a defect, nor an error that no schema describes. */
const describe = (
  happened: PoolEvent.PoolEvent,
  { encode }: Service
): Effect.Effect<{ readonly name: string; readonly data: unknown }> => {
  const { _tag, ...data } = happened
  const name = nameOf(_tag)
  if (happened._tag === "RequestEnded") {
    const { outcome } = happened
    return Effect.map(encode(outcome), ({ end }) => {
      const { attempts, id, ranMillis, resubmittedFrom, tag: type, waitedMillis } = outcome
      return { name, data: { id, type, state: end, attempts, waitedMillis, ranMillis, resubmittedFrom } }
    })
  }
  if (happened._tag === "AttemptFailed") {
    const { attempt, delayMillis, id, tag } = happened
    return Effect.succeed({ name, data: { id, type: tag, attempt, delayMillis } })
  }
  return Effect.succeed({ name, data })
}

const tooMany: Problem = {
  status: 503,
  kind: "too-many-streams",
  title: "Service Unavailable",
  detail: `${mostStreams} streams of events are open, and there are no more`,
  headers: { "retry-after": "10" }
}
