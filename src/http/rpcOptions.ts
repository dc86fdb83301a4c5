/** Whose a remote call is, its priority, and when it is to start: in headers of its message, under what its HTTP request itself says. */
import { DateTime, type Duration, Option } from "effect"
import { Headers, type HttpServerRequest } from "effect/http"
import type { RpcMessage } from "effect/rpc"
import { type Call, PoolError } from "../index.ts"
import * as checks from "../internal/checks.ts"
import { dateOfText, expectedDate } from "../internal/startTime.ts"
import { expectedKey, isKey, priorityOf, urgencyPriority } from "./keys.ts"

/** What a client may choose. */
const keyHeader = "worker-pool-key"
const priorityHeader = "worker-pool-priority"
const delayHeader = "worker-pool-delay"
const startAtHeader = "worker-pool-start-at"
/** What it may not. It is never read from a client: see `withoutOwner` and `withOwner`. */
const ownerHeader = "worker-pool-owner"

export interface Chosen {
  readonly key?: string
  readonly priority?: number
  readonly delay?: Duration.Input
  readonly startAt?: DateTime.DateTime.Input
}

/** Headers of one call. */
export const headersOf = ({ delay, key, priority, startAt }: Chosen) => ({
  ...(key === undefined ? {} : { [keyHeader]: key }),
  ...(priority === undefined ? {} : { [priorityHeader]: String(priority) }),
  ...(delay === undefined ? {} : { [delayHeader]: String(checks.wholeMillis(delay) ?? delay) }),
  ...(startAt === undefined ? {} : { [startAtHeader]: textOf(startAt) })
})

/** What is no date goes as it is, and is refused. */
const textOf = (startAt: DateTime.DateTime.Input): string =>
  Option.match(DateTime.make(startAt), { onNone: () => String(startAt), onSome: DateTime.formatIso })

/** The headers of a message win over those of the request that brought it: this one must not. */
export const withoutOwner = (message: unknown): unknown => {
  const { _tag, headers } = message as RpcMessage.RequestEncoded
  if (_tag !== "Request") return message
  return { ...(message as object), headers: headers.filter(([name]) => name.toLowerCase() !== ownerHeader) }
}

/** The request, whose calls are that owner's. */
export const withOwner = (
  request: HttpServerRequest.HttpServerRequest,
  owner: string | undefined
): HttpServerRequest.HttpServerRequest => {
  const { headers } = request
  return request.modify({
    headers: owner === undefined ? Headers.remove(headers, ownerHeader) : Headers.set(headers, ownerHeader, owner)
  })
}

/** Whose the call is, where its client has no say in that. */
export const ownerOf = (headers: Headers.Headers): string | undefined => headers[ownerHeader]

/** The options of the call that came with these headers, or what is wrong with them. */
export const optionsOf = (headers: Headers.Headers): Call.Options | PoolError.InvalidRequestOption => {
  const owner = ownerOf(headers)
  const key = headers[keyHeader]
  const priority = headers[priorityHeader]
  if (key !== undefined && !isKey(key)) return wrong("key", expectedKey, key)
  if (key !== undefined && owner !== undefined && key !== owner) return wrong("key", "that of the tenant itself", key)
  const asked = priority === undefined ? urgencyPriority(headers["priority"]) : priorityOf(priority)
  if (priority !== undefined && asked === undefined) return wrong("priority", "a whole number from -10 to 10", priority)
  const start = startOf(headers[delayHeader], headers[startAtHeader])
  return start instanceof PoolError.InvalidRequestOption ? start : { key: owner ?? key, priority: asked, ...start }
}

const startOf = (delay: string | undefined, startAt: string | undefined) => {
  if (delay !== undefined && startAt !== undefined) return wrong("startAt", "no startAt beside a delay", startAt)
  if (delay !== undefined) {
    return /^\d{1,15}$/.test(delay)
      ? { delay: Number(delay) }
      : wrong("delay", "a finite duration, at least zero", delay)
  }
  if (startAt === undefined) return undefined
  const date = dateOfText(startAt)
  return date === undefined ? wrong("startAt", expectedDate, startAt) : { startAt: date }
}

const wrong = (field: string, expected: string, actual: string) =>
  new PoolError.InvalidRequestOption({ field, expected, actual: JSON.stringify(actual.slice(0, 40)) })
