/** The ring: order, and withdrawing from anywhere. */
import { assert, describe, it } from "vitest"
import { type Placed, Ring } from "../../src/queue/ring.ts"

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

  it("agrees with a plain array over 20,000 random steps", () => {
    const ring = new Ring<Item>()
    const model: Array<Item> = []
    let seed = 7
    const below = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 8) % n
    }
    for (let step = 0; step < 20_000; step++) {
      // The load swells and ebbs, so that the ring grows, is squeezed and runs empty.
      const pushing = Math.floor(step / 1000) % 2 === 0 ? 6 : 3
      const what = below(10)
      if (what < pushing) {
        const item = new Item(step)
        ring.push(item)
        model.push(item)
      } else if (what < 8) assert.strictEqual(ring.shift(), model.shift())
      else if (model.length > 0) {
        const [item] = model.splice(below(model.length), 1)
        ring.remove(item!)
      }
      assert.strictEqual(ring.size, model.length)
    }
    assert.deepStrictEqual(
      names(ring),
      model.map((item) => item.name)
    )
    assert.deepStrictEqual(
      drain(ring),
      model.map((item) => item.name)
    )
  })
})
