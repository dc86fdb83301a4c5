/** Chance that can be had again: what a test drew is told by its seed. */

/** A small seeded generator (mulberry32). */
export const randomOf = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number) => Math.floor(next() * n)
  return { next, below, of: <A>(choices: ReadonlyArray<A>): A => choices[below(choices.length)]! }
}
export type Random = ReturnType<typeof randomOf>
