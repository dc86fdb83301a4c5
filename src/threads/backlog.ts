/** How much of what a thread tells is not taken yet, counted in memory that both sides share: neither waits for the other. */

/** Logs and spans of a thread that may be on their way. What would be more is dropped there. */
export const mostUntaken = 1_000

const untaken = 0
const dropped = 1

export class Backlog {
  readonly memory: SharedArrayBuffer
  private readonly counts: Int32Array

  /** `memory`: of the one on the other side; without, it is the first. */
  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.counts = new Int32Array(memory)
  }

  get untaken(): number {
    return Atomics.load(this.counts, untaken)
  }

  post(): void {
    Atomics.add(this.counts, untaken, 1)
  }

  take(): void {
    Atomics.sub(this.counts, untaken, 1)
  }

  drop(): void {
    Atomics.add(this.counts, dropped, 1)
  }

  /** How many were dropped since this was last asked, by either side. */
  takeDropped(): number {
    return Atomics.exchange(this.counts, dropped, 0)
  }
}
