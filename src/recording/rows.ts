/** The lines of a recording below its header, as they are written. Times are whole microseconds. */
import type { Block } from "./notes.ts"
import { recordedEnds } from "./recorded.ts"

/** `[at, type, end, phases, key, priority, earlier]`, without what is nothing at its end. */
export const blockText = (block: Block, startedAt: number, keyText: (key: string) => string): string => {
  const types = new Map<string, string>()
  let text = ""
  for (let n = 0; n < block.count; n++) {
    const type = block.type[n]!
    let quoted = types.get(type)
    if (quoted === undefined) types.set(type, (quoted = JSON.stringify(type)))
    const phases = phasesText(block, n)
    const end = recordedEnds[block.end[n]!]!
    text += `[${micros(block.at[n]! - startedAt)},${quoted},"${end}",[${phases}]${restText(block, n, keyText)}]\n`
  }
  return text
}

/** How it waited and ran, in turn. */
const phasesText = (block: Block, n: number): string => {
  const at = block.at[n]!
  const startedAt = block.startedAt[n]!
  const endedAt = block.endedAt[n]!
  const earlier = block.earlier[n]
  if (earlier === undefined) {
    if (startedAt === startedAt) return `${micros(startedAt - at)},${micros(endedAt - startedAt)}`
    return endedAt > at ? `${micros(endedAt - at)}` : ""
  }
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

const restText = (block: Block, n: number, keyText: (key: string) => string): string => {
  const key = block.key[n]!
  const priority = block.priority[n]!
  const earlier = block.earlier[n]
  if (key === "" && priority === 0 && earlier === undefined) return ""
  const keyed = `,${JSON.stringify(key === "" ? "" : keyText(key))}`
  if (priority === 0 && earlier === undefined) return keyed
  const ranked = `${keyed},${priority}`
  return earlier === undefined ? ranked : `${ranked},"${earlier.map(({ end }) => end[0]).join("")}"`
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
