/** Requests that have ended, many together, as plain data: small, and quickly sent to a thread. */
import type { Block, Earlier } from "./notes.ts"
import { lastEndOf, type Recorded, type RecordedAttempt, recordedEnds } from "./recorded.ts"

export interface Chunk {
  readonly at: Float64Array
  /** When its last attempt began; `NaN`: none ran when it ended. */
  readonly startedAt: Float64Array
  readonly endedAt: Float64Array
  readonly end: Uint8Array
  readonly priority: Int8Array
  /** Which of `types`. */
  readonly type: Uint16Array
  /** Which of `keys`. */
  readonly key: Uint16Array
  readonly types: ReadonlyArray<string>
  readonly keys: ReadonlyArray<string>
  /** The other attempts of the requests that had any, by their place. */
  readonly earlier: ReadonlyMap<number, ReadonlyArray<Earlier>>
  /** About what it takes. */
  readonly bytes: number
}

const rowBytes = 30
const textBytes = 40
const earlierBytes = 100

export const chunkOf = ({ at, count, earlier, end, endedAt, key, priority, startedAt, type }: Block): Chunk => {
  const types = new Texts(count)
  const keys = new Texts(count)
  const others = new Map<number, ReadonlyArray<Earlier>>()
  let attempts = 0
  for (let n = 0; n < count; n++) {
    types.add(n, type[n]!)
    keys.add(n, key[n]!)
    const own = earlier[n]
    if (own === undefined) continue
    others.set(n, own)
    attempts += own.length
  }
  return {
    at: at.slice(0, count),
    startedAt: startedAt.slice(0, count),
    endedAt: endedAt.slice(0, count),
    end: end.slice(0, count),
    priority: priority.slice(0, count),
    type: types.of,
    key: keys.of,
    types: types.all,
    keys: keys.all,
    earlier: others,
    bytes: rowBytes * count + types.bytes + keys.bytes + earlierBytes * attempts
  }
}

/** Each text once. */
class Texts {
  readonly of: Uint16Array
  readonly all: Array<string> = []
  bytes = 0
  private readonly known = new Map<string, number>()

  constructor(count: number) {
    this.of = new Uint16Array(count)
  }

  add(n: number, text: string): void {
    let place = this.known.get(text)
    if (place === undefined) {
      place = this.all.length
      this.known.set(text, place)
      this.all.push(ownCopy(text))
      this.bytes += textBytes + 2 * text.length
    }
    this.of[n] = place
  }
}

/** A text may be a view of a far longer one, such as the address that it was cut out of, and would keep that. */
const ownCopy = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le")

/** Those that came from one instant on, their times in milliseconds since then. */
export const recordedIn = function* (chunks: ReadonlyArray<Chunk>, fromMillis: number): Generator<Recorded> {
  for (const chunk of chunks) {
    for (let n = 0; n < chunk.at.length; n++) if (chunk.at[n]! >= fromMillis) yield recordedAt(chunk, n, fromMillis)
  }
}

const recordedAt = (chunk: Chunk, n: number, fromMillis: number): Recorded => {
  const { at, earlier, endedAt, key, keys, priority, startedAt, type, types } = chunk
  const end = recordedEnds[chunk.end[n]!]!
  const attempts: Array<RecordedAttempt> = (earlier.get(n) ?? []).map((attempt) => ({
    startedAtMillis: attempt.startedAt - fromMillis,
    millis: attempt.endedAt - attempt.startedAt,
    end: attempt.end
  }))
  const begun = startedAt[n]!
  if (begun === begun)
    attempts.push({ startedAtMillis: begun - fromMillis, millis: endedAt[n]! - begun, end: lastEndOf(end) })
  const of = keys[key[n]!]!
  return {
    atMillis: at[n]! - fromMillis,
    type: types[type[n]!]!,
    ...(of === "" ? {} : { key: of }),
    ...(priority[n] === 0 ? {} : { priority: priority[n]! }),
    attempts,
    end,
    endedAtMillis: endedAt[n]! - fromMillis
  }
}
