/** Range checks of options. Each answers what is wrong, or `undefined`; nothing is ever clamped. */
import { Duration, Formatter, Option } from "effect"
import { InvalidPoolConfig, InvalidRequestOption } from "../PoolError.ts"

type Check<A> = (field: string, value: A) => InvalidPoolConfig | undefined

export const wrong = (field: string, expected: string, actual: unknown): InvalidPoolConfig =>
  new InvalidPoolConfig({ field, expected, actual: show(actual) })

/** The same mistake, where it is known by another name. */
export const wrongAs = (
  field: string,
  { actual, expected }: Pick<InvalidPoolConfig, "expected" | "actual">
): InvalidPoolConfig => new InvalidPoolConfig({ field, expected, actual })

/** The same mistake, made in one call. */
export const ofCall = ({
  actual,
  expected,
  field
}: Pick<InvalidPoolConfig, "field" | "expected" | "actual">): InvalidRequestOption =>
  new InvalidRequestOption({ field, expected, actual })

export const wholeFrom =
  (least: number): Check<unknown> =>
  (field, value) =>
    Number.isSafeInteger(value) && (value as number) >= least
      ? undefined
      : wrong(field, `a whole number, at least ${least}`, value)

export const within =
  (least: number, most: number): Check<unknown> =>
  (field, value) =>
    typeof value === "number" && value >= least && value <= most
      ? undefined
      : wrong(field, most === Infinity ? `a number, at least ${least}` : `a number from ${least} to ${most}`, value)

export const finite: Check<unknown> = (field, value) =>
  Number.isFinite(value) && (value as number) >= 0 ? undefined : wrong(field, "a finite number, at least 0", value)

/** What is wrong with the first of these that is no finite number, or below zero. */
export const allFinite = (values: Readonly<Record<string, unknown>>): InvalidPoolConfig | undefined =>
  Object.entries(values)
    .map(([field, value]) => finite(field, value))
    .find((problem) => problem !== undefined)

export const above =
  (limit: number): Check<unknown> =>
  (field, value) =>
    typeof value === "number" && value > limit ? undefined : wrong(field, `a number above ${limit}`, value)

/** A name, say. */
export const text: Check<unknown> = (field, value) =>
  typeof value === "string" && value !== "" ? undefined : wrong(field, "a text that is not empty", value)

export const oneOf =
  (...choices: ReadonlyArray<unknown>): Check<unknown> =>
  (field, value) =>
    choices.includes(value) ? undefined : wrong(field, choices.map((choice) => show(choice)).join(" or "), value)

/** The first field that is none of these: a word that is not known would be a setting that does not work. */
export const unknownField = (
  options: object,
  known: ReadonlySet<string>,
  what: string,
  where = ""
): InvalidPoolConfig | undefined => {
  for (const field of Object.keys(options)) {
    if (known.has(field)) continue
    const expected = `${what} (${[...known].join(", ")})`
    return new InvalidPoolConfig({ field: where + field, expected, actual: "a name that is not known" })
  }
  return undefined
}

/** What is wrong with these options as a whole: they are no object, or one has a name that is not known. `where` stands before that. */
export const fieldsOf = (
  field: string,
  options: unknown,
  known: ReadonlySet<string>,
  what: string,
  where = `${field}.`
): InvalidPoolConfig | undefined =>
  typeof options === "object" && options !== null
    ? unknownField(options, known, what, where)
    : wrong(field, "an object", options)

/** The two bounds of a pool's workers. */
export const bounds = (minWorkers: unknown, maxWorkers: unknown): InvalidPoolConfig | undefined =>
  wholeFrom(0)("minWorkers", minWorkers) ??
  wholeFrom(1)("maxWorkers", maxWorkers) ??
  ((minWorkers as number) <= (maxWorkers as number)
    ? undefined
    : wrong("minWorkers", `at most maxWorkers (${String(maxWorkers)})`, minWorkers))

/** A finite, positive time in whole milliseconds, rounded up: the pool's clock ticks once a millisecond. */
export const millis = (field: string, value: unknown, least: 0 | 1 = 1): number | InvalidPoolConfig => {
  const expected = least === 1 ? "a finite duration above zero" : "a finite duration, at least zero"
  const result = wholeMillis(value)
  return result !== undefined && result >= least ? result : wrong(field, expected, value)
}

/** Whole milliseconds, rounded up; `undefined`: this is no finite duration from zero on. */
export const wholeMillis = (value: unknown): number | undefined => {
  // For both of these Effect has a duration of zero; an object without fields is also what a promise looks like.
  if (Number.isNaN(value) || isEmpty(value)) return undefined
  const duration = Duration.fromInput(value as Duration.Input)
  const millis = Option.isNone(duration) ? Number.NaN : Math.ceil(Duration.toMillis(duration.value))
  return Number.isFinite(millis) && millis >= 0 ? millis : undefined
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && !Duration.isDuration(value) && Object.keys(value ?? {}).length === 0

const show = (value: unknown): string => {
  if (typeof value === "string") return `"${value}"`
  if (Duration.isDuration(value)) return Duration.format(value)
  return typeof value === "object" && value !== null ? Formatter.formatJson(value) : String(value)
}
