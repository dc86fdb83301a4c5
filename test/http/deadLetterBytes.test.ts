/** What is known of dead letters goes with them, however small they are. */
import { Effect } from "effect"
import { expect, it } from "vitest"
import { DeadLetterBytes } from "../../src/http/deadLetterBytes.ts"
import type { DeadLetters } from "../../src/index.ts"

it("forgets the sizes of those that have left, and looks seldom", () => {
  let looks = 0
  let letters: Array<{ outcome: { id: string } }> = []
  const discarded: Array<string> = []
  const bytes = new DeadLetterBytes({
    deadLetters: {
      list: Effect.sync(() => {
        looks++
        return letters
      }),
      discard: (id: string) => Effect.sync(() => discarded.push(id))
    } as never as DeadLetters.DeadLetters,
    mostBytes: 1e9,
    unknownBytes: 1,
    tell: () => Effect.die("each has a size")
  })
  const add = (n: number) => {
    letters.push({ outcome: { id: `${n}` } })
    // As many as a pool keeps.
    if (letters.length > 2000) letters = letters.slice(-1500)
    Effect.runSync(bytes.add(`${n}`, 5))
  }
  for (let n = 1; n <= 50_000; n++) add(n)
  let known = 0
  for (let n = 1; n <= 50_000; n++) if (bytes.sizeOf(`${n}`) !== undefined) known++
  expect(known).toBeLessThanOrEqual(4001)
  expect(looks).toBeGreaterThan(0)
  expect(looks).toBeLessThanOrEqual(50)
  expect(discarded).toEqual([])
  for (const { outcome } of letters) expect(bytes.sizeOf(outcome.id)).toBe(5)
})
