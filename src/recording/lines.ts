/** Lines as bytes, in one buffer that is used again: texts would be live until all of them are written, and be copied by the collector. */

const encoder = new TextEncoder()
const startBytes = 4096
/** Long keys may have made it larger. It is not kept so. */
const mostKept = 2 ** 20
const zero = 48
/** Longer ones would take as long to be tried as to be encoded. */
const longestTried = 64
/** A text has at most so many bytes for each of its units. */
const bytesPerUnit = 3
/** Of all digits of a whole number, its sign included. */
const longestWhole = 24
const billion = 1e9

export class Lines {
  private bytes = new Uint8Array(startBytes)
  private length = 0

  /** What there is. It is good until the next call of another method. */
  get all(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
    if (this.bytes.length > mostKept) this.bytes = new Uint8Array(startBytes)
  }

  /** One that is ASCII. */
  code(code: number): void {
    this.room(1)
    this.bytes[this.length++] = code
  }

  copy(of: Uint8Array): void {
    const { length } = of
    this.room(length)
    const { bytes } = this
    let at = this.length
    // They are short: `set` would take longer.
    for (let n = 0; n < length; n++) bytes[at++] = of[n]!
    this.length = at
  }

  text(text: string): void {
    const { length } = text
    this.room(bytesPerUnit * length)
    const { bytes, length: from } = this
    let n = 0
    if (length <= longestTried) {
      for (; n < length; n++) {
        const code = text.charCodeAt(n)
        if (code > 127) break
        bytes[from + n] = code
      }
    }
    this.length += n === length ? n : encoder.encodeInto(text, bytes.subarray(from)).written
  }

  /** As `String` has it. */
  whole(value: number): void {
    if (!(value >= 0 && value < Number.MAX_SAFE_INTEGER)) return this.text(String(value))
    this.room(longestWhole)
    if (value < billion) return this.digits(value | 0, digitsOf(value | 0))
    const high = Math.floor(value / billion)
    this.digits(high, digitsOf(high))
    this.digits(value - high * billion, 9)
  }

  /** So many of a number below 2^31: whole numbers of that size are divided in a fraction of the time. */
  private digits(value: number, count: number): void {
    const { bytes } = this
    const from = this.length
    let left = value | 0
    for (let at = from + count - 1; at >= from; at--) {
      const rest = (left / 10) | 0
      bytes[at] = zero + left - 10 * rest
      left = rest
    }
    this.length = from + count
  }

  private room(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
    grown.set(this.all)
    this.bytes = grown
  }
}

/** Of a number below 2^31. */
const digitsOf = (value: number): number => {
  let count = 1
  for (let left = (value / 10) | 0; left > 0; left = (left / 10) | 0) count++
  return count
}
