/** Whose a request is, in the words of a recording: the same for the same key, and nobody can tell which that is. */
import { siphash } from "./siphash.ts"

const encoder = new TextEncoder()
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** So many keys are remembered with their hashes. */
const mostKnown = 10_000

/** Its secret is drawn for one recording and is nowhere written down. */
export class Hashing {
  private readonly secret: Uint8Array
  private known = new Map<string, string>()

  constructor(secret: Uint8Array = crypto.getRandomValues(new Uint8Array(16))) {
    this.secret = secret
  }

  /** Keys of two recordings can be compared only where this is the same. */
  get fingerprint(): string {
    return textOf(siphash(this.secret, new Uint8Array()))
  }

  /** Eleven letters, digits, `-` and `_`. */
  readonly of = (key: string): string => {
    const known = this.known.get(key)
    if (known !== undefined) return known
    if (this.known.size >= mostKnown) this.known = new Map()
    const hash = textOf(siphash(this.secret, encoder.encode(key)))
    this.known.set(key, hash)
    return hash
  }
}

/** Six bits a letter, the highest first. */
const textOf = ({ high, low }: { readonly high: number; readonly low: number }): string => {
  let text = ""
  for (let at = 60; at >= 0; at -= 6) {
    const bits = at >= 32 ? high >>> (at - 32) : at > 26 ? (high << (32 - at)) | (low >>> at) : low >>> at
    text += digits[bits & 63]!
  }
  return text
}
