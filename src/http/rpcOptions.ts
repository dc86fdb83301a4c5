/** Whose a remote call is, its priority, its identity and group, and when it is to start: in headers of its message, under what its HTTP request itself says. */
import { DateTime, type Duration, Option } from "effect"
import { Headers, type HttpServerRequest } from "effect/http"
import type { RpcMessage } from "effect/rpc"
import { type Call, PoolError, type RequestPolicy } from "../index.ts"
import * as checks from "../internal/checks.ts"
import { dateOfText, expectedDate } from "../internal/startTime.ts"
import { expectedKey, isKey, priorityOf, urgencyPriority } from "./keys.ts"

const keyHeader = "worker-pool-key"
const priorityHeader = "worker-pool-priority"
const delayHeader = "worker-pool-delay"
const startAtHeader = "worker-pool-start-at"
const primaryKeyHeader = "worker-pool-primary-key"
const duplicateHeader = "worker-pool-duplicate"
const debounceHeader = "worker-pool-debounce"
const debounceAtMostHeader = "worker-pool-debounce-at-most"
const groupHeader = "worker-pool-group"
/** What a client may not choose. It is never read from a client: see `withoutOwner` and `withOwner`. */
const ownerHeader = "worker-pool-owner"

/** What a remote call may choose; what is not set its Rpc, its group or the pool says. */
export interface CallOptions {
  /** Whose it is. */
  readonly key?: string
  /** From -10 to 10, higher first. */
  readonly priority?: number
  /** It starts no sooner than so long after the service has it. */
  readonly delay?: Duration.Input
  /** It starts no sooner than then, by the clock of the service; not beside `delay`. */
  readonly startAt?: DateTime.DateTime.Input
  /** Its identity, beside its tag. Default: the `primaryKey` of its Rpc, of this payload. */
  readonly primaryKey?: string
  /** What it is to one of the same identity. Default: what its Rpc says. */
  readonly duplicate?: RequestPolicy.Duplicate
  /** With `"replace"` or `"latest"`: it starts so long after the last call of its identity. */
  readonly debounce?: Duration.Input
  /** The longest that calls which follow one another put off the start. */
  readonly debounceAtMost?: Duration.Input
  /** The group that it belongs to. */
  readonly group?: string
}

/** Headers of one call. */
export const headersOf = (chosen: CallOptions): Readonly<Record<string, string>> => {
  const { debounce, debounceAtMost, delay, duplicate, group, key, primaryKey, priority, startAt } = chosen
  const texts = {
    [keyHeader]: key,
    [priorityHeader]: priority === undefined ? undefined : String(priority),
    [delayHeader]: millisText(delay),
    [startAtHeader]: startAt === undefined ? undefined : textOf(startAt),
    [primaryKeyHeader]: primaryKey,
    [duplicateHeader]: duplicate,
    [debounceHeader]: millisText(debounce),
    [debounceAtMostHeader]: millisText(debounceAtMost),
    [groupHeader]: group
  }
  return Object.fromEntries(Object.entries(texts).filter((one): one is [string, string] => one[1] !== undefined))
}

const millisText = (duration: Duration.Input | undefined): string | undefined =>
  duration === undefined ? undefined : String(checks.wholeMillis(duration) ?? duration)

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
  if (start instanceof PoolError.InvalidRequestOption) return start
  const identity = identityOf(headers)
  if (identity instanceof PoolError.InvalidRequestOption) return identity
  return { key: owner ?? key, priority: asked, ...start, ...identity }
}

/** What a duplicate may be, and how durations fit together, the pool itself says. */
const identityOf = (headers: Headers.Headers): Call.Options | PoolError.InvalidRequestOption => {
  const primaryKey = headers[primaryKeyHeader]
  const group = headers[groupHeader]
  const debounce = headers[debounceHeader]
  const debounceAtMost = headers[debounceAtMostHeader]
  for (const [field, text] of Object.entries({ primaryKey, group })) {
    if (text !== undefined && !isKey(text)) return wrong(field, expectedKey, text)
  }
  for (const [field, text] of Object.entries({ debounce, debounceAtMost })) {
    if (text !== undefined && !isMillis(text)) return wrong(field, "a finite duration above zero", text)
  }
  return {
    primaryKey,
    group,
    duplicate: headers[duplicateHeader] as RequestPolicy.Duplicate | undefined,
    debounce: debounce === undefined ? undefined : Number(debounce),
    debounceAtMost: debounceAtMost === undefined ? undefined : Number(debounceAtMost)
  }
}

const isMillis = (text: string): boolean => /^\d{1,15}$/.test(text)

const startOf = (delay: string | undefined, startAt: string | undefined) => {
  if (delay !== undefined && startAt !== undefined) return wrong("startAt", "no startAt beside a delay", startAt)
  if (delay !== undefined) {
    return isMillis(delay) ? { delay: Number(delay) } : wrong("delay", "a finite duration, at least zero", delay)
  }
  if (startAt === undefined) return undefined
  const date = dateOfText(startAt)
  return date === undefined ? wrong("startAt", expectedDate, startAt) : { startAt: date }
}

const wrong = (field: string, expected: string, actual: string) =>
  new PoolError.InvalidRequestOption({ field, expected, actual: JSON.stringify(actual.slice(0, 40)) })
