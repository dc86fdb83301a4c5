/** `worker-pool jobs show`: all that is known of one request. */
import type { RequestRecord, RetryRecord } from "../../durable/Store.ts"
import { columns } from "../output/columns.ts"
import { duration } from "../output/duration.ts"
import { stateOf, time } from "./rows.ts"

export const toTable = (record: RequestRecord): string => {
  const { claimedAt, deliveries, dueAt, end, endedAt, expiresAt, process, request, storedAt } = record
  const { call, key, payload, priority, resubmittedFrom, traceparent } = request
  const rows: Array<readonly [string, string]> = [
    ["id", request.id],
    ["type", request.tag],
    ["state", stateOf(record)]
  ]
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined) rows.push([name, value])
  }
  add("key", key === "" ? undefined : key)
  add("priority", priority === 0 ? undefined : String(priority))
  add("stored", time(storedAt))
  add("due", dueAt > storedAt ? time(dueAt) : undefined)
  add("expires", expiresAt === undefined ? undefined : time(expiresAt))
  add("claimed", claimedAt === undefined ? undefined : time(claimedAt))
  add("ended", endedAt === undefined ? undefined : time(endedAt))
  add("process", process)
  add("deliveries", String(deliveries))
  add("attempts", end === undefined ? undefined : String(end.attempts))
  add("waited", end === undefined ? undefined : millis(end.waitedMillis))
  add("ran", end === undefined ? undefined : millis(end.ranMillis))
  add("timeout", call.timeoutMillis === undefined ? undefined : timeout(call.timeoutMillis))
  add("retries", call.retry === undefined ? undefined : retries(call.retry))
  add("repeats", resubmittedFrom)
  add("trace", traceparent)
  add("payload", JSON.stringify(payload) ?? "none")
  add(end?.end === "succeeded" ? "result" : "error", end?.exit)
  return columns(rows)
}

const millis = (value: number): string => (value < 60_000 ? `${Math.round(value)} ms` : duration(value / 1000))
const timeout = (value: number | null): string => (value === null ? "none" : millis(value))
const retries = (retry: RetryRecord | null): string => (retry === null ? "none" : String(retry.times))
