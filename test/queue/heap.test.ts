/** The heap: always the first one, whatever comes, goes or changes its rank. */
import { assert, describe, it } from "vitest"
import { Heap, type Heaped } from "../../src/queue/heap.ts"
import { randomOf } from "../support/random.ts"

class Item implements Heaped {
  heapAt = -1
  rank: number

  constructor(rank: number) {
    this.rank = rank
  }
}

const least = (items: ReadonlyArray<Item>) => Math.min(...items.map(({ rank }) => rank))

describe("Heap", () => {
  it("agrees with a plain array over 20,000 random steps", () => {
    const random = randomOf(3)
    const heap = new Heap<Item>((a, b) => a.rank < b.rank)
    const model: Array<Item> = []
    for (let step = 0; step < 20_000; step++) {
      const pushing = Math.floor(step / 500) % 2 === 0 ? 6 : 3
      const what = random.below(10)
      if (what < pushing) {
        const item = new Item(random.below(50))
        model.push(item)
        heap.push(item)
      } else if (what < 8) {
        if (model.length === 0) continue
        const item = random.of(model)
        item.rank = random.below(50)
        heap.changed(item)
      } else if (model.length > 0) {
        const item = random.below(2) === 0 ? heap.first! : random.of(model)
        model.splice(model.indexOf(item), 1)
        heap.remove(item)
        assert.strictEqual(item.heapAt, -1)
      }
      assert.strictEqual(heap.size, model.length)
      if (model.length > 0) assert.strictEqual(heap.first!.rank, least(model))
      else assert.isUndefined(heap.first)
    }
    assert.sameMembers([...heap], model)
  })

  it("gives back in order what came in any", () => {
    const random = randomOf(4)
    const heap = new Heap<Item>((a, b) => a.rank < b.rank)
    const ranks = Array.from({ length: 1000 }, () => random.below(300))
    for (const rank of ranks) heap.push(new Item(rank))
    const taken: Array<number> = []
    for (let first = heap.first; first !== undefined; first = heap.first) {
      taken.push(first.rank)
      heap.remove(first)
    }
    assert.deepStrictEqual(
      taken,
      ranks.toSorted((a, b) => a - b)
    )
  })
})
