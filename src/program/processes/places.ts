/** Which process is to answer a request: any, all of them together, the one that has it, or one for all requests that must meet. */
import type { IncomingHttpHeaders } from "node:http"
import { invalid, type Problem } from "../../http/problem.ts"

export type Place =
  | "any"
  | "all"
  /** The process whose ids begin so. */
  | { readonly prefix: string }
  /** The process in that place, from 0. */
  | { readonly at: number }
  | Problem

const ofAll: ReadonlyArray<readonly [method: string, path: RegExp]> = [
  ["GET", /^\/requests$/],
  ["DELETE", /^\/requests$/],
  ["GET", /^\/pool$/],
  ["PATCH", /^\/pool$/],
  ["GET", /^\/pool\/(keys|tags|gates)$/],
  ["POST", /^\/pool\/(pause|resume|drain)$/],
  ["PATCH", /^\/pool\/limits\/[^/]+$/],
  ["GET", /^\/(metrics|events|health\/ready)$/],
  ["POST", /^\/session$/],
  ["DELETE", /^\/session$/]
]

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export const placeOf = ({ headers, method, url }: Asked, of: number): Place => {
  const mark = url.indexOf("?")
  const path = mark < 0 ? url : url.slice(0, mark)
  const asks = method === "HEAD" ? "GET" : method
  if (path.startsWith("/requests/")) {
    const [id, ...more] = path.slice("/requests/".length).split("/")
    if (method !== "POST" || more.length > 0) {
      const prefix = prefixOf(id!)
      return prefix === undefined ? "any" : { prefix }
    }
    return meetingPlace(headers, mark < 0 ? "" : url.slice(mark + 1), path, of)
  }
  return ofAll.some(([method, pattern]) => method === asks && pattern.test(path)) ? "all" : "any"
}

/** What an id begins with, before its dash: whose request it is. */
export const prefixOf = (id: string): string | undefined => /^([0-9a-f]{6})-\d+$/.exec(id)?.[1]

/** Calls of one `Idempotency-Key`, or of one identity, meet in one process. */
const meetingPlace = (headers: IncomingHttpHeaders, query: string, path: string, of: number): Place => {
  const idempotent = headers["idempotency-key"]
  const asked = query === "" ? undefined : new URLSearchParams(query)
  const identity = asked?.get("primaryKey")
  const duplicate = asked?.get("duplicate")
  if (identity !== undefined && identity !== null) return { at: hash(`${path}\n${identity}`) % of }
  if (duplicate !== undefined && duplicate !== null && duplicate !== "allow") {
    return invalid(
      "primaryKey",
      "Expected `primaryKey` beside `duplicate`: several processes serve, and those of one identity meet in one by that"
    )
  }
  // As it is with the quotes that may be around it, and without.
  return idempotent === undefined ? "any" : { at: hash(String(idempotent).replace(/^"(.*)"$/, "$1")) % of }
}

/** FNV-1a: the same in each process, and in the next one. */
const hash = (text: string): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
