/** What went wrong, as problem details (RFC 9457): every error answer of the service has this shape. */
import { HttpServerResponse } from "effect/http"

export interface Problem {
  readonly status: number
  /** The last part of `type`, for programs. Without one the status says it all. */
  readonly kind?: string | undefined
  readonly title: string
  /** For people: what exactly, and what to do about it. Never the text of a defect. */
  readonly detail: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** The request that it is about, as JSON already. */
  readonly request?: string | undefined
}

export const contentType = "application/problem+json"

export const toText = ({ detail, kind, members, request, status, title }: Problem): string => {
  const type = kind === undefined ? "about:blank" : `urn:effect-worker-pool:problem:${kind}`
  const text = JSON.stringify({ type, title, status, detail, ...members })
  return request === undefined ? text : withMember(text, "request", request)
}

/** The JSON of an object with one more member, whose value is JSON already. */
export const withMember = (object: string, name: string, value: string): string =>
  `${object.slice(0, -1)},"${name}":${value}}`

export const toResponse = (problem: Problem): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(toText(problem), { status: problem.status, contentType, headers: problem.headers })

/** Something that the client sent is not as it has to be; `field` names it. */
export const invalid = (field: string, detail: string, kind = "invalid"): Problem => ({
  status: 400,
  kind,
  title: "Bad Request",
  detail,
  members: { field }
})

/** A query has a name that means nothing. */
export const unknownOption = (name: string, known: ReadonlyArray<string>): Problem =>
  invalid(name, `Expected the query to have only ${known.join(", ")}, got \`${name.slice(0, 40)}\``)

/**
 * What a schema says of a value, which it names by its path in the last line: `at ["a"]["b"]`. What came is in it, and
 * may be anything of any length: no more is looked at than is told.
 */
export const unfit = (slot: string, message: string, kind?: string): Problem => {
  const path = /^(?:\["?[^\]"]*"?\])+/.exec(lastLine(message))?.[0]
  const field =
    path === undefined
      ? slot
      : path
          .slice(1, -1)
          .replaceAll(/"?\]\["?/g, ".")
          .replaceAll('"', "")
  const lines = message.slice(0, mostTold + 1).split("\n")
  const text = lines
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ")
  return invalid(field, message.length > mostTold ? `${text.slice(0, mostTold)}...` : text, kind)
}

const mostTold = 500

const lastLine = (message: string): string => {
  const at = message.lastIndexOf("\n  at ")
  return at < 0 ? "" : message.slice(at + 6, at + 6 + mostTold)
}

export const notFound = (detail: string): Problem => ({ status: 404, kind: "not-found", title: "Not Found", detail })

/** Of one process, or of all that serve together. */
export const unknownId = (id: string): Problem =>
  notFound(`No request has the id "${id.slice(0, 100)}" (those of an earlier process are gone with it)`)

export const gone = (id: string): Problem => ({
  status: 410,
  kind: "no-longer-kept",
  title: "Gone",
  detail: `Request ${id} has ended, and what became of it is no longer kept`
})

export const unsupportedType = (got: string): Problem => ({
  status: 415,
  kind: "media-type",
  title: "Unsupported Media Type",
  detail: `Expected \`Content-Type\` to be application/json, got ${got === "" ? "none" : got}`,
  members: { field: "Content-Type" }
})

export const tooLarge = (limit: number): Problem => ({
  status: 413,
  kind: "too-large",
  title: "Content Too Large",
  detail: `Expected a body of at most ${limit} bytes, got more`,
  headers: { connection: "close" }
})

export const draining: Problem = {
  status: 503,
  kind: "draining",
  title: "Service Unavailable",
  detail: "The pool is shutting down and takes no new requests",
  headers: { "retry-after": "5" }
}

export const unexpected: Problem = {
  status: 500,
  kind: "defect",
  title: "Internal Server Error",
  detail: "The service failed to answer this request; its log says why"
}
