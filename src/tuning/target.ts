/** What somebody wants of a pool, as a text: `p99(wait) <= 200ms`. */
import { Result, Schema } from "effect"

/** The end that a share is taken of. `lost`: refused, evicted or expired. `good`: completed, and in time where it says `within`. */
export type Share = "refused" | "evicted" | "expired" | "lost" | "timedOut" | "failed" | "good"
const shares: ReadonlyArray<Share> = ["refused", "evicted", "expired", "lost", "timedOut", "failed", "good"]

/** What is measured: a time, in milliseconds, or a share of what arrived, from 0 to 1. */
export type Measure =
  | {
      readonly kind: "time"
      readonly of: "wait" | "total"
      /** From 0 to 1; `"mean"` is none. */
      readonly quantile: number | "mean"
    }
  | { readonly kind: "share"; readonly of: Share; readonly withinMillis?: number | undefined }

/** One target. Times are in milliseconds. */
export interface Target {
  /** As it was written. */
  readonly text: string
  readonly measure: Measure
  /** Of which requests. Not there: of all. */
  readonly key?: string | undefined
  readonly type?: string | undefined
  readonly priority?: number | undefined
  readonly operator: "<" | "<=" | ">" | ">="
  readonly bound: number
}

/** A text that is no target. Positions count from 1. */
export class InvalidTarget extends Schema.TaggedError<InvalidTarget>()("InvalidTarget", {
  target: Schema.String,
  position: Schema.Number,
  expected: Schema.String,
  came: Schema.String
}) {
  override get message() {
    const came = this.came === "" ? "its end" : `"${this.came}"`
    return `Expected ${this.expected} at position ${this.position} of "${this.target}", got ${came}`
  }
}

/**
 * Reads `mean(wait)`, `p50`, `p95`, `p99` or any `pN` of `wait` or `total`, and the shares `refused`, `evicted`, `expired`, `lost`,
 * `timedOut`, `failed` and `good`; then `<=` or `<`, of `good` `>=` or `>`; then a time such as `200ms`, or a share such as `0.1%` or
 * `0.001`. In brackets may follow `key=`, `type=` and `priority=`, and of `good` `within=` a time.
 */
export const parse = (text: string): Result.Result<Target, InvalidTarget> => {
  const reader = new Reader(text)
  return Result.gen(function* () {
    const name = yield* reader.take(/[a-z]+(\d+(\.\d+)?)?/i, measures)
    const share = shares.find((share) => share === name.text)
    const quantile = name.text === "mean" ? "mean" : quantileOf(name.text)
    if (share === undefined && quantile === undefined) return yield* reader.refuse(measures, name)
    const labels: Record<string, string | number> = {}
    let of: "wait" | "total" | undefined
    if (share === undefined) {
      yield* reader.take(/\(/, '"("')
      of = (yield* reader.take(/wait(?!\w)|total(?!\w)/, '"wait" or "total"')).text as "wait" | "total"
      while ((yield* reader.take(/[,)]/, '"," or ")"')).text === ",") yield* readLabel(reader, labels, names)
    } else if (reader.has("(")) {
      yield* reader.take(/\(/, '"("')
      do yield* readLabel(reader, labels, share === "good" ? [...names, "within"] : names)
      while ((yield* reader.take(/[,)]/, '"," or ")"')).text === ",")
    }
    const isUpwards = share === "good"
    const operator = yield* reader.take(isUpwards ? />=?/ : /<=?/, isUpwards ? '">=" or ">"' : '"<=" or "<"')
    const bound = yield* share === undefined
      ? reader.takeAs(durationForm, millisOf)
      : reader.takeAs('a share such as "0.1%" or "0.001", from 0 to 1', shareOf)
    yield* reader.end()
    const { within, ...filter } = labels
    const measure: Measure =
      share === undefined
        ? { kind: "time", of: of!, quantile: quantile! }
        : { kind: "share", of: share, ...(within === undefined ? {} : { withinMillis: within as number }) }
    return { text: text.trim(), measure, ...filter, operator: operator.text as Target["operator"], bound }
  })
}

/** A value of a target, for people: `172 ms`, or `0.08 %`. */
export const shown = ({ measure }: Target, value: number): string =>
  measure.kind === "time" ? millisText(value) : `${Number((100 * value).toPrecision(3))} %`

/** Milliseconds for people: `172 ms`, or `1.2 s`. */
export const millisText = (millis: number): string =>
  millis < 1000 ? `${Number(millis.toPrecision(3))} ms` : `${Number((millis / 1000).toPrecision(3))} s`

