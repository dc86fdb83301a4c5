/** Asks several processes the same, or each its own, and hears those that answer. */
import { Effect } from "effect"
import type { IncomingMessage } from "node:http"
import * as Problem from "../../../http/problem.ts"
import { type Answer, ask, type Asked, patienceMillis } from "../ask.ts"
import type { Crew } from "../crew.ts"
import type { Member } from "../member.ts"
import { handedOn } from "../forward.ts"
import { socketOf } from "../messages.ts"

export interface Heard {
  readonly member: Member
  readonly answer: Answer
}

/** What a client is told. */
export interface Told {
  readonly status: number
  readonly text: string
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** One that has ended meanwhile, or does not answer, is left out. */
export const each = (
  crew: Crew,
  members: ReadonlyArray<Member>,
  askedOf: (member: Member) => Asked,
  millis?: number
): Effect.Effect<ReadonlyArray<Heard>> => Effect.map(all(crew, members, askedOf, millis), ({ heard }) => heard)

export interface Voices {
  readonly heard: ReadonlyArray<Heard>
  /** Those that have not answered in time, and may have heard. */
  readonly silent: ReadonlyArray<Member>
}

/** One that has ended meanwhile is left out: whoever takes its place hears of it. */
export const all = (
  { options: { folder } }: Crew,
  members: ReadonlyArray<Member>,
  askedOf: (member: Member) => Asked,
  millis?: number
): Effect.Effect<Voices> =>
  Effect.gen(function* () {
    const silent: Array<Member> = []
    const heard = yield* Effect.forEach(
      members,
      (member) =>
        ask(socketOf(folder, member.prefix), askedOf(member), millis).pipe(
          Effect.map((answer) => [{ member, answer }]),
          Effect.catchTag("ProcessAway", ({ isSilent }) => {
            if (isSilent) silent.push(member)
            return Effect.succeed([])
          })
        ),
      { concurrency: "unbounded" }
    )
    return { heard: heard.flat(), silent }
  })

/** Of a change that some, or all, have not answered: who has made it, and who may not have. */
export const silenceAmong = ({ heard, silent }: Voices, what: string): Told | undefined => {
  if (silent.length === 0) return undefined
  const named = (members: ReadonlyArray<Member>) => members.map(({ at, pid }) => ({ process: at + 1, pid }))
  const names = silent.map(({ at }) => at + 1).join(", ")
  // What none has answered is not kept.
  const orElse =
    heard.length === 0 ? "" : ", or end that one: the one that takes its place is told of changes and pauses"
  return told({
    status: 504,
    kind: "process-silent",
    title: "Gateway Timeout",
    detail: `${what}: ${heard.length} of ${heard.length + silent.length} processes have done it; process ${names} has not answered in ${patienceMillis} ms, and may or may not. Ask again${orElse}`,
    members: { done: named(heard.map(({ member }) => member)), silent: named(silent) }
  })
}

/** As the client has asked, with what it says of itself. */
export const asClient = (request: IncomingMessage, body?: string): Asked => ({
  method: request.method === "HEAD" ? "GET" : request.method!,
  url: request.url!,
  headers: withoutLength(handedOn(request.headers)),
  ...(body !== undefined && { body })
})

const withoutLength = (headers: IncomingMessage["headers"]) => {
  const { "content-length": _, ...others } = headers
  return others
}

/** The first that was refused, as it was told; or that nobody is there. */
export const refusalAmong = (heard: ReadonlyArray<Heard>): Told | undefined => {
  if (heard.length === 0) return told(nobody)
  const refused = heard.find(({ answer }) => answer.status >= 400)
  return refused === undefined ? undefined : as(refused.answer)
}

/** The answer of one process, as that of all. */
export const as = ({ headers, status, text }: Answer): Told => {
  const kept: Record<string, string> = {}
  for (const name of ["retry-after", "preference-applied", "allow", "set-cookie"]) {
    const value = headers[name]
    if (value !== undefined) kept[name] = String(value)
  }
  return { status, text, contentType: headers["content-type"] ?? "application/json", headers: kept }
}

export const told = (problem: Problem.Problem): Told => ({
  status: problem.status,
  text: Problem.toText(problem),
  contentType: Problem.contentType,
  ...(problem.headers && { headers: problem.headers })
})

export const json = (value: unknown, status = 200): Told => ({ status, text: JSON.stringify(value) })

const nobody: Problem.Problem = {
  status: 503,
  kind: "process-away",
  title: "Service Unavailable",
  detail: "No process of the service answers now",
  headers: { "retry-after": "1" }
}
