/** Whose a remote call is, and its priority: in headers of its message, under what its HTTP request itself says. */
import { Headers, type HttpServerRequest } from "effect/http"
import type { RpcMessage } from "effect/rpc"
import { type Call, PoolError } from "../index.ts"
import { expectedKey, isKey, priorityOf, urgencyPriority } from "./keys.ts"

/** What a client may choose. */
const keyHeader = "worker-pool-key"
const priorityHeader = "worker-pool-priority"
/** What it may not. It is never read from a client: see `withoutOwner` and `withOwner`. */
const ownerHeader = "worker-pool-owner"

/** Headers of one call. */
export const headersOf = ({ key, priority }: { readonly key?: string; readonly priority?: number }) => ({
  ...(key === undefined ? {} : { [keyHeader]: key }),
  ...(priority === undefined ? {} : { [priorityHeader]: String(priority) })
})

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
  return { key: owner ?? key, priority: asked }
}

const wrong = (field: string, expected: string, actual: string) =>
  new PoolError.InvalidRequestOption({ field, expected, actual: JSON.stringify(actual.slice(0, 40)) })
