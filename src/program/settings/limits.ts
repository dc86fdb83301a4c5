/** Limits as one writes them: on a command line and in the environment as texts, in a file as texts or records. */
import { Result } from "effect"
import { Limit, PoolError } from "../../index.ts"
import { shown } from "../output/shown.ts"
import { millisOf, numberOr } from "./quantities.ts"

/** How a limit is written as a text. */
export const limitForm =
  "name=NAME[,per=pool|tag|key][,concurrency=N][,rate=N/PERIOD[,burst=N]][,tags=A+B][,until=attempt|request]"

/** A text such as `name=mailer,per=tag,concurrency=4,rate=10/1s,burst=5,tags=SendMail+SendSms`. */
export const limitOfText = (text: string): Checked => {
  const record: Record<string, string> = {}
  for (const part of text.split(",")) {
    const equals = part.indexOf("=")
    const field = part.slice(0, equals).trim()
    if (equals === -1 || !fields.has(field) || Object.hasOwn(record, field)) {
      return wrong("limits", limitForm, `"${text}"`)
    }
    record[field] = part.slice(equals + 1).trim()
  }
  const { burst, rate, tags, ...others } = record
  if (burst !== undefined && rate === undefined)
    return wrong("limits", `${limitForm}, a burst only with a rate`, `"${text}"`)
  return limitOfRecord({
    ...others,
    ...(rate === undefined ? {} : { rate: burst === undefined ? rate : `${rate},${burst}` }),
    ...(tags === undefined ? {} : { tags: tags.split("+") })
  })
}

/**
 * A record `{ name, per?, concurrency?, rate?: { limit, period, burst? }, tags?, until? }`. Numbers and durations may be texts, a
 * rate may be one such as `10/1s`. What the library refuses is the failure, as is a field that is none.
 */
export const limitOfRecord = (record: unknown): Checked => {
  if (!isRecord(record)) return wrong("limits", `a record such as { name: "mailer", concurrency: 4 }`, shown(record))
  const where = `limits.${typeof record["name"] === "string" && record["name"] !== "" ? record["name"] : "?"}`
  const unknown = unknownOf(record, recordFields)
  if (unknown !== undefined) return wrong(where, `a limit of ${recordFields.join(", ")}`, `"${unknown}"`)
  const rate = record["rate"] === undefined ? undefined : rateOf(record["rate"])
  if (rate === null) {
    return wrong(`${where}.rate`, `{ limit, period, burst? }, or a text such as 10/1s`, shown(record["rate"]))
  }
  // In code it may be a function, too.
  if (record["per"] !== undefined && !["pool", "tag", "key"].includes(record["per"] as string)) {
    return wrong(`${where}.per`, `"pool" or "tag" or "key"`, shown(record["per"]))
  }
  const limit = Limit.make({ ...record, concurrency: number(record["concurrency"]), rate } as Limit.Options)
  return limit.invalid === undefined ? Result.succeed(limit) : Result.fail(limit.invalid)
}

/** Several, with semicolons between, or a list of texts and records; the first that is wrong is the failure. */
export const limitsOf = (input: unknown): Result.Result<ReadonlyArray<Limit.Limit>, PoolError.InvalidPoolConfig> => {
  const items: ReadonlyArray<unknown> =
    typeof input === "string"
      ? input.split(";").filter((text) => text.trim() !== "")
      : Array.isArray(input)
        ? input
        : [input]
  const limits: Array<Limit.Limit> = []
  for (const item of items) {
    const limit = typeof item === "string" ? limitOfText(item) : limitOfRecord(item)
    if (Result.isFailure(limit)) return Result.fail(limit.failure)
    limits.push(limit.success)
  }
  return Result.succeed(limits)
}

type Checked = Result.Result<Limit.Limit, PoolError.InvalidPoolConfig>

const recordFields = ["name", "per", "concurrency", "rate", "tags", "until"]
const fields = new Set([...recordFields, "burst"])
const rateFields = ["limit", "period", "burst"]

/** `null`: it is none. Its numbers are for the library to check. */
const rateOf = (rate: unknown): Limit.Rate | null => {
  if (typeof rate === "string") {
    const [, limit, period, burst] = /^([^/,]+)\/([^/,]+)(?:,([^/,]*))?$/.exec(rate) ?? []
    return limit === undefined ? null : rateFrom({ limit, period, burst })
  }
  return isRecord(rate) && unknownOf(rate, rateFields) === undefined ? rateFrom(rate) : null
}

const rateFrom = ({ burst, limit, period }: Readonly<Record<string, unknown>>) =>
  ({ limit: number(limit), period: millis(period), burst: number(burst) }) as Limit.Rate

/** What stands for none stays as it is, for the library to refuse. */
const number = (value: unknown): number | undefined => (typeof value === "string" ? numberOr(value) : (value as number))
const millis = (value: unknown): unknown => (typeof value === "string" ? (millisOf(value) ?? value) : value)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const unknownOf = (record: Readonly<Record<string, unknown>>, known: ReadonlyArray<string>): string | undefined =>
  Object.keys(record).find((field) => !known.includes(field))

const wrong = (field: string, expected: string, actual: string): Checked =>
  Result.fail(new PoolError.InvalidPoolConfig({ field, expected, actual }))
