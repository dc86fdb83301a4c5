/** Why some requests ran more than once, and how long those took that a killed process had. */
import type { Line } from "./log.ts"

/** When this life of a process was killed. */
export interface Kill {
  readonly life: string
  readonly at: number
  /** Milliseconds without a server, as far as they fall within the 15 s after it. */
  readonly outageMillis: number
}

export interface OfKill extends Kill {
  /** Handlers that ran then. */
  readonly running: number
  /** Handlers that had ended, and whose outcome was not recorded yet. */
  readonly unrecorded: number
  /** From the kill until the last one of these ran again. Whoever ran it may have been killed as well. */
  readonly redeliveredMillis: number | undefined
  /** From the kill until the last outcome of these was heard of. */
  readonly endedMillis: number | undefined
}

export interface Explanation {
  readonly runs: number
  /** Runs of requests that had run before. */
  readonly again: number
  /** Of them, those after a run whose process was killed: while it ran, or before its outcome was recorded. */
  readonly afterKill: number
  /** Of them, those whose earlier run nobody has killed. */
  readonly unexplained: ReadonlyArray<string>
  readonly kills: ReadonlyArray<OfKill>
}

/** `ended`: when the outcome of each was heard of, and whose it is. */
export const explain = (
  lines: ReadonlyArray<Line>,
  kills: ReadonlyArray<Kill>,
  ended: ReadonlyMap<number, { readonly at: number; readonly life: string }>
): Explanation => {
  const begun = lines.filter(({ what }) => what === "begun").toSorted((a, b) => a.at - b.at)
  const finished = new Set(lines.filter(({ what }) => what === "ended").map(({ life, n }) => `${life} ${n}`))
  const killOf = new Map(kills.map((kill) => [kill.life, kill]))
  const earlier = new Map<number, Line>()
  const unexplained: Array<string> = []
  const ofKill = new Map(
    kills.map(({ life }) => [life, { running: 0, unrecorded: 0, begun: undefined, ended: undefined } as Tally])
  )
  let [again, afterKill] = [0, 0]
  for (const line of begun) {
    const before = earlier.get(line.n)
    if (before !== undefined) {
      again++
      const kill = killOf.get(before.life)
      if (kill !== undefined && kill.at <= line.at) {
        afterKill++
        const mine = ofKill.get(before.life)!
        mine.begun = Math.max(mine.begun ?? 0, line.at - kill.at)
      } else unexplained.push(`${line.n}: ${before.life} at ${before.at}, then ${line.life} at ${line.at}`)
    }
    earlier.set(line.n, line)
    const mine = ofKill.get(line.life)
    const end = ended.get(line.n)
    if (mine === undefined || end?.life === line.life) continue
    if (finished.has(`${line.life} ${line.n}`)) mine.unrecorded++
    else mine.running++
    if (end !== undefined) mine.ended = Math.max(mine.ended ?? 0, end.at - killOf.get(line.life)!.at)
  }
  return {
    runs: begun.length,
    again,
    afterKill,
    unexplained,
    kills: kills.map((kill) => {
      const { begun, ended, running, unrecorded } = ofKill.get(kill.life)!
      return { ...kill, running, unrecorded, redeliveredMillis: begun, endedMillis: ended }
    })
  }
}

interface Tally {
  running: number
  unrecorded: number
  begun: number | undefined
  ended: number | undefined
}
