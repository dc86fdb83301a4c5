/** Shared memory in which attempts tell that they compute, which they cannot do in any other way while they do. */

/** For each of so many lanes: who computes in it, how often one has begun, and a count that goes on while one computes. */
const most = 256
const words = { begun: 0, ended: 1, overlaps: 2, lanes: 8 } as const
const of = { owner: 0, begun: 1, beats: 2, size: 3 } as const

export class Marks {
  readonly shared = new SharedArrayBuffer(4 * (words.lanes + of.size * most))
  private readonly view = new Int32Array(this.shared)

  get begun(): number {
    return Atomics.load(this.view, words.begun)
  }

  get ended(): number {
    return Atomics.load(this.view, words.ended)
  }

  /** Two attempts that have computed in one lane at once. */
  get overlaps(): number {
    return Atomics.load(this.view, words.overlaps)
  }

  /** How often an attempt has begun in this lane. */
  begunIn(lane: number): number {
    return Atomics.load(this.view, words.lanes + of.size * lane + of.begun)
  }

  /** Told to those that compute in it: they end. */
  release(lane: number): void {
    Atomics.store(this.view, words.lanes + of.size * lane + of.owner, -1)
  }

  beats(lane: number): number {
    return Atomics.load(this.view, words.lanes + of.size * lane + of.beats)
  }
}

/** Computes for so long, and says so all the time: whoever begins in the same lane meanwhile is seen. */
export const compute = (shared: SharedArrayBuffer, lane: number, millis: number): void => {
  const view = new Int32Array(shared)
  const at = words.lanes + of.size * lane
  const me = 1 + Atomics.add(view, words.begun, 1)
  Atomics.add(view, at + of.begun, 1)
  Atomics.store(view, at + of.owner, me)
  const until = performance.now() + millis
  while (performance.now() < until) {
    Atomics.add(view, at + of.beats, 1)
    const owner = Atomics.load(view, at + of.owner)
    if (owner === -1) break
    if (owner !== me) return void Atomics.add(view, words.overlaps, 1)
  }
  Atomics.add(view, words.ended, 1)
}
