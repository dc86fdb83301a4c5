/** The lines of a recording, as they are read. What none can say is told with its place. */
import { BadRecording } from "./errors.ts"
import { beginning, type Header, type Settings, version } from "./header.ts"
import { lastEndOf, type Recorded, type RecordedAttempt, type RecordedEnd, recordedEnds } from "./recorded.ts"
import type { Mark } from "./rows.ts"

/** One line. Instants count from the start of the first recording that is read. */
export type Entry =
  | ({ readonly _tag: "Request" } & Recorded)
  | ({ readonly _tag: "Mark"; readonly salt: string } & Mark)
  | {
      readonly _tag: "Header"
      readonly header: Header
      readonly path: string
      readonly line: number
      /** The line before it is not whole: whoever wrote it was ended. */
      readonly afterCut: boolean
    }
  /** The same of the last line of a file. */
  | { readonly _tag: "Cut"; readonly path: string; readonly line: number }

/** What several files have in common. */
export interface Origin {
  /** The wall clock at the start of the first recording, in milliseconds since 1970. */
  startedAtMillis: number | undefined
}

/** Of one file. */
export class Parser {
  private readonly path: string
  private readonly origin: Origin
  private header: Header | undefined = undefined
  /** From the origin to the start of the recording. */
  private offset = 0
  private markAt = 0
  private line = 0
  /** A line that is not whole; it may only be the last one of its process. */
  private cut: BadRecording | undefined = undefined

  constructor(path: string, origin: Origin) {
    this.path = path
    this.origin = origin
  }

