/** The lines of a recording below its header, as they are written. Times are whole microseconds. */
import type { Lines } from "./lines.ts"
import type { Block, Earlier } from "./notes.ts"
import { recordedEnds } from "./recorded.ts"

const encoder = new TextEncoder()
const openBracket = 91
const closeBracket = 93
const comma = 44
const newline = 10

/** `[at, type, end, phases, key, priority, earlier]`, without what is nothing at its end, a line for each request. */
export const addBlock = (lines: Lines, block: Block, startedAt: number, keyText: (key: string) => string): void => {
  const types = new Map<string, Array<Uint8Array | undefined>>()
  for (let n = 0; n < block.count; n++) {
    lines.code(openBracket)
    lines.whole(micros(block.at[n]! - startedAt))
    lines.copy(typeAndEnd(types, block.type[n]!, block.end[n]!))
    addPhases(lines, block, n)
    lines.code(closeBracket)
    addRest(lines, block, n, keyText)
    lines.code(closeBracket)
    lines.code(newline)
  }
}

/** Few of a block are different. */
const typeAndEnd = (types: Map<string, Array<Uint8Array | undefined>>, type: string, end: number): Uint8Array => {
  let ends = types.get(type)
  if (ends === undefined) types.set(type, (ends = recordedEnds.map(() => undefined)))
  return (ends[end] ??= encoder.encode(`,${JSON.stringify(type)},"${recordedEnds[end]!}",[`))
}

/** How it waited and ran, in turn. */
const addPhases = (lines: Lines, block: Block, n: number): void => {
  const at = block.at[n]!
  const startedAt = block.startedAt[n]!
  const endedAt = block.endedAt[n]!
  const earlier = block.earlier[n]
  if (earlier !== undefined) return lines.text(phasesText(at, earlier, startedAt, endedAt))
  if (startedAt !== startedAt) {
    if (endedAt > at) lines.whole(micros(endedAt - at))
    return
  }
  lines.whole(micros(startedAt - at))
  lines.code(comma)
  lines.whole(micros(endedAt - startedAt))
}

const phasesText = (at: number, earlier: ReadonlyArray<Earlier>, startedAt: number, endedAt: number): string => {
  const phases: Array<number> = []
  let from = at
  for (const attempt of earlier) {
    phases.push(micros(attempt.startedAt - from), micros(attempt.endedAt - attempt.startedAt))
    from = attempt.endedAt
  }
  if (startedAt === startedAt) phases.push(micros(startedAt - from), micros(endedAt - startedAt))
  // Though it was for no time: that there is one more phase says that it was none of the attempts that has ended the request.
  else phases.push(micros(endedAt - from))
  return phases.join(",")
}

const addRest = (lines: Lines, block: Block, n: number, keyText: (key: string) => string): void => {
  const key = block.key[n]!
  const priority = block.priority[n]!
  const earlier = block.earlier[n]
  if (key === "" && priority === 0 && earlier === undefined) return
  lines.code(comma)
  lines.text(JSON.stringify(key === "" ? "" : keyText(key)))
  if (priority === 0 && earlier === undefined) return
  lines.text(`,${priority}`)
  if (earlier !== undefined) lines.text(`,"${earlier.map(({ end }) => end[0]).join("")}"`)
}

const micros = (millis: number): number => Math.round(millis * 1000)

/** How the pool stands, and what of the recording was lost until then. */
export interface Mark {
  /** In milliseconds since the start of the recording. */
  readonly atMillis: number
  readonly workers: number
  /** How long there were workers since the start of the recording, in all. */
  readonly workerMillis: number
  /** Requests that have neither ended nor been refused: they have no line yet. */
  readonly pending: number
  /** Requests since the start of the recording that have no line, since they could not be written in time. */
  readonly lost: number
  /** It is the last line of its recording. */
  readonly closed: boolean
}

export const markText = ({ atMillis, closed, lost, pending, workerMillis, workers }: Mark): string =>
  `${JSON.stringify({
    at: micros(atMillis),
    workers,
    worked: micros(workerMillis),
    pending,
    lost,
    ...(closed ? { closed } : {})
  })}\n`
