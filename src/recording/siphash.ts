/**
 * A keyed hash: SipHash-2-4 (J.-P. Aumasson and D. J. Bernstein, 2012). Without its sixteen secret bytes nobody can tell what a hash
 * is of, not even from a list of all that it might be. In halves of 32 bits: numbers of 64 would be objects.
 */
export const siphash = (secret: Uint8Array, message: Uint8Array): { readonly high: number; readonly low: number } => {
  const words = new DataView(secret.buffer, secret.byteOffset, 16)
  const at = new DataView(message.buffer, message.byteOffset, message.length)
  const state = new State(
    words.getUint32(0, true),
    words.getUint32(4, true),
    words.getUint32(8, true),
    words.getUint32(12, true)
  )
  const { length } = message
  const whole = length - (length % 8)
  for (let n = 0; n < whole; n += 8) state.add(at.getUint32(n, true), at.getUint32(n + 4, true))
  let low = 0
  let high = (length & 255) << 24
  for (let n = whole; n < length; n++) {
    const shift = 8 * (n - whole)
    if (shift < 32) low |= message[n]! << shift
    else high |= message[n]! << (shift - 32)
  }
  state.add(low, high)
  return state.finish()
}

/** Four words of 64 bits, low half first. */
class State {
  private a: Word
  private b: Word
  private c: Word
  private d: Word

  constructor(low0: number, high0: number, low1: number, high1: number) {
    this.a = new Word(low0 ^ 0x70736575, high0 ^ 0x736f6d65)
    this.b = new Word(low1 ^ 0x6e646f6d, high1 ^ 0x646f7261)
    this.c = new Word(low0 ^ 0x6e657261, high0 ^ 0x6c796765)
    this.d = new Word(low1 ^ 0x79746573, high1 ^ 0x74656462)
  }

  add(low: number, high: number): void {
    this.d.xor(low, high)
    this.round()
    this.round()
    this.a.xor(low, high)
  }

  finish(): { readonly high: number; readonly low: number } {
    const { a, b, c, d } = this
    c.xor(0xff, 0)
    for (let n = 0; n < 4; n++) this.round()
    return { low: (a.low ^ b.low ^ c.low ^ d.low) >>> 0, high: (a.high ^ b.high ^ c.high ^ d.high) >>> 0 }
  }

  private round(): void {
    const { a, b, c, d } = this
    a.add(b)
    b.turn(13)
    b.xor(a.low, a.high)
    a.swap()
    c.add(d)
    d.turn(16)
    d.xor(c.low, c.high)
    a.add(d)
    d.turn(21)
    d.xor(a.low, a.high)
    c.add(b)
    b.turn(17)
    b.xor(c.low, c.high)
    c.swap()
  }
}

class Word {
  low: number
  high: number

  constructor(low: number, high: number) {
    this.low = low
    this.high = high
  }

  add({ high, low }: Word): void {
    const sum = (this.low >>> 0) + (low >>> 0)
    this.high = (this.high + high + (sum > 0xffff_ffff ? 1 : 0)) | 0
    this.low = sum | 0
  }

  xor(low: number, high: number): void {
    this.low ^= low
    this.high ^= high
  }

  /** To the left, by less than 32. */
  turn(bits: number): void {
    const { high, low } = this
    this.high = (high << bits) | (low >>> (32 - bits))
    this.low = (low << bits) | (high >>> (32 - bits))
  }

  swap(): void {
    const { high, low } = this
    this.high = low
    this.low = high
  }
}
