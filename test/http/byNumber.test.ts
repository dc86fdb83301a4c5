/** A store by number against a `Map`, and what it holds when nearly all is deleted. */
import { expect, it } from "vitest"
import { ByNumber } from "../../src/http/byNumber.ts"

/** The same numbers at each run. */
const numbers = (seed: number) => () => (seed = (seed * 48_271) % 2_147_483_647)

it("does what a Map does, whatever the order of the numbers", () => {
  const next = numbers(11)
  const store = new ByNumber<string>()
  const model = new Map<number, string>()
  for (let step = 0; step < 20_000; step++) {
    // Around the borders of pages, and far away.
    const number = 1 + (next() % 4) * 1023 + (next() % 3) + (next() % 50 === 0 ? 2 ** 40 : 0)
    if (model.has(number) || next() % 3 === 0) {
      store.delete(number)
      model.delete(number)
    } else {
      store.set(number, `v${step}`)
      model.set(number, `v${step}`)
    }
    expect([store.get(number), store.size]).toEqual([model.get(number), model.size])
    if (step % 100 !== 0) continue
    const below = next() % 2 === 0 ? Infinity : number
    const expected = [...model.keys()].filter((key) => key < below).toSorted((a, b) => b - a)
    expect([...store.below(below)]).toEqual(expected.map((key) => model.get(key)))
  }
})

it("lets go of each page with its last value, but for those that a long one keeps", () => {
  const store = new ByNumber<number>()
  store.set(5, 5)
  for (let number = 1024; number <= 100_000; number++) {
    store.set(number, number)
    if (number > 1124) store.delete(number - 100)
  }
  expect(store.held).toBeLessThanOrEqual(3)
  expect(store.get(5)).toBe(5)
  for (let number = 1; number <= 100_000; number++) store.delete(number)
  expect([store.size, store.held]).toEqual([0, 0])
})