  /** The next line. `undefined`: it says nothing for now. */
  next(text: string): Entry | BadRecording | undefined {
    this.line++
    if (text.startsWith(beginning)) return this.onHeader(text)
    if (text === "") return undefined
    if (this.cut !== undefined) return this.cut
    if (this.header === undefined) return this.wrong("the header of a recording", shown(text))
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      this.cut = this.wrong("a whole line of a recording", shown(text))
      return undefined
    }
    if (Array.isArray(value)) return this.onRequest(value)
    if (typeof value === "object" && value !== null) return this.onMark(value as Readonly<Record<string, unknown>>)
    return this.wrong("a request or a mark", shown(text))
  }

  /** The file is over. */
  end(): Entry | BadRecording | undefined {
    if (this.line === 0)
      return new BadRecording({ path: this.path, line: 0, expected: "a recording", actual: "an empty file" })
    return this.takeCut()
  }

  private onHeader(text: string): Entry | BadRecording | undefined {
    const value = parsed(text)
    if (value === undefined) {
      this.cut = this.wrong("a whole header", shown(text))
      return undefined
    }
    if (value["version"] !== version)
      return this.wrong(`version ${version} of the format`, `version ${told(value["version"])}`)
    const startedAtMillis = typeof value["startedAt"] === "string" ? Date.parse(value["startedAt"]) : Number.NaN
    if (!Number.isFinite(startedAtMillis)) return this.wrong("`startedAt` to be a date", told(value["startedAt"]))
    const { keys, part, pool, salt } = value
    if (typeof salt !== "string") return this.wrong("`salt` to be a text", told(salt))
    if (!isSettings(pool)) return this.wrong("`pool` to be the settings of a pool", shown(told(pool)))
    this.header = {
      salt,
      part: typeof part === "number" ? part : 1,
      startedAtMillis,
      keys: keys === "plain" ? "plain" : "hashed",
      pool
    }
    this.origin.startedAtMillis ??= startedAtMillis
    this.offset = startedAtMillis - this.origin.startedAtMillis
    this.markAt = 0
    const afterCut = this.cut !== undefined
    this.cut = undefined
    return { _tag: "Header", header: this.header, path: this.path, line: this.line, afterCut }
  }

  private onRequest(row: ReadonlyArray<unknown>): Entry | BadRecording {
    const [at, type, end, phases, key = "", priority = 0, earlier = ""] = row
    if (!isTime(at)) return this.wrong("the instant of a request to be whole microseconds, at least 0", told(at))
    if (typeof type !== "string") return this.wrong("the type of a request to be a text", told(type))
    if (!isEnd(end)) return this.wrong(`the end of a request to be one of ${recordedEnds.join(", ")}`, told(end))
    if (!Array.isArray(phases) || !phases.every(isTime)) {
      return this.wrong("the phases of a request to be whole microseconds, at least 0", told(phases))
    }
    if (typeof key !== "string") return this.wrong("the key of a request to be a text", told(key))
    if (!Number.isInteger(priority) || Math.abs(priority as number) > 10) {
      return this.wrong("the priority of a request to be a whole number from -10 to 10", told(priority))
    }
    const count = phases.length >> 1
    const expectedEnds = phases.length % 2 === 0 ? count - 1 : count
    if (count > 0 && (typeof earlier !== "string" || earlier.length !== expectedEnds || /[^ft]/.test(earlier))) {
      return this.wrong(`the ends of ${expectedEnds} earlier attempts, each f or t`, told(earlier))
    }
    const atMillis = this.offset + at / 1000
    const attempts: Array<RecordedAttempt> = []
    let now = at
    for (let n = 0; n < phases.length; n++) {
      const micros = phases[n] as number
      if (n % 2 === 1) {
        const nth = n >> 1
        const letter = (earlier as string)[nth]
        attempts.push({
          startedAtMillis: this.offset + now / 1000,
          millis: micros / 1000,
          end: letter === undefined ? lastEndOf(end) : letter === "f" ? "failed" : "timedOut"
        })
      }
      now += micros
    }
    return {
      _tag: "Request",
      atMillis,
      type,
      ...(key === "" ? {} : { key }),
      ...(priority === 0 ? {} : { priority: priority as number }),
      attempts,
      end,
      endedAtMillis: this.offset + now / 1000
    }
  }

  private onMark(value: Readonly<Record<string, unknown>>): Entry | BadRecording {
    const { at, closed, lost, pending, worked, workers } = value
    for (const [name, number] of Object.entries({ at, workers, worked, pending, lost })) {
      if (!isTime(number)) return this.wrong(`\`${name}\` of a mark to be a whole number, at least 0`, told(number))
    }
    if ((at as number) < this.markAt) {
      return this.wrong(
        `an instant not before that of the mark before, ${this.markAt}`,
        `${String(at)}: the clock went back`
      )
    }
    this.markAt = at as number
    return {
      _tag: "Mark",
      salt: this.header!.salt,
      atMillis: this.offset + (at as number) / 1000,
      workers: workers as number,
      workerMillis: (worked as number) / 1000,
      pending: pending as number,
      lost: lost as number,
      closed: closed === true
    }
  }

  private takeCut(): Entry | BadRecording | undefined {
    const { cut, header, path } = this
    if (cut === undefined) return undefined
    // Of one that has nothing whole nothing can be read.
    return header === undefined ? cut : { _tag: "Cut", path, line: cut.line }
  }

  private wrong(expected: string, actual: string): BadRecording {
    return new BadRecording({ path: this.path, line: this.line, expected, actual })
  }
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isEnd = (value: unknown): value is RecordedEnd => recordedEnds.includes(value as RecordedEnd)

const isNumber = (value: unknown): value is number => typeof value === "number"

const isSettings = (value: unknown): value is Settings => {
  if (typeof value !== "object" || value === null) return false
  const {
    agingMillis = 0,
    besides = [],
    keyCapacity = 0,
    name,
    order = "fifo",
    shedding,
    strategy,
    ...rest
  } = value as Readonly<Record<string, unknown>>
  const { firstTickMillis = 0, maxWorkers, minWorkers, scalingIntervalMillis } = rest
  const { intervalMillis, targetMillis } = (shedding ?? { intervalMillis: 0, targetMillis: 0 }) as Record<
    string,
    unknown
  >
  return (
    typeof name === "string" &&
    typeof strategy === "string" &&
    [minWorkers, maxWorkers, scalingIntervalMillis, firstTickMillis, intervalMillis, targetMillis].every(isNumber) &&
    [agingMillis, keyCapacity].every((one) => one === "none" || isNumber(one)) &&
    (order === "fifo" || order === "lifo") &&
    Array.isArray(besides)
  )
}

const parsed = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

/** A value, for an error. */
const told = (value: unknown): string => JSON.stringify(value) ?? "nothing"

/** The beginning of a line, for an error. */
const shown = (text: string): string => told(text.length > 60 ? `${text.slice(0, 60)}...` : text)
