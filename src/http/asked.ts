/** One call of `POST /requests/{type}`, read as far as its body, and who takes it from there. */
import type { Effect } from "effect"
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Call } from "../index.ts"
import type * as Problem from "./problem.ts"
import type { Answer } from "./resource.ts"
import { send, sendProblem } from "./send.ts"

/** What the call asks for, beside its payload. */
export interface Asked {
  readonly response: ServerResponse
  readonly type: string
  /** As it came: two calls with the same key must say the same. */
  readonly query: string
  readonly options: Call.Options | undefined
  readonly waitSeconds: number | undefined
  /** Who asks; `undefined`: the operator. */
  readonly tenant: string | undefined
  /** The `Idempotency-Key`, with its tenant before it where there is one. */
  readonly key: string | undefined
}

/** Takes the call, whose body is there, and answers it. */
export type Take = (request: IncomingMessage, asked: Asked, json: unknown, text: string, bytes: number) => void

/** Puts around each call its span, if there is a tracer. */
export type Traced = <A, E>(request: IncomingMessage, call: Effect.Effect<A, E>) => Effect.Effect<A, E>

export const fingerprintOf = ({ query, type }: Asked, text: string): string =>
  createHash("sha256").update(`${type}\n${query}\n${text}`).digest("base64")

const preferenceApplied = ({ waitSeconds }: Asked): Record<string, string> | undefined =>
  waitSeconds === undefined ? undefined : { "preference-applied": `wait=${waitSeconds}` }

/** With the request as it stands, as JSON: it goes on, or a repeat has to wait for its end. */
export const sendPending = (asked: Asked, location: string, request: string, status: 202 | 409): void => {
  const headers = { location, ...preferenceApplied(asked) }
  if (status === 202) send(asked.response, 202, request, headers)
  else sendProblem(asked.response, { ...stillRunning, headers, request })
}

/** With what became of it: the result, or the problem that its error is. */
export const sendEnd = (asked: Asked, { problem, text }: Answer, retryAfter: () => number): void => {
  const applied = preferenceApplied(asked)
  if (problem === undefined) return send(asked.response, 200, text, applied)
  const later = problem.status === 503 ? { "retry-after": String(retryAfter()) } : undefined
  sendProblem(asked.response, { ...problem, headers: { ...applied, ...later } })
}

export const stillRunning: Problem.Problem = {
  status: 409,
  kind: "still-running",
  title: "Conflict",
  detail: "A request with this `Idempotency-Key` has not ended yet",
  members: { field: "Idempotency-Key" }
}

export const otherPayload: Problem.Problem = {
  status: 422,
  kind: "key-reused",
  title: "Unprocessable Content",
  detail: "Another request came with this `Idempotency-Key`: expected the same type, options and payload",
  members: { field: "Idempotency-Key" }
}
