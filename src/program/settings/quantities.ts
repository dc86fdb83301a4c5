/** Times, numbers and shares as one writes them on a command line. Each answers `undefined` for what is none. */
import { Duration, Option } from "effect"

const unitMillis: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A number. */
export const numberOf = (text: string): number | undefined =>
  text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined

/** How a duration may be written: in flags, the environment, files, over HTTP, and in the lines of a run. */
export const durationForms = 'a number of milliseconds, or a text such as 500ms, 1.5s, 10m, 2h, 1d or "2 seconds"'

/** What is expected; and how it is written, if it is a duration. */
export const withForms = (expected: string): string =>
  /\bduration\b(?! such as)/.test(expected) ? `${expected} (${durationForms})` : expected

/** Milliseconds: `250`, `500ms`, `1.5s`, `10m`, `2h`, `1d`, or what Effect reads, such as `2 seconds`. */
export const millisOf = (text: string): number | undefined => {
  const plain = numberOf(text)
  if (plain !== undefined) return plain
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text) ?? []
  if (number !== undefined) return Number(number) * unitMillis[unit!]!
  const millis = Option.map(Duration.fromInput(text as Duration.Input), Duration.toMillis)
  return Option.getOrUndefined(Option.filter(millis, Number.isFinite))
}

const unitBytes: Readonly<Record<string, number>> = { "": 1, b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 }

/** A whole number of bytes: `65536`, `64KiB` or `1.5MiB`. */
export const bytesOf = (text: string): number | undefined => {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*(|B|KiB|MiB|GiB)\s*$/i.exec(text) ?? []
  const bytes = number === undefined ? Number.NaN : Number(number) * unitBytes[unit!.toLowerCase()]!
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** From 0 to 1: `0.05` or `5%`. */
export const shareOf = (text: string): number | undefined => {
  const isPercent = text.trimEnd().endsWith("%")
  const number = numberOf(isPercent ? text.trimEnd().slice(0, -1) : text)
  const share = isPercent && number !== undefined ? number / 100 : number
  return share !== undefined && share >= 0 && share <= 1 ? share : undefined
}

/** What the pool takes for a time or a number: that, if it is one, and else the text, for the pool to refuse. */
export const millisOr = (text: string | undefined): never => (text && (millisOf(text) ?? text)) as never
export const numberOr = (text: string | undefined): never => (text && (numberOf(text) ?? text)) as never

/** The same for the share of a key. */
export const keyCapacityOr = (text: string | undefined): never =>
  text === "dynamic" || text === "none" ? (text as never) : numberOr(text)