/** Whether a value is what is wanted. */
export const isKept = ({ bound, operator }: Target, value: number): boolean =>
  operator === "<="
    ? value <= bound
    : operator === "<"
      ? value < bound
      : operator === ">"
        ? value > bound
        : value >= bound

/** How near to its bound a value is: at most 1 where the target is kept, 2 where it is twice what may be. */
export const excessOf = (target: Target, value: number): number => {
  const isUpwards = target.operator === ">" || target.operator === ">="
  const [came, may] = isUpwards ? [1 - value, 1 - target.bound] : [value, target.bound]
  const excess = came <= 0 ? 0 : may <= 0 ? Infinity : came / may
  // At the bound itself rounding must not say otherwise.
  return isKept(target, value) ? Math.min(1, excess) : Math.max(1 + 1e-9, excess)
}

/** Whether this request is one of those that it speaks of. */
export const isOf = (
  { key, priority, type }: Target,
  request: { readonly key?: string | undefined; readonly priority?: number | undefined; readonly type: string }
): boolean =>
  (key === undefined || key === request.key) &&
  (type === undefined || type === request.type) &&
  (priority === undefined || priority === (request.priority ?? 0))

const names = ["key", "type", "priority"]
const measures = `mean, p50, p95, p99 or another pN, or one of ${shares.join(", ")}`
const durationForm = 'a time such as "200ms", "2s" or "1m"'

const readLabel = (
  reader: Reader,
  labels: Record<string, string | number>,
  allowed: ReadonlyArray<string>
): Result.Result<void, InvalidTarget> =>
  Result.gen(function* () {
    const listed = allowed.map((name) => `"${name}="`).join(", ")
    const name = yield* reader.take(/[a-z]+/i, listed)
    if (!allowed.includes(name.text) || Object.hasOwn(labels, name.text)) return yield* reader.refuse(listed, name)
    yield* reader.take(/=/, '"="')
    labels[name.text] = yield* name.text === "within"
      ? reader.takeAs(durationForm, millisOf)
      : name.text === "priority"
        ? reader.takeAs("a whole number from -10 to 10", priorityOf)
        : Result.map(reader.take(/[^,()]*[^,()\s]/, `what ${name.text} it is`), ({ text }) => text)
  })

const quantileOf = (text: string): number | undefined => {
  const percent = /^p(\d+(?:\.\d+)?)$/.exec(text)?.[1]
  // As a decimal: 99.9 / 100 is a little more than 0.999.
  const share = percent === undefined ? 0 : Number(`${percent}e-2`)
  return share > 0 && share < 1 ? share : undefined
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const millisOf = (text: string): number | undefined => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) * units[unit!]!
}
const shareOf = (text: string): number | undefined => {
  const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text) ?? []
  const share = number === undefined ? Number.NaN : Number(percent === "%" ? `${number}e-2` : number)
  return share >= 0 && share <= 1 ? share : undefined
}
const priorityOf = (text: string): number | undefined =>
  /^-?\d+$/.test(text) && Math.abs(Number(text)) <= 10 ? Number(text) : undefined

interface Token {
  readonly text: string
  readonly at: number
}

/** Reads from left to right; spaces between what it takes count for nothing. */
class Reader {
  private at = 0
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  has(start: string): boolean {
    this.skip()
    return this.text.startsWith(start, this.at)
  }

  take(form: RegExp, expected: string): Result.Result<Token, InvalidTarget> {
    this.skip()
    const { at } = this
    const sticky = new RegExp(form.source, `${form.flags}y`)
    sticky.lastIndex = at
    const found = sticky.exec(this.text)?.[0]
    if (found === undefined) return this.refuse(expected, { at, text: this.next() })
    this.at += found.length
    return Result.succeed({ text: found, at })
  }

  takeAs(expected: string, read: (text: string) => number | undefined): Result.Result<number, InvalidTarget> {
    return Result.flatMap(this.take(/-?[\d.]+\s*(?:%|[a-z]+)?/i, expected), ({ at, text }) => {
      const value = read(text.trim())
      return value === undefined ? this.refuse(expected, { at, text: text.trim() }) : Result.succeed(value)
    })
  }

  end(): Result.Result<void, InvalidTarget> {
    this.skip()
    const { at } = this
    return at === this.text.length ? Result.void : this.refuse("its end", { at, text: this.text.slice(at).trim() })
  }

  refuse(expected: string, { at, text }: Token): Result.Result<never, InvalidTarget> {
    return Result.fail(new InvalidTarget({ target: this.text, position: at + 1, expected, came: text }))
  }

  private skip(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++
  }

  /** What stands there, as far as one would read it as one word. */
  private next(): string {
    return /^(?:[\w.%]+|[<>=!]+|.)/s.exec(this.text.slice(this.at))?.[0] ?? ""
  }
}
