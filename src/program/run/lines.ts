/** Cuts a stream of bytes into numbered lines, holding no more than one line and one chunk. */

export interface Line {
  /** Counted from 1, blank lines included. */
  readonly number: number
  /** `undefined` for a line over the limit: its bytes were dropped as they came. */
  readonly bytes: Buffer | undefined
}

/** The longest line of a request file, in bytes: 1 MiB. */
export const requestLimit = 1 << 20

/** The longest line of an outcomes file, in bytes: 256 MiB, which still fits into a text when it is read back. */
export const outcomeLimit = 1 << 28

const newline = 10

/** Blank lines (nothing but white space) are numbered and left out. The last line needs no line feed. */
export class Lines {
  /** The number of the last line that was begun. */
  count = 0
  /** Where the line after the last line feed begins. */
  endOfLast = 0
  private readonly limit: number
  private offset = 0
  private parts: Array<Buffer> = []
  private length = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** The lines that end in this chunk, cut one by one as they are asked for: all of them must be. */
  *push(chunk: Buffer): Generator<Line> {
    let from = 0
    for (;;) {
      const at = chunk.indexOf(newline, from)
      if (at === -1) break
      this.keep(chunk.subarray(from, at))
      from = at + 1
      this.endOfLast = this.offset + from
      const line = this.cut()
      if (line !== undefined) yield line
    }
    if (from < chunk.length) this.keep(chunk.subarray(from))
    this.offset += chunk.length
  }

  /** The line that had no line feed, if there is one. */
  end(): Array<Line> {
    const line = this.length > 0 ? this.cut() : undefined
    return line === undefined ? [] : [line]
  }

  private keep(part: Buffer): void {
    this.length += part.length
    if (this.length <= this.limit) this.parts.push(part)
    else this.parts = []
  }

  /** `undefined` for a blank line. */
  private cut(): Line | undefined {
    const { parts, length } = this
    this.parts = []
    this.length = 0
    this.count++
    if (length > this.limit) return { number: this.count, bytes: undefined }
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    return isBlank(bytes) ? undefined : { number: this.count, bytes }
  }
}

/** Space, tab, carriage return, and the other controls up to it. */
const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 32 || (byte >= 9 && byte <= 13))

/** Line numbers, one bit each: 125 kB for a million lines. */
export class LineSet {
  size = 0
  /** The greatest line in the set. */
  greatest = 0
  private bits = new Uint8Array(1024)

  has(line: number): boolean {
    return ((this.bits[line >>> 3] ?? 0) & (1 << (line & 7))) !== 0
  }

  /** Answers `false` if the line was there already. */
  add(line: number): boolean {
    if (this.has(line)) return false
    const byte = line >>> 3
    if (byte >= this.bits.length) {
      const bits = new Uint8Array(Math.max(byte + 1, this.bits.length * 2))
      bits.set(this.bits)
      this.bits = bits
    }
    this.bits[byte]! |= 1 << (line & 7)
    this.size++
    this.greatest = Math.max(this.greatest, line)
    return true
  }
}
