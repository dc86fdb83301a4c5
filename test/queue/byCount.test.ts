/** Things by a count: who has the least and who the most, and of equals whoever has had it for longest. */
import { assert, describe, it } from "vitest"
import { ByCount } from "../../src/queue/byCount.ts"
import { randomOf } from "../support/random.ts"

/** The naive twin: each with its count, and when it came to have it. */
class Plain {
  readonly items = new Map<string, { count: number; since: number }>()
  private steps = 0

  set(item: string, count: number): void {
    if (this.items.get(item)?.count !== count) this.items.set(item, { count, since: ++this.steps })
  }

  /** By `side` of the counts the first. */
  first(side: 1 | -1): string | undefined {
    return [...this.items].sort(([, a], [, b]) => side * (a.count - b.count) || a.since - b.since)[0]?.[0]
  }
}

describe("ByCount", () => {
  for (const steps of ["small", "any"] as const) {
    it(`agrees with a sorted list over 20,000 random steps of ${steps} size`, () => {
      const random = randomOf(5)
      const byCount = new ByCount<string>()
      const plain = new Plain()
      for (let step = 0; step < 20_000; step++) {
        const item = `item ${random.below(Math.floor(step / 2000) % 2 === 0 ? 40 : 3)}`
        if (random.below(5) === 0) {
          byCount.delete(item)
          plain.items.delete(item)
        } else {
          const before = plain.items.get(item)?.count ?? 0
          const count = steps === "any" ? random.below(30) : Math.max(0, before + random.of([-1, 0, 1]))
          byCount.set(item, count)
          plain.set(item, count)
        }
        assert.strictEqual(byCount.size, plain.items.size)
        assert.strictEqual(byCount.has(item), plain.items.has(item))
        assert.strictEqual(byCount.least, plain.first(1))
        assert.strictEqual(byCount.most, plain.first(-1))
      }
    })
  }

  it("keeps no list for a count that nobody has", () => {
    const byCount = new ByCount<number>()
    for (let count = 0; count < 1000; count++) byCount.set(1, count)
    let buckets = 0
    type Bucket = { readonly more: Bucket | undefined }
    for (let at = (byCount as unknown as { first?: Bucket }).first; at !== undefined; at = at.more) buckets++
    assert.strictEqual(buckets, 1)
    byCount.delete(1)
    assert.deepStrictEqual([byCount.least, byCount.most, byCount.size], [undefined, undefined, 0])
  })
})
