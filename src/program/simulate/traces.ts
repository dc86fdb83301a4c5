/** Recorded loads: CSV files of arrivals and of service times. */
import { Effect, Stream } from "effect"
import * as Csv from "effect/encoding/Csv"
import { promises } from "node:fs"
import { Arrivals, ServiceTimes } from "../../Simulation.ts"
import { BadUsage, messageOf } from "../errors.ts"
import { numberOf } from "../settings/quantities.ts"

/** Rows of `time`, `time,type`, `time,type,key` or `time,type,key,priority`; a key or a priority may be empty. A time counts from the start, or is a time of day: then it counts from the earliest. */
export const readArrivals = (path: string): Effect.Effect<Arrivals.Arrivals, BadUsage> =>
  Effect.gen(function* () {
    const rows = yield* read(path, arrivalShapes)
    const [first] = rows
    const isClock = clockMillis(first!.cells[0]!) !== undefined
    const expected = isClock
      ? `a time of day as in line ${first!.line} (ISO 8601, or milliseconds since 1970)`
      : "milliseconds since the start, at least 0, or an ISO 8601 timestamp"
    const millis: Array<number> = []
    let earliest = Infinity
    for (const { cells, line } of rows) {
      const at = isClock ? clockMillis(cells[0]!) : startMillis(cells[0]!)
      if (at === undefined) return yield* unfit(path, line, expected, cells[0]!)
      if (cells[1] === "") return yield* unfit(path, line, "a type that is not empty", cells[1])
      if (priorityOf(cells[3]) === null) {
        return yield* unfit(path, line, "a priority from -10 to 10, or nothing", cells[3]!)
      }
      millis.push(at)
      earliest = Math.min(earliest, at)
    }
    const from = isClock ? earliest : 0
    return Arrivals.trace(
      `csv:${path}`,
      rows.map(({ cells: [, type = "Work", key = "", priority] }, n) => ({
        atMillis: millis[n]! - from,
        type,
        ...(key === "" ? {} : { key }),
        ...(priorityOf(priority) === undefined ? {} : { priority: priorityOf(priority)! })
      }))
    )
  })

/** Rows of `milliseconds` or `type,milliseconds`. */
export const readServiceTimes = (path: string): Effect.Effect<ServiceTimes.ServiceTimes, BadUsage> =>
  Effect.gen(function* () {
    const rows = yield* read(path, [["milliseconds"], ["type", "milliseconds"]])
    const times: Array<{ readonly type: string | undefined; readonly millis: number }> = []
    for (const { cells, line } of rows) {
      const text = cells.at(-1)!
      const millis = numberOf(text)
      if (millis === undefined || millis < 0) return yield* unfit(path, line, "milliseconds, at least 0", text)
      times.push({ type: cells.length === 2 ? cells[0] : undefined, millis })
    }
    return ServiceTimes.trace(`csv:${path}`, times)
  })

/** How many arrivals of a recording come after this instant. It draws nothing at random. */
export const countAfter = (arrivals: Arrivals.Arrivals, millis: number): number => {
  let count = 0
  const nothing = { uniform: () => 0, exponential: () => 0, normal: () => 0, of: () => nothing }
  for (const { atMillis } of arrivals.draw(nothing, Infinity)) if (atMillis > millis) count++
  return count
}

const arrivalColumns = ["time", "type", "key", "priority"]
const arrivalShapes = arrivalColumns.map((_, last) => arrivalColumns.slice(0, last + 1))

/** `undefined`: it has none; `null`: this is none. */
const priorityOf = (text: string | undefined): number | undefined | null => {
  if (text === undefined || text === "") return undefined
  const number = numberOf(text)
  return Number.isInteger(number) && Math.abs(number!) <= 10 ? number : null
}

interface Row {
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

/** Numbers above this are milliseconds since 1970, from 1973 on. */
const clockFrom = 1e11

const isoTimestamp = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/** A time of day; without a zone it is taken as UTC, so that the result is the same everywhere. */
const clockMillis = (text: string): number | undefined => {
  const number = numberOf(text)
  if (number !== undefined) return number > clockFrom ? number : undefined
  const [, time, , , zone] = isoTimestamp.exec(text) ?? []
  if (!isoTimestamp.test(text)) return undefined
  const millis = Date.parse(
    `${text.replace(" ", "T").replace(",", ".")}${time !== undefined && zone === undefined ? "Z" : ""}`
  )
  return Number.isNaN(millis) ? undefined : millis
}

const startMillis = (text: string): number | undefined => {
  const number = numberOf(text)
  return number !== undefined && number >= 0 && number <= clockFrom ? number : undefined
}

/** The rows below the header, if there is one; all have the columns of one of the shapes. At least one row. */
const read = (
  path: string,
  shapes: ReadonlyArray<ReadonlyArray<string>>
): Effect.Effect<ReadonlyArray<Row>, BadUsage> =>
  Effect.gen(function* () {
    const text = yield* Effect.tryPromise({
      try: () => promises.readFile(path, "utf8"),
      catch: (error) => new BadUsage({ reason: `cannot read ${path}: ${messageOf(error)}` })
    })
    const rows = yield* parse(path, text)
    const wanted = shapes.map((shape) => `"${shape.join(",")}"`).join(" or ")
    const [first] = rows
    const columns = first?.cells.length
    const shape = shapes.find((shape) => shape.length === columns)
    for (const { cells, line } of rows) {
      if (shape === undefined) return yield* unfit(path, line, `the columns ${wanted}`, cells.join(","))
      if (cells.length !== columns) {
        return yield* unfit(path, line, `${columns} column(s) as in line ${first!.line}`, cells.join(","))
      }
    }
    const hasHeader = first?.cells.every((cell, n) => cell.toLowerCase() === shape![n]) === true
    const below = hasHeader ? rows.slice(1) : rows
    return below.length > 0
      ? below
      : yield* new BadUsage({ reason: `Expected ${path} to have rows of ${wanted}, got none` })
  })

const parse = (path: string, text: string): Effect.Effect<ReadonlyArray<Row>, BadUsage> =>
  Stream.make(text).pipe(
    Stream.pipeThroughChannel(Csv.decodeString()),
    Stream.runCollect,
    Effect.map((records) => {
      let line = 1
      const rows: Array<Row> = []
      for (const record of records) {
        const cells = record.map((cell) => cell.trim())
        if (cells.length > 1 || cells[0] !== "") rows.push({ line, cells })
        // A quoted cell may go on on further lines.
        line += record.reduce((lines, cell) => lines + (cell.match(/\r\n|\r|\n/g)?.length ?? 0), 1)
      }
      return rows
    }),
    Effect.mapError(({ line, message }) => new BadUsage({ reason: `${path}, line ${line}: ${message}` }))
  )

const unfit = (path: string, line: number, expected: string, got: string) =>
  new BadUsage({ reason: `${path}, line ${line}: expected ${expected}, got "${got}"` })
