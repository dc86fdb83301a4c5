/** Notices as they go through the database: one channel a store, JSON of at most 8,000 bytes each. */
import type { Notice } from "../Store.ts"
import type { Names } from "./names.ts"

/** A payload is below 8,000 bytes; an id takes 39 of them. */
const mostIds = 200
const mostBytes = 7_900

export interface News {
  readonly work?: Iterable<string>
  readonly ended?: ReadonlyArray<string>
  readonly revoked?: ReadonlyArray<string>
  readonly paused?: boolean
}

/** In so many payloads as it takes. What is revoked is told as ended as well. */
export const payloads = ({ ended = [], paused = false, revoked = [], work = [] }: News): Array<string> => {
  const texts: Array<string> = []
  let tags: Array<string> = []
  let bytes = 0
  for (const tag of work) {
    const size = Buffer.byteLength(JSON.stringify(tag)) + 1
    // A name that is longer than a notice is found by looking.
    if (size > mostBytes) continue
    if (bytes + size > mostBytes) {
      texts.push(JSON.stringify({ work: tags }))
      tags = []
      bytes = 0
    }
    tags.push(tag)
    bytes += size
  }
  if (tags.length > 0) texts.push(JSON.stringify({ work: tags }))
  for (let at = 0; at < revoked.length; at += mostIds) {
    texts.push(JSON.stringify({ revoked: revoked.slice(at, at + mostIds) }))
  }
  for (let at = 0; at < ended.length; at += mostIds) {
    texts.push(JSON.stringify({ ended: ended.slice(at, at + mostIds) }))
  }
  if (paused) texts.push(JSON.stringify({ paused }))
  return texts
}

/** The statement that tells them, or its last part: `parameter` is that of an array of payloads. */
export const tellText = ({ channel }: Names, parameter: string): string =>
  `SELECT pg_notify('${channel}', payload) FROM unnest(${parameter}::text[]) AS payload`

/** What is not understood is of a newer version, and says nothing here. */
export const noticeOf = (payload: string): Notice | undefined => {
  try {
    const { ended, paused, revoked, work } = JSON.parse(payload) as {
      readonly [Name in keyof News]?: ReadonlyArray<string>
    }
    if (Array.isArray(work)) return { _tag: "Work", tags: work }
    if (Array.isArray(ended)) return { _tag: "Ended", ids: ended }
    if (Array.isArray(revoked)) return { _tag: "Revoked", ids: revoked }
    return paused === undefined ? undefined : { _tag: "Paused" }
  } catch {
    return undefined
  }
}
