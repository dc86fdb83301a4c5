/** What the tests of the promise door run on threads. */
import { threadId } from "node:worker_threads"
import type { Attempt } from "../../../src/promise/index.ts"
import { move } from "../../../src/threads/move.ts"

/** No function, so it cannot be called. */
export const version = 1

/** A function has one of its own; this is in its place. */
export const name = (): string => "the module's"

export const total = (parts: ReadonlyArray<Uint8Array>): number => parts.reduce((sum, part) => sum + part.length, 0)

/** At its first call it says when to come back. */
let hasBeenBusy = false
export const busy = (_: unknown, { attempt }: Attempt): number => {
  if (hasBeenBusy) return attempt
  hasBeenBusy = true
  throw Object.assign(new Error("busy"), { [Symbol.for("effect-worker-pool/RetryAfter")]: { after: 1 } })
}

export const add = ({ a, b }: { readonly a: number; readonly b: number }): number => a + b

export const where = (): string => `${process.pid} ${threadId}`

export const told = (_: unknown, { attempt, id, signal }: Attempt) => ({
  attempt,
  id,
  aborted: signal.aborted
})

/** Computes for so long, and hears nothing meanwhile; `Infinity`: for ever. */
export const spin = (millis: number): number => {
  const until = performance.now() + millis
  while (performance.now() < until);
  return millis
}

/** Lasts until it is told to end. */
export const listen = (_: unknown, { signal }: Attempt): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

let heard: unknown
/** The same, and keeps why. */
export const note = (_: unknown, { signal }: Attempt): Promise<never> =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => {
      heard = signal.reason
      reject(signal.reason)
    })
  )
export const noted = (): unknown => {
  if (!(heard instanceof Error)) return heard
  const { cause, message, name } = heard
  return { ...heard, name, message, cause, isOfDom: heard instanceof DOMException }
}

/** Hears that it is to end, and does not. */
export const ignore = (): Promise<never> => new Promise(() => setInterval(() => {}, 1_000))

export class Odd extends RangeError {
  override readonly name = "Odd"
  readonly code = "ODD"
  readonly details = { parity: 1 }
  /** It cannot cross. */
  readonly explain = () => "odd"
}

export const fail = (what: string): never => {
  if (what === "text") throw "a text"
  if (what === "type") throw new TypeError("no such type", { cause: new Odd("within") })
  if (what === "several") throw new AggregateError([new Odd("one"), "two"], "both")
  if (what === "held") throw Object.assign(new Odd(what), { held: { method: () => 1 } })
  throw new Odd(what)
}

export const later = (_: unknown, { attempt }: Attempt): number => {
  if (attempt < 3) throw new Error(`attempt ${attempt}`)
  return attempt
}

export const exit = (code: unknown): never => process.exit(Number(code) || 1)

export const uncloneable = (): unknown => ({ method: () => 1 })

export const size = (bytes: Uint8Array): number => bytes.length

export const fill = (length: number): Uint8Array => move(new Uint8Array(length).fill(7))

/** How many bytes it still has after it has been asked for them. */
let last: Uint8Array = new Uint8Array()
export const give = (isMoved: boolean): Uint8Array => {
  last = new Uint8Array(16)
  return isMoved ? move(last) : last
}
export const left = (): number => last.length

export const lengths = (words: ReadonlyArray<string>): ReadonlyArray<number> => words.map(({ length }) => length)
