/** The ring: order, and withdrawing from anywhere. */
import { assert, describe, it } from "vitest"
import { type Placed, Ring } from "../../src/queue/ring.ts"
import { randomOf } from "../support/random.ts"

class Item implements Placed {
  position = -1
  readonly name: number

  constructor(name: number) {
    this.name = name
  }
}

const items = (count: number) => Array.from({ length: count }, (_, name) => new Item(name))
const names = (ring: Ring<Item>) => [...ring].map((item) => item.name)
const drain = (ring: Ring<Item>) => {
  const taken: Array<number> = []
  for (let item = ring.shift(); item !== undefined; item = ring.shift()) taken.push(item.name)
  return taken
}

describe("Ring", () => {
  it("gives back in the order of the pushes, however many they are", () => {
    for (const count of [0, 1, 15, 16, 17, 33, 1000]) {
      const ring = new Ring<Item>()
      for (const item of items(count)) ring.push(item)
      assert.strictEqual(ring.size, count)
      assert.deepStrictEqual(
        drain(ring),
        items(count).map((item) => item.name)
      )
      assert.strictEqual(ring.size, 0)
    }
  })

  it("a withdrawn item is skipped, counted out and in no ring", () => {
    const ring = new Ring<Item>()
    const all = items(5)
    for (const item of all) ring.push(item)
    ring.remove(all[0]!)
    ring.remove(all[2]!)
    ring.remove(all[4]!)
    assert.strictEqual(ring.size, 2)
    assert.strictEqual(all[2]!.position, -1)
    assert.deepStrictEqual(names(ring), [1, 3])
    assert.deepStrictEqual(drain(ring), [1, 3])
  })

  it("emptied by withdrawals it is as good as new", () => {
    const ring = new Ring<Item>()
    for (let round = 0; round < 100; round++) {
      const all = items(10)
      for (const item of all) ring.push(item)
      for (const item of all) ring.remove(item)
      assert.strictEqual(ring.size, 0)
      assert.strictEqual(ring.shift(), undefined)
    }
  })

  it("one old item does not make it grow while others come and go", () => {
    const ring = new Ring<Item>()
    const old = new Item(-1)
    ring.push(old)
    for (const item of items(100_000)) {
      ring.push(item)
      ring.remove(item)
    }
    assert.strictEqual((ring as unknown as { readonly slots: ReadonlyArray<unknown> }).slots.length, 16)
    assert.strictEqual(ring.shift(), old)
  })

  it("agrees with a plain array over 100,000 random steps at both ends and in the middle", () => {
    const random = randomOf(7)
    for (const slots of [2, 16]) {
      const ring = new Ring<Item>(slots)
      const model: Array<Item> = []
      for (let step = 0; step < 50_000; step++) {
        // The load swells and ebbs, so that the ring grows, is squeezed and runs empty.
        const pushing = Math.floor(step / 500) % 2 === 0 ? 6 : 3
        const what = random.below(10)
        if (what < pushing) {
          const item = new Item(step)
          const isFirst = random.below(3) === 0
          if (isFirst) model.unshift(item)
          else model.push(item)
          if (isFirst) ring.unshift(item)
          else ring.push(item)
        } else if (what < 7) assert.strictEqual(ring.shift(), model.shift())
        else if (what < 8) assert.strictEqual(ring.pop(), model.pop())
        else if (model.length > 0) {
          const [item] = model.splice(random.of([0, model.length - 1, random.below(model.length)]), 1)
          ring.remove(item!)
        }
        assert.strictEqual(ring.size, model.length)
        // A look at either end moves that end past holes: it must change nothing.
        if (random.below(2) === 0) assert.strictEqual(ring.first, model[0])
        if (random.below(2) === 0) assert.strictEqual(ring.last, model.at(-1))
        if (random.below(100) === 0) assert.deepStrictEqual([...ring], model)
      }
      assert.deepStrictEqual([...ring], model)
      assert.deepStrictEqual(
        drain(ring),
        model.map((item) => item.name)
      )
    }
  })
})
